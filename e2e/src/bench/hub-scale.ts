import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { hubLoadProgram } from '../load/compile.ts';
import { HubLoad } from '../load/hub-load.ts';
import { OurGateway, nativeClients } from '../load/hub-servers.ts';
import type { LoadedServer } from '../load/hub-servers.ts';
import { IdleTopics } from '../load/hub-topics.ts';
import { cpuSeconds } from '../fixtures/process-facts.ts';
import { pace } from './fanout-measure.ts';
import { writePlot } from './hub-scale-plot.ts';
import { median } from './result.ts';
import type { BenchResult } from './result.ts';

/** What an event costs with so much of something idle beside it. */
export interface ScalePoint {
  /** Idle connections, or idle topics. */
  readonly n: number;
  /** CPU of the gateway process for a delivery, microseconds: less what it uses with no events at all. */
  readonly cpu_us: number;
  /** What it uses with no events: percent of a core. */
  readonly idle_cpu_percent: number;
}

interface Plan {
  readonly connections: readonly number[];
  readonly topics: readonly number[];
  readonly active: number;
  readonly rounds: number;
  readonly seconds: number;
}

const FULL: Plan = {
  connections: [100, 1000, 5000, 10_000, 20_000],
  topics: [10, 100, 1000, 10_000, 100_000],
  active: 500,
  rounds: 3,
  seconds: 3,
};
const QUICK: Plan = { connections: [100, 1000, 3000], topics: [10, 300, 3000], active: 500, rounds: 1, seconds: 2 };
const EVENTS_PER_SECOND = 40;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** No account of a benchmark has more than it may. */
const LIMITS = { connections: 100_000, connectsPerSecond: 1e6, connectBurst: 1e6, subscriptions: 1e6 };

/**
 * The same events to the same subscribers beside more and more idle connections, then beside more and more idle topics.
 * The cost of a delivery should stay what it is. With `plot` the figures are drawn into docs/.
 */
export async function hubScale({ quick, plot }: { quick: boolean; plot: boolean }): Promise<BenchResult> {
  const plan = quick ? QUICK : { ...FULL, connections: await withinLimit(FULL.connections) };
  const program = await hubLoadProgram();
  let byConnections: ScalePoint[];
  let byTopics: ScalePoint[];
  try {
    byConnections = await besideConnections(program.program, plan);
    byTopics = await besideTopics(program.program, plan);
  } finally {
    await program.remove();
  }
  if (plot) await writePlot({ byConnections, byTopics, active: plan.active });
  const growth = (points: readonly ScalePoint[]): number =>
    Math.round(((points.at(-1)?.cpu_us ?? NaN) / (points[0]?.cpu_us ?? NaN)) * 100) / 100;
  return {
    load: { active: plan.active, events_per_s: EVENTS_PER_SECOND, rounds: plan.rounds, load_average: loadavg()[0] },
    ours: { by_connections: byConnections, by_topics: byTopics },
    ratios: { most_to_fewest_connections: growth(byConnections), most_to_fewest_topics: growth(byTopics) },
    notes: [
      ...(program.note === undefined ? [] : [program.note]),
      'the most connections are fewer than 20,000 where a process may not have so many descriptors',
      `${plan.active} subscribers of one topic, ${EVENTS_PER_SECOND} events a second of 200 bytes; CPU of the gateway process, user and system`,
      'idle connections are authenticated and subscribed to one topic without events; their heartbeats are in idle_cpu_percent',
      'idle topics are subscribed once each, by connections with a thousand or fewer',
    ],
  };
}

/** A process has no more connections than descriptors: where there are too few, the last figure is of as many as go. */
async function withinLimit(wanted: readonly number[]): Promise<readonly number[]> {
  const descriptors = Number(/^Max open files +\d+ +(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1]);
  const most = Math.floor((descriptors - 1000) / 1000) * 1000;
  if (!(most < Math.max(...wanted))) return wanted;
  return [...wanted.filter((n) => n < most), most];
}

async function besideConnections(program: string, plan: Plan): Promise<ScalePoint[]> {
  const gateway = await OurGateway.start({ quotas: LIMITS });
  const idle: HubLoad[] = [];
  const server = await active(program, gateway, plan);
  try {
    const points: ScalePoint[] = [];
    const kind = nativeClients({ ...gateway.hello, topic: 'app.idle' });
    let open = 0;
    for (const n of plan.connections) {
      idle.push(await HubLoad.open(program, gateway.hello.port, n - open, kind));
      open = n;
      points.push(await point(server, n, plan));
    }
    return points;
  } finally {
    for (const load of idle) await load.close();
    await server.close();
  }
}

async function besideTopics(program: string, plan: Plan): Promise<ScalePoint[]> {
  const gateway = await OurGateway.start({ quotas: LIMITS });
  const topics = new IdleTopics(gateway.hello);
  const server = await active(program, gateway, plan);
  try {
    const points: ScalePoint[] = [];
    for (const n of plan.topics) {
      await topics.growTo(n);
      points.push(await point(server, n, plan));
    }
    return points;
  } finally {
    topics.close();
    await server.close();
  }
}

async function active(program: string, gateway: OurGateway, plan: Plan): Promise<LoadedServer> {
  const load = await HubLoad.open(program, gateway.hello.port, plan.active, nativeClients(gateway.hello));
  const server: LoadedServer = {
    pids: [gateway.pid],
    load,
    window: 64,
    emit: (copies, event) => {
      gateway.publish(copies, event);
    },
    close: async () => {
      await load.close();
      await gateway.close();
    },
  };
  // Compilers warm up.
  await pace(server, { rate: 100, burst: 1, seconds: plan.seconds });
  return server;
}

/** The median of some rounds of the same. */
async function point(server: LoadedServer, n: number, { rounds, seconds, active: readers }: Plan): Promise<ScalePoint> {
  await sleep(1000);
  const costs: number[] = [];
  const quiet: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = await cpuSeconds(server.pids);
    await sleep(seconds * 1000);
    const idle = ((await cpuSeconds(server.pids)) - before) / seconds;
    const from = performance.now();
    const { cpuUs, lost } = await pace(server, { rate: EVENTS_PER_SECOND, burst: 1, seconds });
    const elapsed = (performance.now() - from) / 1000;
    const deliveries = Math.round(EVENTS_PER_SECOND * seconds) * readers - lost;
    costs.push(cpuUs - (idle * elapsed * 1e6) / deliveries);
    quiet.push(idle * 100);
  }
  const round1 = (value: number): number => Math.round(value * 100) / 100;
  return { n, cpu_us: round1(median(costs)), idle_cpu_percent: round1(median(quiet)) };
}
