import { decisionListSchema, forecastViewSchema } from '@hookswitch/shared';
import { z } from 'zod';
import type { RestApp, RestServices } from '../../services.ts';
import { OPERATOR, consoleOf, limitParameter } from './operator-route.ts';

/** What was decided about the number of nodes, and the forecast that it was decided by. */
export function capacityRoutes(app: RestApp, services: RestServices): void {
  app.get(
    '/cluster/decisions',
    {
      schema: {
        ...OPERATOR,
        operationId: 'listClusterDecisions',
        summary: 'What was decided about the number of nodes, and why; the newest last',
        querystring: z.object({ limit: limitParameter(500, 50) }),
        response: { 200: decisionListSchema },
      },
    },
    (request) => consoleOf(services).decisions(request.query.limit),
  );
  app.get(
    '/cluster/forecast',
    {
      schema: {
        ...OPERATOR,
        operationId: 'fetchClusterForecast',
        summary: 'Load that was, what had been said of it, and what is expected',
        description: 'In steps of ten minutes; of an hour when more than a day is asked for.',
        querystring: z.object({
          hours: z.coerce.number().int().min(1).max(168).default(24).describe('of the past'),
          ahead: z.coerce.number().int().min(1).max(48).default(6).describe('hours to come'),
        }),
        response: { 200: forecastViewSchema },
      },
    },
    (request) => consoleOf(services).forecast(request.query.hours, request.query.ahead),
  );
}
