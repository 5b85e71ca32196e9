import { loadavg } from 'node:os';
import { compileIfPossible, hubLoadProgram } from '../load/compile.ts';
import { openFloor, openNats, openOurs, openPeer } from '../load/hub-servers.ts';
import type { LoadedServer } from '../load/hub-servers.ts';
import { ACCOUNT, eventText, pace, push } from './fanout-measure.ts';
import { interval, median } from './result.ts';
import type { BenchResult } from './result.ts';

const NAMES = ['native', 'socketio', 'ws_send', 'socketio_room', 'nats_ws', 'floor'] as const;
type Name = (typeof NAMES)[number];

/** One server in one round. */
interface Sample {
  readonly cpu_us_single: number;
  readonly cpu_us_batch16: number;
  readonly firehose_per_s: number;
  readonly cpu_us_firehose: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** At the load that all which gather can bear; null for those that write every message by itself. */
  readonly equal_p50_ms: number | null;
  readonly equal_p99_ms: number | null;
  readonly lost: number;
}

interface Plan {
  readonly connections: number;
  readonly rounds: number;
  readonly seconds: {
    readonly single: number;
    readonly batch: number;
    readonly firehose: number;
    readonly equal: number;
  };
}

const FULL: Plan = { connections: 1000, rounds: 10, seconds: { single: 1.8, batch: 1.2, firehose: 0.8, equal: 1.2 } };
const QUICK: Plan = { connections: 1000, rounds: 1, seconds: { single: 1.5, batch: 1, firehose: 1, equal: 1 } };

/** Events a second of the unbatched load, and of the load that latencies are compared at. */
const SINGLE_RATE = 20;
const EQUAL_RATE = 300;
const BATCH = 16;
/** Servers that gather: they get 20 bursts a second, the others as many messages as in the unbatched load. */
const GATHERING: ReadonlySet<Name> = new Set(['native', 'socketio', 'nats_ws', 'floor']);

/**
 * One topic, many subscribers: CPU of the server's processes per delivered message, throughput, age of messages on arrival.
 * All servers run at once with their subscribers; only one has traffic at a time, in turns.
 */
export async function fanout({ quick }: { quick: boolean }): Promise<BenchResult> {
  const plan = quick ? QUICK : FULL;
  const load = await hubLoadProgram();
  const floor = await compileIfPossible('hub-floor');
  const servers = new Map<Name, LoadedServer>();
  const samples = new Map<Name, Sample[]>(NAMES.map((name) => [name, []]));
  try {
    const options = { program: load.program, connections: plan.connections };
    servers.set('native', await openOurs(options, 'native'));
    servers.set('socketio', await openOurs(options, 'socketio'));
    servers.set('ws_send', await openPeer(options, 'ws'));
    servers.set('socketio_room', await openPeer(options, 'socketio'));
    servers.set('nats_ws', await openNats(options));
    if (floor !== undefined) servers.set('floor', await openFloor({ ...options, floor: floor.program }));
    // Compilers warm up, buffers grow.
    for (const server of servers.values()) await push(server, quick ? 0.5 : 2);
    for (let round = 0; round < plan.rounds; round++) {
      // Every round begins with another one, so that none is always after the same.
      for (let turn = 0; turn < NAMES.length; turn++) {
        const name = NAMES[(turn + round) % NAMES.length];
        const server = name === undefined ? undefined : servers.get(name);
        if (name !== undefined && server !== undefined) samples.get(name)?.push(await oneRound(name, server, plan));
      }
    }
  } finally {
    for (const server of servers.values()) await server.close();
    await load.remove();
    await floor?.remove();
  }
  return result(plan, samples, load.note === undefined ? [] : [load.note, 'the floor is a C program and left out']);
}

