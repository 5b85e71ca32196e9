import { z } from 'zod';
import { iso8601 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { metaOf, metaSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, sid } from '../parameters.ts';
import { baseOf, contextOf, seen } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { atVersion, versionParameter } from '../versions.ts';
import { gatewaysOf, newTrunkSchema, trunkChangesSchema, trunkSettingsSchema } from '../../tenants/index.ts';
import type { TenantStore, TrunkChanges, TrunkRecord } from '../../tenants/index.ts';

const { name, allow, inboundUsername, digestUsername, codecs, channels } = newTrunkSchema.shape;
const trunkSchema = z
  .object({
    sid: z.string(),
    accountSid: z.string(),
    name,
    allow: allow.unwrap(),
    inboundUsername: inboundUsername.unwrap(),
    digestUsername: digestUsername.unwrap(),
    codecs: codecs.unwrap(),
    channels: channels.unwrap(),
    settings: trunkSettingsSchema,
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: 'Trunk' });
const newSchema = newTrunkSchema.extend({ settings: trunkSettingsSchema.strict().prefault({}) }).strict();
const changesSchema = trunkChangesSchema.strict();
const path = accountPath.extend({ Sid: sid('trunk') });
const tags = ['Trunks'];
const COLLECTION = '/accounts/:AccountSid/trunks';
const INSTANCE = '/accounts/:AccountSid/trunks/:Sid';

/** Trunks: what connects carriers. Secrets are written, never shown. */
export function trunkRoutes(app: RestApp, services: RestServices): void {
  collection(app, services);
  instance(app, services);
}

function collection(app: RestApp, services: RestServices): void {
  const { store, pages, directory } = services;
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'createTrunk',
        summary: 'Create a trunk',
        tags,
        params: accountPath,
        body: newSchema,
        response: { 201: trunkSchema },
      },
    },
    async (request, reply) => {
      const trunk = await store.addTrunk(contextOf(request).account.sid, request.body);
      await seen(services, () => directory.trunk(trunk.sid) !== undefined);
      return await reply.code(201).send(view(trunk));
    },
  );
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'listTrunks',
        summary: 'Trunks of an account',
        tags,
        params: accountPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ trunks: z.array(trunkSchema), meta: metaSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const page = await readPage(pages, { url, owner, query }, (load) =>
        store.page('trunk', { accountSid: owner, ...load }),
      );
      return { trunks: page.items.map(view), meta: metaOf('trunks', page, baseOf(request)) };
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  const { store, directory } = services;
  const schema = { tags, params: path };
  app.get(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'fetchTrunk',
        summary: 'One trunk',
        querystring: versionParameter,
        response: { 200: trunkSchema },
      },
    },
    async (request) => {
      const found = await recordOf(store, contextOf(request).account.sid, request.params.Sid);
      return view(await atVersion(store, found, request.query));
    },
  );
  app.post(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'updateTrunk',
        summary: 'Change what is given of a trunk, of its settings too',
        body: changesSchema,
        response: { 200: trunkSchema },
      },
    },
    async (request) => {
      const before = await recordOf(store, contextOf(request).account.sid, request.params.Sid);
      return view(await store.updateTrunk(before.sid, request.body as TrunkChanges));
    },
  );
  app.delete(
    INSTANCE,
    { schema: { ...schema, operationId: 'deleteTrunk', summary: 'Delete a trunk', response: { 204: z.null() } } },
    async (request, reply) => {
      const { sid: found } = await recordOf(store, contextOf(request).account.sid, request.params.Sid);
      await store.deleteTrunk(found);
      await seen(services, () => directory.trunk(found) === undefined);
      return await reply.code(204).send(null);
    },
  );
}

async function recordOf(store: TenantStore, accountSid: string, wanted: string): Promise<TrunkRecord> {
  const trunk = await store.record('trunk', wanted);
  if (trunk?.accountSid !== accountSid) throw new RestError('notFound');
  return trunk;
}

function view(trunk: TrunkRecord): z.infer<typeof trunkSchema> {
  return {
    sid: trunk.sid,
    accountSid: trunk.accountSid,
    name: trunk.name,
    allow: trunk.allow,
    inboundUsername: trunk.inboundUsername,
    digestUsername: trunk.digestUsername,
    codecs: trunk.codecs,
    channels: trunk.channels,
    settings: { ...trunk.settings, gateways: [...gatewaysOf(trunk)] },
    createdAt: iso8601(trunk.createdAt),
    updatedAt: iso8601(trunk.updatedAt),
  };
}
