import { createMetrics, processStart, randomHex, systemClock, systemRandom } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import type { Config } from './config.ts';
import { Health } from './health.ts';
import { openCallNode } from './open-call-node.ts';
import type { CallNode } from './open-call-node.ts';
import { openDemo } from './open-demo.ts';
import type { DemoParts } from './open-demo.ts';
import { openEdge } from './open-edge.ts';
import type { Edge } from './open-edge.ts';
import { openBus, openTenants } from './open-stores.ts';
import type { BusParts, TenantParts } from './open-stores.ts';
import type { Platform } from './platform.ts';
import { removeRunState, writeRunState } from './run-state.ts';
import type { RunState } from './run-state.ts';
import { Startup } from './startup.ts';

/** A running Hookswitch process. */
export interface Server {
  readonly state: RunState;
  /** The page's address, with the demo key where one is needed. */
  readonly pageLink: string;
  /** Set at the very first start only: printed once, then never again. */
  readonly credentials: FirstCredentials | undefined;
  close(): Promise<void>;
}

export interface FirstCredentials {
  readonly accountSid: string;
  readonly authToken: string;
  readonly apiKeySid: string;
  readonly apiKeySecret: string;
}

/**
 * Starts every role in this process, in the order in which they need each other; closing goes the other way.
 *
 * @throws whatever the first part that did not start threw, after everything opened before was closed
 */
export async function openServer(config: Config, { log, signal }: { log: Log; signal: AbortSignal }): Promise<Server> {
  const platform = createPlatform(config, { log, signal });
  try {
    return await openParts(platform);
  } catch (error) {
    // A step that fails has closed everything already; what fails between steps has not.
    await platform.startup.scope.close('start-failed', error).catch((closing: unknown) => {
      log.warn({ err: closing }, 'closing after a failed start');
    });
    throw error;
  }
}

async function openParts(platform: Platform): Promise<Server> {
  const { node, startup, health } = platform;
  const bus = await openBus(platform);
  const tenants = await openTenants(platform, bus);
  const demo = await openDemo(platform, tenants);
  const callNode = await openCallNode(platform, { bus, tenants });
  const edge = await openEdge(platform, { bus, tenants, callNode, demo: demo.access });
  const parts: Parts = { bus, tenants, demo, callNode, edge };
  // First of all at the end: browsers hear that their call is over while they are still connected.
  startup.scope.defer(() => callNode.drain());

  await keepRunState(platform, parts);
  health.state = 'ready';
  const accountSid = demo.seeded.account.sid;
  const roles = ['gateway', 'call'];
  bus.outbox.emit({ accountSid, type: 'node.started', subject: node, data: { node, roles } });
  return {
    state: stateOf(platform, parts),
    pageLink: linkOf(edge, demo.access?.key),
    credentials: firstCredentials(demo),
    close: async () => {
      health.state = 'draining';
      bus.outbox.emit({ accountSid, type: 'node.stopped', subject: node, data: { node, reason: 'shutdown' } });
      await startup.scope.close('shutdown');
      health.state = 'stopped';
    },
  };
}

interface Parts {
  readonly bus: BusParts;
  readonly tenants: TenantParts;
  readonly demo: DemoParts;
  readonly callNode: CallNode;
  readonly edge: Edge;
}

function createPlatform(config: Config, { log, signal }: { log: Log; signal: AbortSignal }): Platform {
  const clock = systemClock;
  const node = `n${randomHex(systemRandom, 5)}`;
  return {
    config,
    node,
    clock,
    random: systemRandom,
    log: log.child({ node }),
    metrics: createMetrics({ defaults: true }),
    health: new Health(),
    startup: new Startup({ name: 'server', log, signal, now: () => clock.monotonic() }),
    env: process.env,
  };
}

/** Writes the run-state file, and again whenever a child process named in it was replaced. */
async function keepRunState(platform: Platform, parts: Parts): Promise<void> {
  const { startup, config } = platform;
  const write = (): void => {
    if (!startup.scope.isClosed) writeRunState(stateOf(platform, parts));
  };
  await startup.step('run state', write, () => {
    removeRunState(config.dataDir);
  });
  startup.scope.defer(parts.callNode.media.on('worker-started', write));
  startup.scope.defer(parts.bus.bus.on('reconnected', write));
}

function stateOf({ config, node, clock }: Platform, { bus, tenants, demo, callNode, edge }: Parts): RunState {
  const { address, port } = callNode.transport.advertised;
  const start = processStart(process.pid);
  return {
    pid: process.pid,
    ...(start === undefined ? {} : { processStart: start }),
    startedAt: new Date(clock.now()).toISOString(),
    node,
    dataDir: config.dataDir,
    pageUrl: edge.pageUrl,
    health: new URL('/healthz', edge.pageUrl).href,
    gateway: { ws: edge.wsUrl, socketio: edge.pageUrl },
    sip: { host: address, port },
    nats: { url: bus.url, subscriberUrl: bus.subscriberUrl },
    database: { url: tenants.databaseUrl },
    ...(demo.app === undefined ? {} : { demoApp: demo.app.url }),
    account: demo.seeded.account.sid,
    numbers: [...demo.seeded.numbers],
    children: { ...natsPid(bus.pid()), mediaWorkers: callNode.media.workers.map(({ pid }) => pid) },
  };
}

function firstCredentials({ seeded }: DemoParts): FirstCredentials | undefined {
  if (!seeded.created) return undefined;
  return {
    accountSid: seeded.account.sid,
    authToken: seeded.authToken,
    apiKeySid: seeded.key.sid,
    apiKeySecret: seeded.key.secret,
  };
}

const natsPid = (pid: number | undefined): { nats?: number } => (pid === undefined ? {} : { nats: pid });

function linkOf(edge: Edge, key: string | undefined): string {
  return key === undefined ? edge.pageUrl : `${edge.pageUrl}?key=${key}`;
}
