import { tenantListSchema, tenantStatusSchema } from '@hookswitch/shared';
import { z } from 'zod';
import { accountPath } from '../../parameters.ts';
import { RestError } from '../../errors.ts';
import { inUse } from '../../services.ts';
import type { RestApp, RestServices } from '../../services.ts';
import { OPERATOR, consoleOf, limitParameter } from './operator-route.ts';

const filter = z.object({
  limit: limitParameter(1000, 100),
  status: z.enum(['active', 'suspended', 'closed']).optional().describe('only accounts of this status'),
  search: z
    .string()
    .trim()
    .max(64)
    .optional()
    .describe('only the account of this sid, or accounts of exactly this name'),
});

/** Every account with what it has now; suspending one, and letting it go on. */
export function tenantRoutes(app: RestApp, services: RestServices): void {
  const { store } = services;
  app.get(
    '/cluster/tenants',
    {
      schema: {
        ...OPERATOR,
        operationId: 'listClusterTenants',
        summary: 'Accounts with what they have now: calls, queued calls, clients, use of their limits',
        querystring: filter,
        response: { 200: tenantListSchema },
      },
    },
    async (request) => {
      const { limit, status, search = '' } = request.query;
      const name = search === '' || search.startsWith('AC') ? {} : { name: search };
      const found = await store.page('account', { limit, ...name, ...(status === undefined ? {} : { status }) });
      const sids = search.startsWith('AC') ? [search] : found.map(({ sid }) => sid);
      const { tenants, missing } = await consoleOf(services).tenants(sids, 1000);
      const isWanted = (each: (typeof tenants)[number]): boolean =>
        (status === undefined || each.status === status) &&
        (search === '' || each.accountSid === search || each.name === search) &&
        each.name !== '';
      return { tenants: tenants.filter(isWanted).slice(0, limit), missing };
    },
  );
  app.post(
    '/cluster/tenants/:AccountSid',
    {
      schema: {
        ...OPERATOR,
        operationId: 'updateClusterTenant',
        summary: 'Suspend an account, or let it go on',
        description:
          'A suspended account is refused everywhere within two seconds, its calls are ended, and what waits stays waiting.',
        params: accountPath,
        body: z.object({ status: z.enum(['active', 'suspended']) }),
        response: { 200: tenantStatusSchema },
      },
    },
    async (request) => {
      const before = await store.record('account', request.params.AccountSid);
      if (before === undefined) throw new RestError('notFound');
      if (before.status === 'closed') throw new RestError('conflict', 'The account is closed: that cannot be undone');
      const changed = await store.setAccountStatus(before.sid, request.body.status);
      await inUse(services, changed);
      return { accountSid: changed.sid, name: changed.name, status: changed.status };
    },
  );
}
