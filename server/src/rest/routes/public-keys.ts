import { z } from 'zod';
import { MAX_PUBLIC_KEYS } from '../../tenants/index.ts';
import type { PublicKeyRecord, TenantStore } from '../../tenants/index.ts';
import { iso8601 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { metaOf, metaSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, sid } from '../parameters.ts';
import { baseOf, contextOf, seen } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { mayManage } from './accounts.ts';

const jwkSchema = z
  .object({
    kty: z.string(),
    crv: z.string(),
    x: z.string(),
    y: z.string(),
    kid: z.string(),
    alg: z.string(),
    use: z.string(),
  })
  .meta({ id: 'PublicJwk' });
const keySchema = z
  .object({
    sid: z.string().describe('names the key in a revocation'),
    accountSid: z.string(),
    name: z.string(),
    kid: z.string().describe("what the header of a token has as 'kid'"),
    jwk: jwkSchema,
    createdAt: z.string(),
  })
  .meta({ id: 'PublicKey' });
const newSchema = z.strictObject({
  jwk: z
    .record(z.string(), z.unknown())
    .describe(
      "RFC 7517: kty EC, crv P-256, x, y. 'kid' is its thumbprint (RFC 7638) unless given. Never the private key",
    ),
  name: z.string().trim().min(1).max(64).optional(),
});
const keySetSchema = z.object({ keys: z.array(jwkSchema) }).meta({ id: 'PublicKeySet' });
const newKeySetSchema = z.looseObject({ keys: z.array(z.record(z.string(), z.unknown())).max(MAX_PUBLIC_KEYS) });
const path = accountPath.extend({ Sid: sid('publicKey') });
const tags = ['Tokens'];
const COLLECTION = '/accounts/:AccountSid/public-keys';
const INSTANCE = '/accounts/:AccountSid/public-keys/:Sid';
const KEY_SET = '/accounts/:AccountSid/jwks';

/** Public keys that check ES256 tokens, which the account signs itself: one by one, or as a key set. */
export function publicKeyRoutes(app: RestApp, services: RestServices): void {
  collection(app, services);
  instance(app, services);
  keySet(app, services);
}

function collection(app: RestApp, services: RestServices): void {
  const { store, pages, directory } = services;
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'createPublicKey',
        summary: 'Register a public key: tokens signed with its private half (ES256) are accepted from then on',
        tags,
        params: accountPath,
        body: newSchema,
        response: { 201: keySchema },
      },
    },
    async (request, reply) => {
      const context = contextOf(request);
      mayManage(context);
      const record = await store.publicKeys.add(context.account.sid, request.body.jwk, request.body.name);
      await seen(services, () => directory.publicKeyBySid(record.sid) !== undefined);
      return await reply.code(201).send(view(record));
    },
  );
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'listPublicKeys',
        summary: 'Public keys of an account',
        tags,
        params: accountPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ public_keys: z.array(keySchema), meta: metaSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const page = await readPage(pages, { url, owner, query }, (load) =>
        store.page('publicKey', { accountSid: owner, ...load }),
      );
      return { public_keys: page.items.map(view), meta: metaOf('public_keys', page, baseOf(request)) };
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  const { store, directory } = services;
  app.get(
    INSTANCE,
    {
      schema: {
        operationId: 'fetchPublicKey',
        summary: 'One public key',
        tags,
        params: path,
        response: { 200: keySchema },
      },
    },
    async (request) => view(await recordOf(store, contextOf(request).account.sid, request.params.Sid)),
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        operationId: 'deletePublicKey',
        summary: 'Delete a public key: its tokens are refused, and connections that have one are closed',
        tags,
        params: path,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const context = contextOf(request);
      mayManage(context);
      const { sid: found } = await recordOf(store, context.account.sid, request.params.Sid);
      await store.publicKeys.remove(found);
      await seen(services, () => directory.publicKeyBySid(found) === undefined);
      return await reply.code(204).send(null);
    },
  );
}

function keySet(app: RestApp, services: RestServices): void {
  const { store, directory } = services;
  app.put(
    KEY_SET,
    {
      schema: {
        operationId: 'replaceJwks',
        summary: 'Make the public keys of the account those of a key set (JWKS)',
        description:
          'Keys that are there already stay as they are, so that their tokens go on; what the set does not have any more is deleted.',
        tags,
        params: accountPath,
        body: newKeySetSchema,
        response: { 200: keySetSchema },
      },
    },
    async (request) => {
      const context = contextOf(request);
      mayManage(context);
      const records = await store.publicKeys.replace(context.account.sid, request.body);
      await seen(services, () => records.every((record) => directory.publicKeyBySid(record.sid) !== undefined));
      return { keys: records.map(jwkOf) };
    },
  );
  app.get(
    KEY_SET,
    {
      schema: {
        operationId: 'fetchJwks',
        summary: 'The public keys of the account as a key set (JWKS)',
        tags,
        params: accountPath,
        response: { 200: keySetSchema },
      },
    },
    async (request) => ({ keys: (await store.publicKeys.list(contextOf(request).account.sid)).map(jwkOf) }),
  );
}

async function recordOf(store: TenantStore, accountSid: string, keySid: string): Promise<PublicKeyRecord> {
  const key = await store.record('publicKey', keySid);
  if (key?.accountSid !== accountSid) throw new RestError('notFound');
  return key;
}

const jwkOf = ({ kid, jwk }: PublicKeyRecord): z.infer<typeof jwkSchema> => ({ ...jwk, kid, alg: 'ES256', use: 'sig' });

function view(record: PublicKeyRecord): z.infer<typeof keySchema> {
  const { sid: keySid, accountSid, name, kid, createdAt } = record;
  return { sid: keySid, accountSid, name, kid, jwk: jwkOf(record), createdAt: iso8601(createdAt) };
}
