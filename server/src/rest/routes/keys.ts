import { z } from 'zod';
import { iso8601, rfc2822 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, nameParameter, sid } from '../parameters.ts';
import { contextOf, seen } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import type { ApiKeyRecord, TenantStore } from '../../tenants/index.ts';
import { mayManage } from './accounts.ts';

const keySchema = z
  .object({ sid: z.string(), friendly_name: z.string(), date_created: z.string(), date_updated: z.string() })
  .meta({ id: 'Key' });
const newKeySchema = keySchema.extend({ secret: z.string().describe('Shown here only') }).meta({ id: 'NewKey' });
const keyPath = accountPath.extend({ Sid: sid('apiKey') });
const body = z.object({ FriendlyName: nameParameter });

/** API keys. `Keys` and `SigningKeys` are the same ones. */
export function keyRoutes(app: RestApp, services: RestServices): void {
  for (const [path, key] of [
    ['Keys', 'keys'],
    ['SigningKeys', 'signing_keys'],
  ] as const) {
    const name = path.slice(0, -1);
    collection(app, services, { path: `/Accounts/:AccountSid/${path}.json`, name, key });
    instance(app, services, { path: `/Accounts/:AccountSid/${path}/:Sid.json`, name });
  }
}

function collection(
  app: RestApp,
  services: RestServices,
  { path, name, key }: { path: string; name: string; key: 'keys' | 'signing_keys' },
): void {
  const { store, pages, directory } = services;
  const tags = ['Keys'];
  app.post(
    path,
    {
      schema: {
        operationId: `Create${name}`,
        summary: 'Create an API key',
        tags,
        params: accountPath,
        body,
        response: { 201: newKeySchema },
      },
    },
    async (request, reply) => {
      const context = contextOf(request);
      mayManage(context);
      const given = request.body.FriendlyName ?? '';
      const fallback = `Key Created at ${iso8601(services.clock.now())}`;
      const created = await store.createKey(context.account.sid, given === '' ? fallback : given);
      await seen(services, () => directory.apiKey(created.key.sid) !== undefined);
      return await reply.code(201).send({ ...view(created.key), secret: created.secret });
    },
  );
  app.get(
    path,
    {
      schema: {
        operationId: `List${name}`,
        summary: 'API keys of an account',
        tags,
        params: accountPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ [key]: z.array(keySchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const page = await readPage(pages, { url, owner, query }, (load) =>
        store.page('apiKey', { accountSid: owner, ...load }),
      );
      return { [key]: page.items.map(view), ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, services: RestServices, { path, name }: { path: string; name: string }): void {
  const { store, directory } = services;
  const schema = { tags: ['Keys'], params: keyPath };
  app.get(
    path,
    { schema: { ...schema, operationId: `Fetch${name}`, summary: 'One API key', response: { 200: keySchema } } },
    async (request) => view(await recordOf(store, contextOf(request).account.sid, request.params.Sid)),
  );
  app.post(
    path,
    {
      schema: {
        ...schema,
        operationId: `Update${name}`,
        summary: 'Rename an API key',
        body,
        response: { 200: keySchema },
      },
    },
    async (request) => {
      const context = contextOf(request);
      mayManage(context);
      const before = await recordOf(store, context.account.sid, request.params.Sid);
      const given = request.body.FriendlyName ?? '';
      return view(given === '' ? before : await store.renameKey(before.sid, given));
    },
  );
  app.delete(
    path,
    {
      schema: {
        ...schema,
        operationId: `Delete${name}`,
        summary: 'Delete an API key: tokens made with it are refused from then on',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const context = contextOf(request);
      mayManage(context);
      const { sid: found } = await recordOf(store, context.account.sid, request.params.Sid);
      await store.deleteKey(found);
      await seen(services, () => directory.apiKey(found) === undefined);
      return await reply.code(204).send(null);
    },
  );
}

async function recordOf(store: TenantStore, accountSid: string, keySid: string): Promise<ApiKeyRecord> {
  const key = await store.record('apiKey', keySid);
  if (key?.accountSid !== accountSid) throw new RestError('notFound');
  return key;
}

function view(key: ApiKeyRecord): z.input<typeof keySchema> {
  return {
    sid: key.sid,
    friendly_name: key.name,
    date_created: rfc2822(key.createdAt),
    date_updated: rfc2822(key.updatedAt),
  };
}
