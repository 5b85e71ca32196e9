import { createMetrics, randomHex, systemClock, systemRandom } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import type { Config } from './config.ts';
import { Health } from './health.ts';
import { openCallNode } from './open-call-node.ts';
import { openDemo } from './open-demo.ts';
import { openEdge } from './open-edge.ts';
import type { Edge } from './open-edge.ts';
import { openBus, openTenants } from './open-stores.ts';
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
  /** Resolves with a sentence when something this process cannot live without is gone for good. */
  readonly failed: Promise<string>;
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
  const clock = systemClock;
  const health = new Health();
  const node = `n${randomHex(systemRandom, 5)}`;
  const startup = new Startup({ name: 'server', log, signal, now: () => clock.monotonic() });
  const metrics = createMetrics({ defaults: true });
  const platform: Platform = {
    config,
    node,
    clock,
    random: systemRandom,
    log: log.child({ node }),
    metrics,
    health,
    startup,
    env: process.env,
  };
  const bus = await openBus(platform);
  const tenants = await openTenants(platform, bus);
  const { seeded, app, access } = await openDemo(platform, tenants);
  const callNode = await openCallNode(platform, { bus, tenants });
  const edge = await openEdge(platform, { bus, tenants, callNode, demo: access });

  const state = (): RunState => ({
    pid: process.pid,
    startedAt: new Date(clock.now()).toISOString(),
    node,
    dataDir: config.dataDir,
    pageUrl: edge.pageUrl,
    health: new URL('/healthz', edge.pageUrl).href,
    gateway: { ws: edge.wsUrl, socketio: edge.pageUrl },
    sip: { host: callNode.transport.advertised.address, port: callNode.transport.advertised.port },
    nats: { url: bus.url, subscriberUrl: bus.subscriberUrl },
    database: { url: tenants.databaseUrl },
    ...(app === undefined ? {} : { demoApp: app.url }),
    account: seeded.account.sid,
    numbers: [...seeded.numbers],
    children: { ...natsPid(bus.pid()), mediaWorkers: callNode.media.workers.map(({ pid }) => pid) },
  });
  await startup.step(
    'run state',
    () => {
      writeRunState(state());
    },
    () => {
      removeRunState(config.dataDir);
    },
  );
  callNode.media.on('worker-started', () => {
    if (health.state === 'ready') writeRunState(state());
  });
  bus.bus.on('reconnected', () => {
    if (health.state === 'ready') writeRunState(state());
  });
  health.state = 'ready';
  bus.outbox.emit({
    accountSid: seeded.account.sid,
    type: 'node.started',
    subject: node,
    data: { node, roles: ['gateway', 'api', 'call', 'media', 'scheduler'] },
  });
  return {
    state: state(),
    pageLink: linkOf(edge, access?.key),
    credentials: seeded.created
      ? {
          accountSid: seeded.account.sid,
          authToken: seeded.authToken,
          apiKeySid: seeded.key.sid,
          apiKeySecret: seeded.key.secret,
        }
      : undefined,
    failed: new Promise(() => undefined),
    close: async () => {
      health.state = 'draining';
      bus.outbox.emit({
        accountSid: seeded.account.sid,
        type: 'node.stopped',
        subject: node,
        data: { node, reason: 'shutdown' },
      });
      await startup.scope.close('shutdown');
      health.state = 'stopped';
    },
  };
}

const natsPid = (pid: number | undefined): { nats?: number } => (pid === undefined ? {} : { nats: pid });

function linkOf(edge: Edge, key: string | undefined): string {
  return key === undefined ? edge.pageUrl : `${edge.pageUrl}?key=${key}`;
}
