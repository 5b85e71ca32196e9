import { NatsNodeRpc } from '../bridge/node-rpc.nats.ts';
import { NatsRegistrations } from '../bridge/registrations.nats.ts';
import { randomHex } from '../kernel/index.ts';
import type { Log, Random } from '../kernel/index.ts';
import type { Config } from './config.ts';
import { localFirstRpc } from './local-first-rpc.ts';
import type { CallNode } from './open-call-node.ts';
import { openBridgeRequests } from './open-bridge-requests.ts';
import { sweepRegistrations } from './open-cluster.ts';
import { tellOfClients } from './open-console.ts';
import { openEdge } from './open-edge.ts';
import type { Edge } from './open-edge.ts';
import { openBus, openDirectory } from './open-stores.ts';
import type { BusParts } from './open-stores.ts';
import type { TraceParts } from './open-trace.ts';
import type { Platform } from './platform.ts';
import { removeRunState, writeRunState } from './run-state.ts';
import type { RunState } from './run-state.ts';
import { openRoleLoad } from './open-role-load.ts';
import { commonState, firstAccount, provisioned, serve, startServer } from './server-lifetime.ts';
import type { Server } from './server.ts';

/** Connections that a gateway is planned to have; a busy processor or event loop counts before them. */
const GATEWAY_CONNECTIONS = 10_000;
/** Over which the clients of a gateway that drains are sent away, milliseconds. */
const DRAIN_SPREAD_MS = 10_000;

/** Traces are kept where calls are. */
const noTrace = (random: Random): TraceParts => ({
  taps: {},
  traces: undefined,
  operatorKey: randomHex(random, 24),
  events: (sink) => sink,
});

/**
 * Starts the role `gateway` alone: hub, its endpoints and the softphone's messages. The configuration comes from its
 * mirror on the bus; there is no SIP, no media, no database and no REST API in this process.
 *
 * @throws whatever the first part that did not start threw, after everything opened before was closed
 */
export const openGatewayServer = (config: Config, given: { log: Log; signal: AbortSignal }): Promise<Server> =>
  startServer(config, given, openParts);

async function openParts(platform: Platform): Promise<Server> {
  const { startup, config } = platform;
  const trace = noTrace(platform.random);
  const bus = await openBus(platform, trace);
  const tenants = await openDirectory(platform, bus.bus);
  const accountSid = firstAccount(tenants);
  const callNode = await openBridgeLinks(platform, bus);
  const edge = await openEdge(platform, {
    bus,
    tenants,
    callNode,
    trace,
    demo: undefined,
    pickHost: () => callNodeOf(platform, bus),
  });
  const { clients } = edge;
  startup.scope.defer(tellOfClients(callNode.rpc, edge.quotas));
  const load = await openRoleLoad(platform, {
    ...{ bus: bus.bus, rpc: callNode.rpc, what: 'connections', capacity: GATEWAY_CONNECTIONS },
    inUse: () => clients.connections,
    finish: (deadlineMs) => {
      // Those that are sent away should not all arrive elsewhere at once.
      const half = Math.min(DRAIN_SPREAD_MS, deadlineMs / 2);
      return clients.drain({ spreadMs: half, deadlineMs: half });
    },
  });
  const state = stateOf(platform, { bus, edge, accountSid, operatorKey: trace.operatorKey });
  await startup.step(
    'run state',
    () => {
      writeRunState(state);
    },
    () => {
      removeRunState(config.dataDir);
    },
  );
  const served = serve(platform, bus, { accountSid, addresses: { hub: edge.wsUrl, ...provisioned(platform) } });
  load.ready();
  return { state, pageLink: edge.pageUrl, credentials: undefined, drained: load.drain.finished, ...served };
}

/** What the softphone's messages need to reach call nodes. */
async function openBridgeLinks(
  platform: Platform,
  parts: BusParts,
): Promise<Pick<CallNode, 'rpc' | 'registrations' | 'bridgeRequests'>> {
  const { startup, node } = platform;
  const { bus, cluster, outbox } = parts;
  const close = (opened: { close(): void }): void => {
    opened.close();
  };
  const remote = await startup.step('node requests', () => new NatsNodeRpc(bus, node), close);
  const isAlive = (other: string): boolean => cluster.isAlive(other);
  const registrations = await startup.step(
    'registrations',
    () => NatsRegistrations.open({ bus, node, isAlive }),
    close,
  );
  cluster.registerSweep(sweepRegistrations(registrations, outbox));
  const bridgeRequests = await openBridgeRequests(platform, parts, { watchesExpiry: false });
  return { rpc: localFirstRpc(remote), registrations, bridgeRequests };
}

/** Any live process with the role `call`; this one, which refuses, while there is none. */
function callNodeOf({ node, random }: Platform, { cluster }: BusParts): string {
  const able = cluster.members().filter(({ roles }) => roles.includes('call'));
  return able[random.int(Math.max(1, able.length))]?.node ?? node;
}

function stateOf(
  platform: Platform,
  parts: { readonly bus: BusParts; readonly edge: Edge; readonly accountSid: string; readonly operatorKey: string },
): RunState {
  const { bus, edge, accountSid, operatorKey } = parts;
  return {
    ...commonState(platform, { pageUrl: edge.pageUrl, bus, accountSid }),
    ...(edge.certificate === undefined ? {} : { certificate: edge.certificate }),
    gateway: { ws: edge.wsUrl, socketio: edge.pageUrl },
    operatorKey,
    numbers: [],
    children: { mediaWorkers: [] },
  };
}
