import { queueViewSchema } from '@hookswitch/shared';
import { z } from 'zod';
import type { RestApp, RestServices } from '../../services.ts';
import { OPERATOR, consoleOf, limitParameter } from './operator-route.ts';

/** Calls of all accounts that were asked for and wait. */
export function queueRoutes(app: RestApp, services: RestServices): void {
  app.get(
    '/cluster/queue',
    {
      schema: {
        ...OPERATOR,
        operationId: 'fetchClusterQueue',
        summary: 'Calls that were asked for and wait, by account',
        querystring: z.object({ limit: limitParameter(1000, 100) }),
        response: { 200: queueViewSchema },
      },
    },
    (request) => consoleOf(services).queue(request.query.limit),
  );
}
