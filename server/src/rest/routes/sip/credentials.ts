import { z } from 'zod';
import type { CredentialRecord, TenantStore } from '../../../tenants/index.ts';
import { rfc2822 } from '../../dates.ts';
import { RestError } from '../../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../../paging.ts';
import { accountPath, sid } from '../../parameters.ts';
import { contextOf, inUse } from '../../services.ts';
import type { RestApp, RestServices } from '../../services.ts';
import { listOf } from './lists.ts';

const credentialSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    credential_list_sid: z.string(),
    username: z.string(),
    date_created: z.string(),
    date_updated: z.string(),
    uri: z.string(),
  })
  .meta({ id: 'SipCredential' });
const tags = ['SIP'];
const listPath = accountPath.extend({ ListSid: sid('credentialList') });
const path = listPath.extend({ Sid: sid('credential') });
const COLLECTION = '/Accounts/:AccountSid/SIP/CredentialLists/:ListSid/Credentials.json';
const INSTANCE = '/Accounts/:AccountSid/SIP/CredentialLists/:ListSid/Credentials/:Sid.json';
const password = z.string().max(128).describe('At least 8 characters; never shown');

/** User names and passwords in a list. */
export function credentialRoutes(app: RestApp, services: RestServices): void {
  collection(app, services);
  instance(app, services);
}

function collection(app: RestApp, services: RestServices): void {
  const { store, pages } = services;
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateSipCredential',
        summary: 'Add a user name with its password',
        tags,
        params: listPath,
        body: z.object({ Username: z.string().max(64), Password: password }),
        response: { 201: credentialSchema },
      },
    },
    async (request, reply) => {
      const list = await listOf(store, 'credentialList', {
        accountSid: contextOf(request).account.sid,
        listSid: request.params.ListSid,
      });
      const { Username, Password } = request.body;
      const made = await store.sipLists.addCredential(list, { username: Username, password: Password });
      await inUse(services, made);
      return await reply.code(201).send(view(made));
    },
  );
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'ListSipCredential',
        summary: 'User names of a list',
        tags,
        params: listPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ credentials: z.array(credentialSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const { sid: listSid } = await listOf(store, 'credentialList', {
        accountSid: owner,
        listSid: request.params.ListSid,
      });
      const page = await readPage(pages, { url, owner, query }, (load) =>
        store.page('credential', { accountSid: owner, listSid, ...load }),
      );
      return { credentials: page.items.map(view), ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  const { store } = services;
  const schema = { tags, params: path };
  const found = (request: Parameters<typeof contextOf>[0], params: z.infer<typeof path>): Promise<CredentialRecord> =>
    credentialOf(store, contextOf(request).account.sid, params);
  app.get(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'FetchSipCredential',
        summary: 'One user name',
        response: { 200: credentialSchema },
      },
    },
    async (request) => view(await found(request, request.params)),
  );
  app.post(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'UpdateSipCredential',
        summary: 'Change a password',
        body: z.object({ Password: password }),
        response: { 200: credentialSchema },
      },
    },
    async (request) => {
      const before = await found(request, request.params);
      const changed = await store.sipLists.changePassword(before.sid, request.body.Password);
      await inUse(services, changed);
      return view(changed);
    },
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'DeleteSipCredential',
        summary: 'Take a user name out of a list',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await store.sipLists.removeEntry('credential', (await found(request, request.params)).sid);
      return await reply.code(204).send(null);
    },
  );
}

async function credentialOf(
  store: TenantStore,
  accountSid: string,
  { ListSid, Sid }: z.infer<typeof path>,
): Promise<CredentialRecord> {
  const credential = await store.record('credential', Sid);
  if (credential?.accountSid !== accountSid || credential.listSid !== ListSid) throw new RestError('notFound');
  return credential;
}

function view(credential: CredentialRecord): z.input<typeof credentialSchema> {
  const { sid: id, accountSid, listSid, username, createdAt, updatedAt } = credential;
  return {
    sid: id,
    account_sid: accountSid,
    credential_list_sid: listSid,
    username,
    date_created: rfc2822(createdAt),
    date_updated: rfc2822(updatedAt),
    uri: `/2010-04-01/Accounts/${accountSid}/SIP/CredentialLists/${listSid}/Credentials/${id}.json`,
  };
}