async function oneRound(name: Name, server: LoadedServer, { seconds }: Plan): Promise<Sample> {
  const gathers = GATHERING.has(name);
  const single = await pace(server, { rate: SINGLE_RATE, burst: 1, seconds: seconds.single });
  const batch = await pace(server, { rate: gathers ? 20 : SINGLE_RATE / BATCH, burst: BATCH, seconds: seconds.batch });
  const firehose = await push(server, seconds.firehose);
  const equal =
    gathers && name !== 'floor'
      ? await pace(server, { rate: EQUAL_RATE, burst: 1, seconds: seconds.equal })
      : undefined;
  return {
    cpu_us_single: single.cpuUs,
    cpu_us_batch16: batch.cpuUs,
    firehose_per_s: firehose.perSecond,
    cpu_us_firehose: firehose.cpuUs,
    p50_ms: single.p50,
    p99_ms: single.p99,
    equal_p50_ms: equal?.p50 ?? null,
    equal_p99_ms: equal?.p99 ?? null,
    lost: single.lost + batch.lost + (equal?.lost ?? 0),
  };
}

function result(plan: Plan, samples: ReadonlyMap<Name, readonly Sample[]>, remarks: readonly string[]): BenchResult {
  const of = (name: Name): readonly Sample[] => samples.get(name) ?? [];
  const summary = (name: Name): Record<string, unknown> => {
    const middle = (pick: (sample: Sample) => number): number => round(median(of(name).map(pick)));
    const equal = (pick: (sample: Sample) => number | null): number | null =>
      GATHERING.has(name) && name !== 'floor' ? middle((sample) => pick(sample) ?? NaN) : null;
    return {
      cpu_us_single: middle((sample) => sample.cpu_us_single),
      cpu_us_batch16: middle((sample) => sample.cpu_us_batch16),
      firehose_per_s: middle((sample) => sample.firehose_per_s),
      p50_ms: middle((sample) => sample.p50_ms),
      p99_ms: middle((sample) => sample.p99_ms),
      cpu_us_firehose: middle((sample) => sample.cpu_us_firehose),
      equal_load_p50_ms: equal((sample) => sample.equal_p50_ms),
      equal_load_p99_ms: equal((sample) => sample.equal_p99_ms),
      lost: of(name).reduce((sum, { lost }) => sum + lost, 0),
      rounds: of(name),
    };
  };
  const ratio = (ours: Name, other: Name, pick: (sample: Sample) => number | null): unknown =>
    of(other).length === 0
      ? null
      : interval(of(ours).map((sample, at) => (pick(sample) ?? NaN) / (pick(of(other)[at] ?? sample) ?? NaN)));
  const against = (ours: Name): Record<string, unknown> => ({
    cpu_single_vs_floor: ratio(ours, 'floor', (sample) => sample.cpu_us_single),
    cpu_batch16_vs_floor: ratio(ours, 'floor', (sample) => sample.cpu_us_batch16),
    cpu_single_vs_ws_send: ratio(ours, 'ws_send', (sample) => sample.cpu_us_single),
    firehose_vs_socketio_room: ratio(ours, 'socketio_room', (sample) => sample.firehose_per_s),
    equal_load_p99_vs_nats_ws: ratio(ours, 'nats_ws', (sample) => sample.equal_p99_ms),
  });
  return {
    load: {
      subscribers: plan.connections,
      event_bytes: Buffer.byteLength(eventText(ACCOUNT)),
      rounds: plan.rounds,
      seconds: plan.seconds,
      single_events_per_s: SINGLE_RATE,
      equal_load_events_per_s: EQUAL_RATE,
      load_average: loadavg()[0],
    },
    ours: { native: summary('native'), socketio: summary('socketio') },
    peers: { ws_send: summary('ws_send'), socketio_room: summary('socketio_room'), nats_ws: summary('nats_ws') },
    floor: of('floor').length === 0 ? null : summary('floor'),
    ratios: { native: against('native'), socketio: against('socketio') },
    notes: [
      ...remarks,
      'CPU of the server processes alone, user and system, per message that a client received',
      'ours: the gateway process (hub, log and its NATS connection included); events are published to a nats-server of its own, whose CPU is not in the figure',
      'batch16: bursts of 16 events; ws_send and socketio_room write each by itself, so that they get fewer bursts',
      'firehose: a fixed number of events on their way (512, for those that do not gather 32); per second over the whole time',
      'p50_ms and p99_ms are of the unbatched load, equal_load of 300 events a second to every subscriber',
      'every server gets the same event text; ours adds topic and position, nats-server its MSG line, Socket.IO its packet',
    ],
  };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
