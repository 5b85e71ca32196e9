import { z } from 'zod';
import { NodePlacement, LoadReporter } from '../cluster/placement/index.ts';
import { ProcessMeter } from '../cluster/placement/load-meter.fs.ts';
import { NatsLoadReports } from '../cluster/placement/load-reports.nats.ts';
import type { LoadReports } from '../cluster/placement/index.ts';
import type { NodeRpc } from '../bridge/index.ts';
import { ClusterRequestError } from './cluster-error.ts';
import { Drain, MAX_DRAIN_MS } from './drain.ts';
import type { CallNode } from './open-call-node.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** What this node knows of the load of all, and how nodes are drained. */
export interface NodeLoadParts {
  readonly placement: NodePlacement;
  /** Of all nodes, those without the role `call` too. */
  readonly reports: LoadReports;
  /** Of this process. */
  readonly drain: Drain;
  /** This process takes calls now: tells the others, with the time that it took to start. */
  readonly ready: () => void;
  /** Drains any live node. @throws ClusterRequestError */
  readonly drainNode: (node: string, deadlineMs: number) => Promise<{ readonly calls: number }>;
}

const RPC_DRAIN = 'node-drain';
const drainSchema = z.object({ deadlineMs: z.number().int().min(0).max(MAX_DRAIN_MS) });
const drainedSchema = z.object({ calls: z.number() });

/** Tells the others how this node is, hears of them, and takes this one out of service when it is asked to. */
export async function openNodeLoad(
  platform: Platform,
  { bus, callNode }: { readonly bus: BusParts; readonly callNode: CallNode },
): Promise<NodeLoadParts> {
  const { startup, clock, node, config, log, health, metrics } = platform;
  const { cluster } = bus;
  const reports = await startup.step(
    'load reports',
    () => new NatsLoadReports(bus.bus),
    (opened) => {
      opened.close();
    },
  );
  const placement = new NodePlacement({ cluster, clock });
  startup.scope.defer(
    reports.onReport((load) => {
      placement.heard(load);
    }),
  );
  const channels = (): number => callNode.media.counts.legs;
  let startupMs = 0;
  const reporter = await startup.step(
    'load of this node',
    () =>
      new LoadReporter({
        ...{ node, reports, clock, channels, capacity: config.callCapacity, startupMs: () => startupMs },
        meter: new ProcessMeter({ clock, pids: () => callNode.media.workers.map(({ pid }) => pid) }),
        draining: () => health.state !== 'ready',
        silent: () => health.state === 'starting',
      }),
    (opened) => {
      opened.close();
    },
  );
  const calls = (): number => callNode.router.activeCalls().length;
  const drain = new Drain({
    ...{ health, log, calls },
    tell: () => {
      reporter.sayNow();
    },
    finishCalls: (deadlineMs) => callNode.drain(deadlineMs),
  });
  startup.scope.defer(serveDrain(callNode.rpc, drain, calls));
  metrics.gauge('hookswitch_node_load', 'What this node tells the others of itself', ['what'], () =>
    Object.entries(reporter.load).flatMap(([what, value]) =>
      typeof value === 'string' ? [] : [[{ what }, Number(value)] as const],
    ),
  );
  metrics.gauge('hookswitch_cluster_room', 'Outgoing calls that the cluster has room for', [], () => placement.room);
  return {
    placement,
    reports,
    drain,
    ready: () => {
      startupMs = Math.round(process.uptime() * 1000);
      reporter.sayNow();
    },
    drainNode: (name, deadlineMs) => drainNode({ bus, rpc: callNode.rpc }, name, deadlineMs),
  };
}

/** Another process asks this one to drain, by `drainNode`. */
export function serveDrain(rpc: NodeRpc, drain: Drain, calls: () => number): () => void {
  return rpc.serve(RPC_DRAIN, (payload) => {
    const { deadlineMs } = drainSchema.parse(payload);
    const answer: z.infer<typeof drainedSchema> = { calls: calls() };
    void drain.begin(deadlineMs);
    return Promise.resolve(answer);
  });
}

async function drainNode(
  { bus, rpc }: { readonly bus: BusParts; readonly rpc: NodeRpc },
  node: string,
  deadlineMs: number,
): Promise<{ readonly calls: number }> {
  const member = bus.cluster.members().find((each) => each.node === node);
  if (member === undefined) {
    throw new ClusterRequestError('no-such-node', `no live node is called ${node}: see \`hookswitch cluster list\``);
  }
  try {
    return drainedSchema.parse(await rpc.request(node, RPC_DRAIN, { deadlineMs }));
  } catch (cause) {
    throw new ClusterRequestError('not-reached', `node ${node} did not answer`, { cause });
  }
}
