import { availableParallelism } from 'node:os';
import type { Log } from '../kernel/index.ts';
import type { Config } from './config.ts';
import { NatsNodeRpc } from '../bridge/node-rpc.nats.ts';
import { delay } from '../kernel/index.ts';
import { openHttpServer } from './http.fastify.ts';
import type { HttpServer } from './http.fastify.ts';
import { openMediaLayerHere } from './open-media-layer.ts';
import { openBus, openDirectory } from './open-stores.ts';
import { announcedAddress } from './platform.ts';
import type { Platform } from './platform.ts';
import { removeRunState, writeRunState } from './run-state.ts';
import type { RunState } from './run-state.ts';
import { openRoleLoad } from './open-role-load.ts';
import { commonState, firstAccount, provisioned, serve, startServer } from './server-lifetime.ts';
import type { Server } from './server.ts';

/**
 * Starts the role `media` alone: the media layer and its HTTP service. The configuration comes from its mirror on the bus; there is
 * no SIP, no database, no page and no REST API in this process. Calls of other processes find it by its lease.
 *
 * @throws whatever the first part that did not start threw, after everything opened before was closed
 */
export const openMediaServer = (config: Config, given: { log: Log; signal: AbortSignal }): Promise<Server> =>
  startServer(config, given, openParts);

async function openParts(platform: Platform): Promise<Server> {
  const { startup, clock, health, metrics, log, config } = platform;
  const bus = await openBus(platform, { taps: {}, traces: undefined, operatorKey: '', events: (sink) => sink });
  const tenants = await openDirectory(platform, bus.bus);
  const accountSid = firstAccount(tenants);
  const { plugins, conversions } = await openMediaLayerHere(platform, { bus, tenants });
  const http = await startup.step(
    'HTTP server',
    () =>
      openHttpServer({
        ...{ host: config.http.host, port: config.http.port, tls: undefined, pageDir: undefined },
        ...{ health, metrics, log, demo: undefined, plugins },
      }),
    (opened) => opened.close(),
  );
  const transfers = transfersOf(http.server);
  const rpc = await startup.step(
    'node requests',
    () => new NatsNodeRpc(bus.bus, platform.node),
    (opened) => {
      opened.close();
    },
  );
  const load = await openRoleLoad(platform, {
    ...{ bus: bus.bus, rpc, what: 'conversions', capacity: Math.max(2, availableParallelism()), inUse: conversions },
    finish: async (deadlineMs) => {
      const until = clock.monotonic() + deadlineMs;
      bus.cluster.announce({ media: '' });
      // Others hear it with the next lease; until then they may still ask here.
      await delay(clock, Math.min(UNSEEN_AFTER_MS, deadlineMs));
      while (transfers() + conversions() > 0 && clock.monotonic() < until) await delay(clock, LOOK_MS);
    },
  });
  const address = announcedAddress(config.http.host, config.publicAddress);
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${String(http.port)}`;
  const state: RunState = {
    ...commonState(platform, { pageUrl: url, bus, accountSid }),
    gateway: { ws: '', socketio: '' },
    numbers: [],
    children: { mediaWorkers: [] },
  };
  await startup.step(
    'run state',
    () => {
      writeRunState(state);
    },
    () => {
      removeRunState(config.dataDir);
    },
  );
  const served = serve(platform, bus, { accountSid, addresses: { media: url, ...provisioned(platform) } });
  load.ready();
  return { state, pageLink: url, credentials: undefined, drained: load.drain.finished, ...served };
}

/** By then every process knows that this one is asked no more, milliseconds. */
const UNSEEN_AFTER_MS = 3000;
/** Between two looks at what is still under way, milliseconds. */
const LOOK_MS = 100;

/** Requests that are being answered. */
function transfersOf(server: HttpServer['server']): () => number {
  let count = 0;
  server.on('request', (_request, response) => {
    count++;
    response.once('close', () => {
      count--;
    });
  });
  return () => count;
}
