// The production scheduler, forecast and allocator on a virtual clock, by a trace (docs/simulator.md). Run: npm run simulate -- TRACE [--json]
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { compare } from '../server/src/cluster/capacity/testing/evidence.ts';
import { simulateCluster, simulateFairness } from '../server/src/cluster/simulation/index.ts';
import { seededRandom } from '../server/src/kernel/index.ts';

const WEEK_MINUTES = 7 * 1440;

const tenantClass = z.strictObject({
  name: z.string().min(1),
  tenants: z.int().min(1).max(100_000),
  weight: z.number().positive(),
  calls: z.int().min(1).max(1_000_000),
  noisy: z.boolean().default(false),
});

const fairnessShape = z.strictObject({
  channels: z.int().min(1),
  holdSeconds: z.number().positive(),
  classes: z
    .array(tenantClass)
    .min(1)
    .refine((all) => all.some(({ noisy }) => !noisy), 'one class at least has to be quiet')
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'names of classes have to differ'),
});

const capacityShape = z.strictObject({ weeks: z.int().min(1).max(50), startupMinutes: z.number().min(1).max(60) });

const phase = z.strictObject({
  fromMinute: z.int().min(0),
  inboundPerSecond: z.number().min(0).max(10_000),
  queuedPerSecond: z.number().min(0).max(10_000),
});

const clusterShape = z
  .strictObject({
    minutes: z.int().min(1).max(40_320),
    tenants: z.int().min(1).max(100_000),
    limits: z.strictObject({
      callsPerSecond: z.number().positive(),
      burst: z.number().min(1),
      window: z.strictObject({ calls: z.int().min(1), seconds: z.int().min(1) }).optional(),
      concurrent: z.int().min(1),
    }),
    holdSeconds: z.number().positive(),
    phases: z
      .array(phase)
      .min(1)
      .refine((all) => isRising(all.map(({ fromMinute }) => fromMinute)), 'phases have to be in the order of time'),
    channelsPerNode: z.int().min(2),
    // One that takes longer is given up by the allocator.
    startupSeconds: z.number().min(1).max(179),
    drainSeconds: z.number().min(0),
    minNodes: z.int().min(1),
    maxNodes: z.int().min(1).max(1000),
    killMinutes: z.array(z.int().min(0)).default([]),
  })
  .refine(({ minNodes, maxNodes }) => minNodes <= maxNodes, 'minNodes is more than maxNodes');

const traceShape = z
  .strictObject({
    name: z.string().min(1),
    seed: z.int().min(0),
    fairness: fairnessShape.optional(),
    capacity: capacityShape.optional(),
    cluster: clusterShape.optional(),
  })
  .refine(
    ({ fairness, capacity, cluster }) => (fairness ?? capacity ?? cluster) !== undefined,
    'fairness, capacity or cluster has to be there',
  );

function isRising(values: readonly number[]): boolean {
  return values.every((value, index) => value > (values[index - 1] ?? -1));
}

function read(file: string): z.infer<typeof traceShape> {
  const parsed = traceShape.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file} is no trace (docs/simulator.md):\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

type Figures = Readonly<Record<string, number | null>>;

const UNKNOWN_FAIRNESS: Figures = { jain: null, quiet_p95_ratio: null };
const UNKNOWN_CAPACITY: Figures = {
  under_provisioned_ratio: null,
  under_provisioned_ratio_reactive: null,
  node_hours_ratio_vs_oracle: null,
};

function fairnessOf(trace: z.infer<typeof fairnessShape>, seed: number): Figures {
  const { jain, quietP95Ms, quietP95AloneMs } = simulateFairness(trace, () => seededRandom(seed));
  return { jain, quiet_p95_ratio: quietP95Ms / quietP95AloneMs };
}

function capacityOf({ weeks, startupMinutes }: z.infer<typeof capacityShape>, seed: number): Figures {
  const seeds = Array.from({ length: weeks }, (_, index) => seed + index);
  const { forecast, reactive, perfect } = compare(seeds, startupMinutes);
  const minutes = weeks * WEEK_MINUTES;
  return {
    under_provisioned_ratio: forecast.shortMinutes / minutes,
    under_provisioned_ratio_reactive: reactive.shortMinutes / minutes,
    node_hours_ratio_vs_oracle: forecast.nodeHours / perfect.nodeHours,
  };
}

async function clusterOf(trace: z.infer<typeof clusterShape>, seed: number): Promise<Figures> {
  const result = await simulateCluster(trace, seededRandom(seed));
  return {
    dropped: result.droppedByDrain + result.droppedByKill,
    dropped_by_drain: result.droppedByDrain,
    dropped_by_kill: result.droppedByKill,
    refused: result.refused,
    inbound_calls: result.inbound,
    queued_calls: result.queued,
    still_waiting: result.waiting,
    wait_p50_s: result.waitP50Seconds,
    wait_p95_s: result.waitP95Seconds,
    cluster_short_ratio: result.underProvisioned,
    node_hours: result.nodeHours,
    most_nodes: result.mostNodes,
    nodes_started: result.started,
    nodes_drained: result.drained,
  };
}

/** What the trace has no part for is not known: null, not 0. */
async function simulate(file: string): Promise<Figures> {
  const { seed, fairness, capacity, cluster } = read(file);
  return {
    ...(fairness === undefined ? UNKNOWN_FAIRNESS : fairnessOf(fairness, seed)),
    ...(capacity === undefined ? UNKNOWN_CAPACITY : capacityOf(capacity, seed)),
    ...(cluster === undefined ? { dropped: null } : await clusterOf(cluster, seed)),
  };
}

const { positionals, values } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean' } } });
const [file] = positionals;
try {
  if (file === undefined) throw new Error('Which trace? For example: npm run simulate -- traces/noisy-tenant.json');
  const result = await simulate(file);
  if (values.json === true) console.log(JSON.stringify(result));
  else for (const [name, value] of Object.entries(result)) console.log(`${name}: ${value ?? 'not simulated'}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
