import { z } from 'zod';
import { iso8601, rfc2822 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, nameParameter } from '../parameters.ts';
import { contextOf, seen } from '../services.ts';
import type { RestApp, RestContext, RestServices } from '../services.ts';
import type { AccountRecord, TenantStore } from '../../tenants/index.ts';

const status = z.enum(['active', 'suspended', 'closed']);
const accountSchema = z
  .object({
    sid: z.string(),
    owner_account_sid: z.string(),
    friendly_name: z.string(),
    status,
    type: z.literal('Full'),
    auth_token: z.string().describe('Empty when asked for with an API key'),
    date_created: z.string(),
    date_updated: z.string(),
    uri: z.string(),
    subresource_uris: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Account' });
const listSchema = z.object({ accounts: z.array(accountSchema), ...legacyPageSchema });
const tags = ['Accounts'];

/** Accounts: the own one and those it made, which are tenants of their own. */
export function accountRoutes(app: RestApp, services: RestServices): void {
  collection(app, services);
  instance(app, services);
}

function collection(app: RestApp, services: RestServices): void {
  const { store, pages } = services;
  const view = viewOf(store);
  app.post(
    '/Accounts.json',
    {
      schema: {
        operationId: 'CreateAccount',
        summary: 'Create an account that belongs to the own one',
        tags,
        body: z.object({ FriendlyName: nameParameter }),
        response: { 201: accountSchema },
      },
    },
    async (request, reply) => {
      const context = contextOf(request);
      mayManage(context);
      if (context.account.ownerSid !== undefined) {
        throw new RestError('accessDenied', 'An account that belongs to another one cannot have accounts of its own');
      }
      const name = request.body.FriendlyName ?? '';
      const fallback = `SubAccount Created at ${iso8601(services.clock.now())}`;
      const { account } = await store.createAccount(name === '' ? fallback : name, context.account.sid);
      await seen(services, () => services.directory.accountBySid(account.sid) !== undefined);
      return await reply.code(201).send(view(account, context));
    },
  );
  app.get(
    '/Accounts.json',
    {
      schema: {
        operationId: 'ListAccount',
        summary: 'The own account and those that belong to it',
        tags,
        querystring: z.object({ FriendlyName: z.string().optional(), Status: status.optional(), ...pageParameters }),
        response: { 200: listSchema },
      },
    },
    async (request) => {
      const context = contextOf(request);
      const { query, url } = request;
      const owner = context.account.sid;
      const filters = { ...optional('name', query.FriendlyName), ...optional('status', query.Status) };
      const page = await readPage(pages, { url, owner, query }, (load) =>
        store.page('account', { accountSid: owner, ...filters, ...load }),
      );
      return { accounts: page.items.map((account) => view(account, context)), ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  const { store } = services;
  const view = viewOf(store);
  app.get(
    '/Accounts/:AccountSid.json',
    {
      schema: {
        operationId: 'FetchAccount',
        summary: 'One account',
        tags,
        params: accountPath,
        response: { 200: accountSchema },
      },
    },
    async (request) => view(await recordOf(store, request.params.AccountSid), contextOf(request)),
  );
  app.post(
    '/Accounts/:AccountSid.json',
    {
      schema: {
        operationId: 'UpdateAccount',
        summary: 'Rename, suspend, resume or close an account',
        description: 'The status is changed by the account that owns it; closed is for good.',
        tags,
        params: accountPath,
        body: z.object({ FriendlyName: nameParameter, Status: status.optional() }),
        response: { 200: accountSchema },
      },
    },
    async (request) => {
      const context = contextOf(request);
      const { FriendlyName: name, Status: wanted } = request.body;
      mayManage(context);
      const before = await recordOf(store, context.account.sid);
      checkStatus(before, wanted, context);
      const account = await store.updateAccount(before.sid, {
        ...optional('name', name === '' ? undefined : name),
        ...optional('status', wanted),
      });
      await seen(services, () => services.directory.accountBySid(account.sid)?.status === account.status);
      return view(account, context);
    },
  );
}

/** @throws RestError `accessDenied` for an API key: keys may not make what outlives them */
export function mayManage({ principal }: RestContext): void {
  if (principal.keySid === undefined) return;
  throw new RestError('accessDenied', 'An API key may not change accounts and keys: use AccountSid and auth token');
}

function checkStatus(account: AccountRecord, wanted: string | undefined, { principal }: RestContext): void {
  if (wanted === undefined || wanted === account.status) return;
  if (account.sid === principal.accountSid) {
    throw new RestError('accessDenied', 'An account cannot change its own status: its owner or the operator can');
  }
  if (account.status === 'closed') throw new RestError('badRequest', 'Status: a closed account stays closed');
}

async function recordOf(store: TenantStore, sid: string): Promise<AccountRecord> {
  const account = await store.record('account', sid);
  if (account === undefined) throw new RestError('notFound');
  return account;
}

type AccountView = (account: AccountRecord, context: RestContext) => z.input<typeof accountSchema>;

function viewOf(store: TenantStore): AccountView {
  return (account, { principal }) => {
    const uri = `/2010-04-01/Accounts/${account.sid}`;
    const parts = { applications: 'Applications', incoming_phone_numbers: 'IncomingPhoneNumbers', keys: 'Keys' };
    return {
      sid: account.sid,
      owner_account_sid: account.ownerSid ?? account.sid,
      friendly_name: account.name,
      status: account.status,
      type: 'Full',
      auth_token: principal.keySid === undefined ? store.authToken(account) : '',
      date_created: rfc2822(account.createdAt),
      date_updated: rfc2822(account.updatedAt),
      uri: `${uri}.json`,
      subresource_uris: Object.fromEntries(
        Object.entries(parts).map(([name, part]): [string, string] => [name, `${uri}/${part}.json`]),
      ),
    };
  };
}

/** A member that is only there when it has a value. */
export function optional<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V });
}
