import type { Hub } from '../hub/index.ts';
import { LongPolls } from '../gateway/index.ts';
import type { Gateway, Quotas } from '../gateway/index.ts';
import { hubHttp } from '../gateway/http/routes.fastify.ts';
import type { TraceAccess } from '../trace/ports.ts';
import type { FastifyPluginCallback } from './http.fastify.ts';
import { hubConnectionRoutes } from './hub-connections.fastify.ts';
import type { Platform } from './platform.ts';

/** Event streams and long-polling, and the operator's view of the clients. */
export interface HubHttp {
  readonly plugins: readonly FastifyPluginCallback[];
  /** From now on event streams are taken. */
  serve(gateway: Gateway): void;
}

export function openHubHttp(
  { clock, log, metrics, startup }: Platform,
  { hub, access, quotas }: { readonly hub: Hub; readonly access: TraceAccess; readonly quotas: Quotas },
): HubHttp {
  const polls = new LongPolls({ hub, clock, metrics, quotas });
  let gateway: Gateway | undefined;
  return {
    plugins: [
      hubHttp({ acceptor: () => gateway, polls, log }),
      hubConnectionRoutes({ gateway: () => gateway, access }),
    ],
    serve: (opened) => {
      gateway = opened;
      // Before the gateway is drained: those that wait get their answer.
      startup.scope.defer(() => {
        polls.close();
      });
    },
  };
}
