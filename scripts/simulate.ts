// The production scheduler, forecast and allocator on a virtual clock, by a trace (docs/simulator.md). Run: npm run simulate -- TRACE [--json]
// [--out FILE]
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { compare } from '../server/src/cluster/capacity/testing/evidence.ts';
import { simulateCluster, simulateFairness } from '../server/src/cluster/simulation/index.ts';
import { seededRandom } from '../server/src/kernel/index.ts';
import { writeReport } from './simulate/report.ts';
import type { Figures } from './simulate/report.ts';
import { Series } from './simulate/series.ts';
import { readTrace } from './simulate/trace.ts';
import type { Trace } from './simulate/trace.ts';

const WEEK_MINUTES = 7 * 1440;
const FOLDER = '.hookswitch/simulations';

const UNKNOWN_FAIRNESS: Figures = { jain: null, quiet_p95_ratio: null };
const UNKNOWN_CAPACITY: Figures = {
  under_provisioned_ratio: null,
  under_provisioned_ratio_reactive: null,
  node_hours_ratio_vs_oracle: null,
};

function fairnessOf({ fairness, seed }: Trace): Figures {
  if (fairness === undefined) return UNKNOWN_FAIRNESS;
  const { jain, quietP95Ms, quietP95AloneMs } = simulateFairness(fairness, () => seededRandom(seed));
  return { jain, quiet_p95_ratio: quietP95Ms / quietP95AloneMs };
}

function capacityOf({ capacity, seed }: Trace): Figures {
  if (capacity === undefined) return UNKNOWN_CAPACITY;
  const { weeks, startupMinutes } = capacity;
  const seeds = Array.from({ length: weeks }, (_, index) => seed + index);
  const { forecast, reactive, perfect } = compare(seeds, startupMinutes);
  const minutes = weeks * WEEK_MINUTES;
  return {
    under_provisioned_ratio: forecast.shortMinutes / minutes,
    under_provisioned_ratio_reactive: reactive.shortMinutes / minutes,
    node_hours_ratio_vs_oracle: forecast.nodeHours / perfect.nodeHours,
  };
}

async function clusterOf({ cluster, seed }: Trace, series: Series): Promise<Figures> {
  if (cluster === undefined) return { dropped: null };
  const result = await simulateCluster(cluster, seededRandom(seed), (point) => {
    series.add(point);
  });
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

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, out: { type: 'string' } },
  });
  const [file] = positionals;
  if (file === undefined) throw new Error('Which trace? For example: npm run simulate -- traces/noisy-tenant.json');
  const trace = readTrace(file);
  const series = new Series(trace.cluster?.minutes ?? 0);
  // What the trace has no part for is not known: null, not 0.
  const figures = { ...fairnessOf(trace), ...capacityOf(trace), ...(await clusterOf(trace, series)) };
  const report = values.out ?? `${FOLDER}/${basename(file, '.json')}.html`;
  writeReport(report, trace, figures, series.points);
  if (values.json === true) console.log(JSON.stringify(figures));
  else {
    for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value ?? 'not in this trace'}`);
    console.log(`Report with plots: ${report}`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
