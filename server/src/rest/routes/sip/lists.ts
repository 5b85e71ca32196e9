import { z } from 'zod';
import type { CredentialListRecord, IpListRecord, RecordOf, TenantStore } from '../../../tenants/index.ts';
import { RestError } from '../../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../../paging.ts';
import { accountPath, nameParameter, sid } from '../../parameters.ts';
import { contextOf } from '../../services.ts';
import type { RestApp, RestServices } from '../../services.ts';
import { LISTS, credentialListSchema, ipListSchema, listView } from './list-view.ts';

type ListKind = 'credentialList' | 'ipList';

/** What tells the two kinds of lists apart. */
interface ListSpec {
  readonly kind: ListKind;
  readonly sidKind: 'credentialList' | 'ipAccessControlList';
  /** In the names of operations. */
  readonly operation: string;
  /** For people. */
  readonly content: string;
  /** Of the page of lists. */
  readonly member: string;
  readonly schema: typeof credentialListSchema;
  readonly add: (store: TenantStore, accountSid: string, name: string) => Promise<CredentialListRecord | IpListRecord>;
  readonly rename: (store: TenantStore, sid: string, name: string) => Promise<CredentialListRecord | IpListRecord>;
}

/** Lists of user names and passwords for SIP domains. */
export const credentialListRoutes = routesOf({
  kind: 'credentialList',
  sidKind: 'credentialList',
  operation: 'SipCredentialList',
  content: 'credentials',
  member: 'credential_lists',
  schema: credentialListSchema,
  add: (store, accountSid, name) => store.sipLists.addCredentialList(accountSid, name),
  rename: (store, listSid, name) => store.sipLists.renameCredentialList(listSid, name),
});

/** Lists of addresses for SIP domains. */
export const ipListRoutes = routesOf({
  kind: 'ipList',
  sidKind: 'ipAccessControlList',
  operation: 'SipIpAccessControlList',
  content: 'addresses',
  member: 'ip_access_control_lists',
  schema: ipListSchema,
  add: (store, accountSid, name) => store.sipLists.addIpList(accountSid, name),
  rename: (store, listSid, name) => store.sipLists.renameIpList(listSid, name),
});

/** @throws RestError `notFound` */
export async function listOf<K extends ListKind>(
  store: TenantStore,
  kind: K,
  { accountSid, listSid }: { readonly accountSid: string; readonly listSid: string },
): Promise<RecordOf[K]> {
  const list = await store.record(kind, listSid);
  if (list?.accountSid !== accountSid) throw new RestError('notFound');
  return list;
}

function routesOf(spec: ListSpec): (app: RestApp, services: RestServices) => void {
  return (app, services) => {
    collection(app, services, spec);
    instance(app, services, spec);
  };
}

const tags = ['SIP'];

function collection(app: RestApp, { store, pages }: RestServices, spec: ListSpec): void {
  const { kind, operation, content, member, schema } = spec;
  const address = `/Accounts/:AccountSid/SIP/${LISTS[kind].path}.json`;
  app.post(
    address,
    {
      schema: {
        operationId: `Create${operation}`,
        summary: `Create a list of ${content}`,
        tags,
        params: accountPath,
        body: z.object({ FriendlyName: nameParameter.unwrap() }),
        response: { 201: schema },
      },
    },
    async (request, reply) => {
      const made = await spec.add(store, contextOf(request).account.sid, request.body.FriendlyName);
      return await reply.code(201).send(listView(made));
    },
  );
  app.get(
    address,
    {
      schema: {
        operationId: `List${operation}`,
        summary: `Lists of ${content}`,
        tags,
        params: accountPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ [member]: z.array(schema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const page = await readPage(pages, { url, owner, query }, (load) =>
        store.page(kind, { accountSid: owner, ...load }),
      );
      return { [member]: page.items.map(listView), ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, { store }: RestServices, spec: ListSpec): void {
  const { kind, operation, content } = spec;
  const address = `/Accounts/:AccountSid/SIP/${LISTS[kind].path}/:Sid.json`;
  const params = accountPath.extend({ Sid: sid(spec.sidKind) });
  const found = (request: Parameters<typeof contextOf>[0], { Sid }: z.infer<typeof params>) =>
    listOf(store, kind, { accountSid: contextOf(request).account.sid, listSid: Sid });
  const response = { 200: spec.schema };
  app.get(
    address,
    { schema: { tags, params, operationId: `Fetch${operation}`, summary: `One list of ${content}`, response } },
    async (request) => listView(await found(request, request.params)),
  );
  app.post(
    address,
    {
      schema: {
        ...{ tags, params, response },
        operationId: `Update${operation}`,
        summary: `Give a list of ${content} another name`,
        body: z.object({ FriendlyName: nameParameter.unwrap() }),
      },
    },
    async (request) => {
      const before = await found(request, request.params);
      return listView(await spec.rename(store, before.sid, request.body.FriendlyName));
    },
  );
  app.delete(
    address,
    {
      schema: {
        ...{ tags, params },
        operationId: `Delete${operation}`,
        summary: `Delete a list of ${content} that is mapped to no SIP domain, with what is in it`,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { accountSid, sid: listSid } = await found(request, request.params);
      await store.sipLists.removeList(kind, accountSid, listSid);
      return await reply.code(204).send(null);
    },
  );
}
