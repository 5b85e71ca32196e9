import { drainedNodeSchema, nodeListSchema } from '@hookswitch/shared';
import { z } from 'zod';
import { RestError } from '../../errors.ts';
import type { RestApp, RestServices } from '../../services.ts';
import { OPERATOR, consoleOf } from './operator-route.ts';

const drain = z.object({
  deadlineSeconds: z
    .int()
    .min(0)
    .max(86_400)
    .default(3600)
    .describe('from now: calls that are still up then are ended'),
});

/** The nodes that take calls, and taking one out of service. */
export function nodeRoutes(app: RestApp, services: RestServices): void {
  app.get(
    '/cluster/nodes',
    {
      schema: {
        ...OPERATOR,
        operationId: 'listClusterNodes',
        summary: 'The nodes that take calls, with their load',
        response: { 200: nodeListSchema },
      },
    },
    () => consoleOf(services).nodes(),
  );
  app.post(
    '/cluster/nodes/:node/drain',
    {
      schema: {
        ...OPERATOR,
        operationId: 'drainClusterNode',
        summary: 'Take a node out of service',
        description: 'No new calls from now on; live ones go on, and when the last one is over its process ends.',
        params: z.object({ node: z.string().regex(/^[\w-]{1,64}$/) }),
        body: drain,
        response: { 202: drainedNodeSchema },
      },
    },
    async (request, reply) => {
      const drained = await consoleOf(services).drain(request.params.node, request.body.deadlineSeconds);
      if ('refused' in drained) {
        throw new RestError(drained.refused === 'no-such-node' ? 'notFound' : 'unavailable', drained.message);
      }
      return await reply.code(202).send(drained);
    },
  );
}
