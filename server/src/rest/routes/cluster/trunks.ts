import { trunkListSchema } from '@hookswitch/shared';
import { z } from 'zod';
import type { RestApp, RestServices } from '../../services.ts';
import { OPERATOR, consoleOf, limitParameter } from './operator-route.ts';

/** Trunks of all accounts, as they are on all nodes. */
export function trunkRoutes(app: RestApp, services: RestServices): void {
  app.get(
    '/cluster/trunks',
    {
      schema: {
        ...OPERATOR,
        operationId: 'listClusterTrunks',
        summary: 'Trunks of all accounts: channels in use on all nodes, limits, health of the gateways',
        querystring: z.object({ limit: limitParameter(1000, 200) }),
        response: { 200: trunkListSchema },
      },
    },
    (request) => consoleOf(services).trunks(request.query.limit),
  );
}
