import { join } from 'node:path';
import { trackingLinkVisits } from '../app-server/tracking-links.fastify.ts';
import { createSoftphoneExtension } from '../bridge/index.ts';
import type { Notifications } from '../bridge/index.ts';
import { createGateway } from '../gateway/index.ts';
import type { Gateway, Quotas } from '../gateway/index.ts';
import type { Webhooks } from '../gateway/index.ts';
import { listenSocketIo } from '../gateway/listener.socketio.ts';
import { listenWebSocket } from '../gateway/listener.ws.ts';
import { createHub } from '../hub/index.ts';
import type { Hub, Presence, RevocationStore } from '../hub/index.ts';
import { openHttpServer, readTlsFiles } from './http.fastify.ts';
import type { DemoAccess, HttpServer, FastifyPluginCallback } from './http.fastify.ts';
import type { CallNode } from './open-call-node.ts';
import { bridgeAccess } from './open-call-messages.ts';
import { openHubHttp } from './open-hub-http.ts';
import type { HubHttp } from './open-hub-http.ts';
import { openEventLog } from './open-event-log.ts';
import { openWebhooks } from './open-webhooks.ts';
import { natsAccess, openNatsTenants } from './open-nats-tenants.ts';
import { openPresence } from './open-presence.ts';
import { openQuotas } from './open-quotas.ts';
import type { BusParts, TenantReaders } from './open-stores.ts';
import { keySource, openRevocations } from './open-tokens.ts';
import { announcedAddress } from './platform.ts';
import { traceAccess } from './open-trace.ts';
import type { TraceParts } from './open-trace.ts';
import type { Platform } from './platform.ts';
import { PageTokens } from '../rest/index.ts';
import type { RestServices } from '../rest/index.ts';
import { restApi } from '../rest/api.fastify.ts';
import { traceRoutes } from '../trace/http.fastify.ts';
import type { TraceAccess } from '../trace/ports.ts';
import type { TenantStore } from '../tenants/index.ts';
import { selfSignedCertificate } from './tls.ts';

/** Where clients connect: page, hub endpoints, REST, health. */
export interface Edge {
  readonly http: HttpServer;
  readonly hub: Hub;
  /** What accounts use of this gateway. */
  readonly quotas: Quotas;
  readonly clients: Pick<Gateway, 'connections' | 'drain'>;
  readonly pageUrl: string;
  readonly wsUrl: string;
  /** Chain of the server's certificate, PEM; undefined without TLS. */
  readonly certificate: string | undefined;
}

type RestCalls = Pick<
  RestServices,
  | 'records'
  | 'callRequests'
  | 'queueLength'
  | 'queuePlaces'
  | 'callControl'
  | 'endUnheld'
  | 'conferences'
  | 'queues'
  | 'recordingFiles'
  | 'transcode'
  | 'cluster'
>;

export interface EdgeParts {
  readonly bus: BusParts;
  /** Without a store there is no REST API here. */
  readonly tenants: TenantReaders & { readonly store?: TenantStore };
  /** What REST knows of calls, and does to them. */
  readonly calls?: RestCalls;
  readonly callNode: Pick<CallNode, 'rpc' | 'registrations' | 'bridgeRequests'> &
    Partial<Pick<CallNode, 'sessions' | 'delegates'>>;
  /** The node that takes a client's own call (default: this one). */
  readonly pickHost?: () => string;
  readonly trace: TraceParts;
  readonly demo: DemoAccess | undefined;
  /** Routes of the media layer, where it is in this process. */
  readonly media?: readonly FastifyPluginCallback[];
}

export async function openEdge(platform: Platform, parts: EdgeParts): Promise<Edge> {
  const { config, startup, clock, log, metrics, health } = platform;
  const revocations = await openRevocations(platform, parts.bus);
  const hub = await openHub(platform, { ...parts, revocations });
  const access = operatorAccess(platform, parts);
  const quotas = await openQuotas(platform, { bus: parts.bus, directory: parts.tenants.directory });
  hub.accountMetrics.watch(() => quotas.usage());
  const hubHttp = openHubHttp(platform, { hub, access, quotas });
  const presence = await openPresence(platform, parts.bus);
  await openNatsTenants(platform, { ...parts, hub, quotas });
  const webhooks = await openWebhooks(platform, { ...parts, hub });
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
        plugins: [
          ...tracePlugins(parts.trace, access),
          ...hubHttp.plugins,
          ...linkPlugins(platform, parts),
          ...(parts.media ?? []),
          ...restPlugins(platform, { ...parts, revocations, presence, hub, webhooks, quotas }),
        ],
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
        requests: parts.callNode.bridgeRequests,
        notifications: notificationsOf(hub),
        events: parts.bus.outbox,
        ...(parts.pickHost === undefined ? {} : { pickHost: parts.pickHost }),
      }),
    (opened) => opened.close(),
  );
  const clients = await openGateway(platform, { hub, quotas, http, hubHttp, presence, extension });
  const address = announcedAddress(config.http.host, config.publicAddress);
  const host = `${address.includes(':') ? `[${address}]` : address}:${http.port}`;
  const secure = tls === undefined ? '' : 's';
  const pageUrl = `http${secure}://${host}/`;
  return { http, hub, quotas, clients, pageUrl, wsUrl: `ws${secure}://${host}/v1/hub`, certificate: tls?.cert };
}

