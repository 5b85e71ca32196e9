import { join } from 'node:path';
import { createSoftphoneExtension } from '../bridge/index.ts';
import type { Notifications } from '../bridge/index.ts';
import { createGateway } from '../gateway/index.ts';
import type { Gateway } from '../gateway/index.ts';
import { listenSocketIo } from '../gateway/listener.socketio.ts';
import { listenWebSocket } from '../gateway/listener.ws.ts';
import { createHub } from '../hub/index.ts';
import type { Hub } from '../hub/index.ts';
import { NatsEventLog } from '../hub/event-log.nats.ts';
import { openHttpServer, readTlsFiles } from './http.fastify.ts';
import type { DemoAccess, HttpServer } from './http.fastify.ts';
import type { CallNode } from './open-call-node.ts';
import type { Directory, TenantKind } from '../tenants/index.ts';
import type { BusParts, TenantParts } from './open-stores.ts';
import { announcedAddress } from './platform.ts';
import type { Platform } from './platform.ts';
import { selfSignedCertificate } from './tls.ts';

/** Where clients connect: page, hub endpoints, health. */
export interface Edge {
  readonly http: HttpServer;
  readonly hub: Hub;
  readonly pageUrl: string;
  readonly wsUrl: string;
}

export interface EdgeParts {
  readonly bus: BusParts;
  readonly tenants: TenantParts;
  readonly callNode: CallNode;
  readonly demo: DemoAccess | undefined;
}

export async function openEdge(platform: Platform, parts: EdgeParts): Promise<Edge> {
  const { config, startup, clock, log, metrics, health } = platform;
  const hub = await openHub(platform, parts);
  const tls = await certificate(platform);
  const http = await startup.step(
    'HTTP server',
    () =>
      openHttpServer({
        host: config.http.host,
        port: config.http.port,
        tls,
        pageDir: join(config.repository, 'client/dist'),
        health,
        metrics,
        log,
        demo: parts.demo,
      }),
    (opened) => opened.close(),
  );
  const extension = await startup.step(
    'softphone extension',
    () =>
      createSoftphoneExtension({
        clock,
        random: platform.random,
        log,
        rpc: parts.callNode.rpc,
        registrations: parts.callNode.registrations,
        notifications: notificationsOf(hub),
        events: parts.bus.outbox,
      }),
    (opened) => opened.close(),
  );
  await openGateway(platform, { hub, http, extension, directory: parts.tenants.directory });
  const address = announcedAddress(config.http.host, config.publicAddress);
  const host = `${address.includes(':') ? `[${address}]` : address}:${http.port}`;
  const secure = tls === undefined ? '' : 's';
  return { http, hub, pageUrl: `http${secure}://${host}/`, wsUrl: `ws${secure}://${host}/v1/hub` };
}

function openHub({ startup, clock, log, metrics }: Platform, { bus, tenants }: EdgeParts): Promise<Hub> {
  return startup.step(
    'hub',
    () => {
      const eventLog = new NatsEventLog({ bus: bus.bus, streams: bus.streams });
      startup.scope.defer(() => eventLog.close());
      const { directory } = tenants;
      return createHub({ log: eventLog, keys: directory, clock, logger: log, metrics });
    },
    (opened) => opened.close(),
  );
}

interface GatewayParts {
  readonly hub: Hub;
  readonly http: HttpServer;
  readonly extension: ReturnType<typeof createSoftphoneExtension>;
  readonly directory: Directory;
}

async function openGateway(
  { startup, clock, random, log, metrics, node }: Platform,
  { hub, http, extension, directory }: GatewayParts,
): Promise<void> {
  const gateway = await startup.step('gateway', () =>
    createGateway({ hub, extensions: [extension], node, clock, random, logger: log, metrics }),
  );
  const close = (listener: { close(): Promise<void> }): Promise<void> => listener.close();
  await startup.step('WebSocket endpoint', () => listenWebSocket({ server: http.server, gateway, logger: log }), close);
  await startup.step('Socket.IO endpoint', () => listenSocketIo({ server: http.server, gateway, logger: log }), close);
  startup.scope.defer(
    directory.onChange((change) => {
      endRevoked(gateway, directory, change);
    }),
  );
  // Before everything behind: clients are told to come back while it still works.
  startup.scope.defer(() => gateway.drain({ spreadMs: 100, deadlineMs: 2000 }));
}

/** Connections of an account that was suspended, and of a key that was deleted, end at once. */
function endRevoked(gateway: Gateway, directory: Directory, { kind, sid }: { kind: TenantKind; sid: string }): void {
  if (kind === 'account' && directory.accountBySid(sid)?.status !== 'active') {
    gateway.disconnect((grants) => grants?.accountSid === sid, 'accountInactive');
  }
  if (kind === 'apiKey' && directory.apiKey(sid) === undefined) {
    gateway.disconnect((grants) => grants?.keySid === sid, 'tokenRevoked');
  }
}

/** The bridge hears of incoming calls through the hub, like any subscriber. */
function notificationsOf(hub: Hub): Notifications {
  return {
    subscribe: (accountSid, topicPattern, onEvent) => {
      const subscription = hub.subscribe(accountSid, topicPattern, ({ event }) => {
        onEvent(event);
      });
      return {
        ready: subscription.ready.then(() => undefined),
        close: () => {
          subscription.close();
        },
      };
    },
  };
}

async function certificate({ config, clock }: Platform): Promise<{ cert: string; key: string } | undefined> {
  if (config.tls === undefined) return undefined;
  if (config.tls !== 'self-signed') return readTlsFiles(config.tls);
  return await selfSignedCertificate(config.dataDir, config.publicAddress ?? config.http.host, clock);
}
