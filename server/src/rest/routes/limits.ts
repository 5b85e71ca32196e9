import { z } from 'zod';
import { accountLimitsSchema, effectiveLimits, ownLimitsSchema } from '../../tenants/index.ts';
import type { AccountLimits, AccountRecord } from '../../tenants/index.ts';
import { iso8601 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { accountPath } from '../parameters.ts';
import { contextOf, inUse } from '../services.ts';
import type { RestApp, RestContext, RestServices } from '../services.ts';
import { mayManage } from './accounts.ts';

const limitsSchema = z
  .object({
    accountSid: z.string(),
    limits: ownLimitsSchema.describe('what was set for this account'),
    effective: accountLimitsSchema.describe("the same, with the server's defaults where nothing was set"),
    updatedAt: z.string(),
  })
  .meta({ id: 'AccountLimits' });
const tags = ['Accounts'];
const PATH = '/accounts/:AccountSid/limits';
const config = { operator: true };

/** EV-8, EV-9: what an account may use of the event hub, and how long its events are kept. */
export function limitRoutes(app: RestApp, services: RestServices): void {
  const { store } = services;
  app.get(
    PATH,
    {
      config,
      schema: {
        operationId: 'fetchLimits',
        summary: 'What an account may use of the event hub, and how much of its events is kept',
        tags,
        params: accountPath,
        response: { 200: limitsSchema },
      },
    },
    async (request) => view(await recordOf(services, contextOf(request).account.sid)),
  );
  app.put(
    PATH,
    {
      config,
      schema: {
        operationId: 'replaceLimits',
        summary: 'Set the limits of an account; what is left out is the default again',
        description:
          'For the account that owns it, within its own limits, and for the operator. In force within two seconds in every ' +
          'process; what is there already is not cut. Rates and numbers hold in each process with clients by itself.',
        tags,
        params: accountPath,
        body: ownLimitsSchema.strict(),
        response: { 200: limitsSchema },
      },
    },
    async (request) => {
      const context = contextOf(request);
      mayLimit(services, context, request.body);
      const record = await store.setAccountLimits(context.account.sid, request.body);
      await inUse(services, record);
      return view(record);
    },
  );
}

/** @throws RestError `accessDenied`, and `badRequest` for more than the owner has itself */
function mayLimit({ directory }: RestServices, context: RestContext, wanted: AccountLimits): void {
  const { principal, account } = context;
  if (principal.operator === true) return;
  mayManage(context);
  if (account.sid === principal.accountSid) {
    throw new RestError('accessDenied', 'An account cannot change its own limits: its owner or the operator can');
  }
  const most: AccountLimits = effectiveLimits(directory.accountBySid(principal.accountSid)?.limits);
  const errors = Object.entries(wanted).flatMap(([name, value]) => {
    const own = most[name as keyof AccountLimits] ?? 0;
    return (value ?? 0) <= own
      ? []
      : [{ pointer: `/${name}`, detail: `at most ${own}, as the account that owns it has` }];
  });
  const [first] = errors;
  if (first !== undefined) throw new RestError('badRequest', `${first.pointer.slice(1)}: ${first.detail}`, { errors });
}

async function recordOf({ store }: RestServices, sid: string): Promise<AccountRecord> {
  const account = await store.record('account', sid);
  if (account === undefined) throw new RestError('notFound');
  return account;
}

function view({ sid, limits, updatedAt }: AccountRecord): z.infer<typeof limitsSchema> {
  return { accountSid: sid, limits, effective: effectiveLimits(limits), updatedAt: iso8601(updatedAt) };
}
