import type { ConnectionList } from '@hookswitch/shared';
import type { Gateway } from '../gateway/index.ts';
import type { TraceAccess } from '../trace/ports.ts';
import type { FastifyPluginCallback } from './http.fastify.ts';

/** `GET /v1/hub/connections` for the operator alone: every client connection of this process. */
export function hubConnectionRoutes(parts: {
  readonly gateway: () => Pick<Gateway, 'clients'> | undefined;
  readonly access: TraceAccess;
}): FastifyPluginCallback {
  return (app, _options, done) => {
    app.get('/v1/hub/connections', async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      if ((await parts.access.scopeOf(request.headers.authorization)) !== 'operator') {
        void reply.code(401).header('www-authenticate', 'Bearer realm="hookswitch"');
        return {
          status: 401,
          title: 'Only the operator of this server may see this: use `hookswitch hub connections`',
        };
      }
      return { connections: parts.gateway()?.clients() ?? [] } satisfies ConnectionList;
    });
    done();
  };
}
