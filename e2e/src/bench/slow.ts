import { loadavg } from 'node:os';
import { hubLoadProgram } from '../load/compile.ts';
import { HubLoad } from '../load/hub-load.ts';
import { OurGateway, nativeClients } from '../load/hub-servers.ts';
import type { LoadedServer } from '../load/hub-servers.ts';
import { eventText, ACCOUNT, pace } from './fanout-measure.ts';
import { interval } from './result.ts';
import type { BenchResult } from './result.ts';

/** Bytes that every black-holed client leaves unread: more than the kernel takes for it on loopback. */
const PENDING_BYTES = 8 * 1024 * 1024;
/** What the server may hold for one that does not read: its own queue (shared frames at that) and what it wrote unread. */
const BOUND_PER_CLIENT = (1024 + 512 + 64) * 1024;
const SLOW_SHARE = 0.05;
const PADDING = 'x'.repeat(3300);

interface Phase {
  readonly p99: number;
  readonly p50: number;
  readonly rss: number;
  /** Of what V8 manages, with the buffers outside its heap. */
  readonly live: number;
}

/**
 * 5 % of the subscribers stop reading. The healthy ones' latency with them, while events worth over 8 MB go unread by each,
 * against the same load without them; and what the server's memory does.
 */
export async function slow({ quick }: { quick: boolean }): Promise<BenchResult> {
  const [clients, rounds, rate] = quick ? [200, 1, 200] : [500, 5, 100];
  const program = await hubLoadProgram();
  const ratios: number[] = [];
  const phases: { without: Phase; with: Phase }[] = [];
  const lost: number[] = [];
  let [bound, liveBound] = [0, 0];
  try {
    for (let round = 0; round < rounds; round++) {
      const one = await oneRound(program.program, clients, rate);
      phases.push(one);
      ratios.push(one.with.p99 / one.without.p99);
      lost.push(one.lost);
      liveBound = Math.max(liveBound, (one.without.live + one.slowClients * BOUND_PER_CLIENT) / 2 ** 20);
      bound = Math.max(bound, (one.without.rss + one.slowClients * BOUND_PER_CLIENT) / 2 ** 20);
    }
  } finally {
    await program.remove();
  }
  return {
    load: {
      clients,
      events_per_s: rate,
      slow_share: SLOW_SHARE,
      pending_bytes: PENDING_BYTES,
      rounds,
      load_average: loadavg()[0],
    },
    ours: {
      rss_mb: Math.round(Math.max(...phases.map((phase) => phase.with.rss)) / 2 ** 20),
      rss_bound_mb: Math.round(bound),
      live_mb: Math.round(Math.max(...phases.map((phase) => phase.with.live)) / 2 ** 20),
      live_bound_mb: Math.round(liveBound),
      lost_by_healthy: lost.reduce((sum, each) => sum + each, 0),
      rounds: phases,
    },
    ratios: { healthy_p99: interval(ratios).median, healthy_p99_interval: interval(ratios) },
    notes: [
      ...(program.note === undefined ? [] : [program.note]),
      'rss_bound: resident after the same load with all of them reading, and for every slow client its queue (1 MiB), what it was written without its word (512 KiB) and 64 KiB in the transport',
      'live: heap and buffers after a garbage collection, held to the same bound; resident memory grows with every repetition of this load, slow clients or not, until the allocator has what it wants: so the load runs once unmeasured',
      'the same clients and load before and after a part of them stops reading',
    ],
  };
}

async function oneRound(
  program: string,
  clients: number,
  rate: number,
): Promise<{ without: Phase; with: Phase; lost: number; slowClients: number }> {
  const gateway = await OurGateway.start();
  const load = await HubLoad.open(program, gateway.hello.port, clients, nativeClients(gateway.hello));
  const server: LoadedServer = {
    pids: [gateway.pid],
    load,
    window: 64,
    emit: (copies, event) => {
      gateway.publish(copies, event);
    },
    close: () => Promise.resolve(),
  };
  try {
    const event = (): string => eventText(ACCOUNT).replace('"data":"', `"data":"${PADDING}`);
    const events = Math.ceil(PENDING_BYTES / event().length);
    await pace(server, { rate: 100, burst: 2, seconds: 2 }, event);
    const seconds = (events / rate) * 1.1;
    // The allocator takes what this load needs.
    await pace(server, { rate, burst: 1, seconds }, event);
    const without = await pace(server, { rate, burst: 1, seconds }, event);
    const before = await collected(gateway);
    const slowClients = Math.round(clients * SLOW_SHARE);
    load.stall(slowClients);
    // All of what they leave unread is published before their silence ends them.
    const stalled = await pace(server, { rate, burst: 1, seconds }, event);
    const after = await collected(gateway);
    return {
      without: { p50: without.p50, p99: without.p99, ...before },
      with: { p50: stalled.p50, p99: stalled.p99, ...after },
      lost: stalled.lost - slowClients * Math.round(seconds * rate),
      slowClients,
    };
  } finally {
    await load.close();
    await gateway.close();
  }
}

/** Memory once garbage is collected; the allocator gives the rest back when it likes. */
async function collected(gateway: OurGateway): Promise<{ readonly rss: number; readonly live: number }> {
  await gateway.figures();
  const { rss, heapUsed, external } = await gateway.figures();
  return { rss, live: heapUsed + external };
}
