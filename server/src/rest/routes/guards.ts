import { z } from 'zod';
import { accountGuardsSchema, guardsInForce, ownGuardsSchema } from '../../tenants/index.ts';
import type { AccountRecord } from '../../tenants/index.ts';
import { iso8601 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { accountPath } from '../parameters.ts';
import { contextOf, inUse } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { mayManage } from './accounts.ts';

const guardsSchema = z
  .object({
    accountSid: z.string(),
    guards: ownGuardsSchema.describe('what was set for this account'),
    effective: accountGuardsSchema.describe("the same, with its owner's and the defaults where nothing was set"),
    updatedAt: z.string(),
  })
  .meta({ id: 'AccountGuards' });
const tags = ['Accounts'];
const PATH = '/accounts/:AccountSid/guards';
const config = { operator: true };

/** Against toll fraud: where the calls of an account may go, and what they may cost. */
export function guardRoutes(app: RestApp, services: RestServices): void {
  const { store } = services;
  app.get(
    PATH,
    {
      config,
      schema: {
        operationId: 'fetchGuards',
        summary: 'Where the calls of an account may go, what they cost, and what they may cost',
        tags,
        params: accountPath,
        response: { 200: guardsSchema },
      },
    },
    async (request) => {
      const account = await store.record('account', contextOf(request).account.sid);
      if (account === undefined) throw new RestError('notFound');
      return view(services, account);
    },
  );
  app.put(
    PATH,
    {
      config,
      schema: {
        operationId: 'replaceGuards',
        summary: "Set the guards of an account; what is left out is its owner's again, or the default",
        description:
          'For the account that owns it, and for the operator: an account cannot change its own. In force within two seconds on ' +
          'every node; calls that are up go on until their next minute.',
        tags,
        params: accountPath,
        body: ownGuardsSchema.strict(),
        response: { 200: guardsSchema },
      },
    },
    async (request) => {
      const context = contextOf(request);
      const { account, principal } = context;
      if (principal.operator !== true) {
        mayManage(context);
        if (account.sid === principal.accountSid) {
          throw new RestError('accessDenied', 'An account cannot change its own guards: its owner or the operator can');
        }
      }
      const record = await store.setAccountGuards(account.sid, request.body);
      await inUse(services, record);
      return view(services, record);
    },
  );
}

function view({ directory }: RestServices, record: AccountRecord): z.infer<typeof guardsSchema> {
  const { sid, guards, updatedAt } = record;
  return { accountSid: sid, guards, effective: guardsInForce(directory, record), updatedAt: iso8601(updatedAt) };
}