function linkPlugins({ log }: Platform, { callNode: { sessions } }: EdgeParts): FastifyPluginCallback[] {
  return sessions === undefined ? [] : [trackingLinkVisits({ links: sessions.links, log })];
}

function operatorAccess({ clock }: Platform, { tenants: { directory }, trace }: EdgeParts): TraceAccess {
  return traceAccess({ directory, operatorKey: trace.operatorKey, clock });
}

function tracePlugins({ traces }: TraceParts, access: TraceAccess): FastifyPluginCallback[] {
  return traces === undefined ? [] : [traceRoutes({ traces, access })];
}

function restPlugins(
  platform: Platform,
  parts: EdgeParts & {
    readonly revocations: RevocationStore;
    readonly presence: Presence;
    readonly hub: Hub;
    readonly webhooks: Webhooks;
    readonly quotas: Quotas;
  },
): FastifyPluginCallback[] {
  const { clock, random, log } = platform;
  const { bus, revocations, presence, hub, webhooks, quotas } = parts;
  const { store, directory, secrets } = parts.tenants;
  const { calls } = parts;
  if (store === undefined || calls === undefined) return [];
  const pages = new PageTokens(secrets.deriveKey('REST page tokens'));
  const nats = natsAccess(bus);
  const bridge = bridgeAccess(platform, parts);
  return [
    restApi({
      ...bridge,
      ...calls,
      bridgeRequests: parts.callNode.bridgeRequests,
      nats,
      iceServers: platform.config.ice,
      store,
      directory,
      revocations,
      presence,
      hub,
      webhooks,
      quotas,
      operatorKey: parts.trace.operatorKey,
      sessions: parts.callNode.sessions,
      delegates: parts.callNode.delegates,
      pages,
      clock,
      random,
      log,
    }),
  ];
}

async function openHub(
  platform: Platform,
  { bus, tenants, revocations }: EdgeParts & { readonly revocations: RevocationStore },
): Promise<Hub> {
  const { startup, clock, log, metrics, config } = platform;
  const eventLog = await openEventLog(platform, bus, tenants.directory);
  return await startup.step(
    'hub',
    () => {
      const keys = keySource(tenants.directory);
      return createHub({
        log: eventLog,
        keys,
        revocations,
        clock,
        logger: log,
        metrics,
        metricsAccounts: config.metricsAccounts,
      });
    },
    (opened) => opened.close(),
  );
}

interface GatewayParts {
  readonly hub: Hub;
  readonly quotas: Quotas;
  readonly http: HttpServer;
  readonly hubHttp: HubHttp;
  readonly presence: Presence;
  readonly extension: ReturnType<typeof createSoftphoneExtension>;
}

async function openGateway(
  { startup, clock, random, log, metrics, node }: Platform,
  { hub, quotas, http, hubHttp, presence, extension }: GatewayParts,
): Promise<Gateway> {
  const gateway = await startup.step('gateway', () =>
    createGateway({ hub, quotas, presence, extensions: [extension], node, clock, random, logger: log, metrics }),
  );
  const close = (listener: { close(): Promise<void> }): Promise<void> => listener.close();
  await startup.step('WebSocket endpoint', () => listenWebSocket({ server: http.server, gateway, logger: log }), close);
  await startup.step('Socket.IO endpoint', () => listenSocketIo({ server: http.server, gateway, logger: log }), close);
  // Before everything behind: clients are told to come back while it still works.
  startup.scope.defer(() => gateway.drain({ spreadMs: 100, deadlineMs: 2000 }));
  hubHttp.serve(gateway);
  return gateway;
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
