import { cpus, loadavg } from 'node:os';
import { Target } from '../load/target.ts';
import { interval, median, percentile } from './result.ts';
import type { BenchResult } from './result.ts';

interface Round {
  readonly inProcess: readonly number[];
  readonly http: readonly number[];
  /** Milliseconds of one conversion, one after the other: by the clock, and of processor time with that of children. */
  readonly ours: { readonly wall: number; readonly cpu: number };
  readonly ffmpeg: { readonly wall: number; readonly cpu: number };
  /** Milliseconds: first frame and whole of what nobody had heard before; what the origin itself takes. */
  readonly first: number;
  readonly whole: number;
  readonly origin: number;
  /** The same from an origin that sends a megabyte a second. */
  readonly slowFirst: number;
  readonly slowOrigin: number;
}
interface Measured {
  readonly rounds: readonly Round[];
  readonly ratios: readonly { readonly capacity: number; readonly ours: number; readonly lru: number }[];
  readonly memory: { readonly heap: number; readonly audio: number; readonly kept: number };
}

const FULL = { rounds: 10, hits: 10_000, conversions: 10, memoryObjects: 100_000, traceRequests: 1_000_000 };
const QUICK = { rounds: 3, hits: 2000, conversions: 3, memoryObjects: 100_000, traceRequests: 100_000 };
const MIB = 2 ** 20;
const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/** The media layer: what is at hand, what has to be fetched and converted first, and what its process keeps. */
export async function mediaLayer({ quick }: { quick: boolean }): Promise<BenchResult> {
  const plan = quick ? QUICK : FULL;
  const program = 'server/src/media-layer/testing/layer-cost.ts';
  const { target, hello } = await Target.start<Measured>(program, { args: [JSON.stringify(plan)] });
  await target.close();
  const { rounds, ratios, memory } = hello;
  const added = rounds.map(({ first, origin }) => Math.max(0, first - origin));
  const middle = ratios[1] ?? { capacity: 0, ours: NaN, lru: NaN };
  return {
    load: { ...plan, prompt: 'mp3, 30 s, stereo, 44.1 kHz', cores: cpus().length, load_average: loadavg()[0] },
    ours: {
      hit_p99_ms: percentile(
        rounds.flatMap(({ inProcess }) => inProcess),
        0.99,
      ),
      http_hit_p99_ms: percentile(
        rounds.flatMap(({ http }) => http),
        0.99,
      ),
      cold_first_frame_ms: rounded(median(added)),
      cold_first_frame_max_ms: rounded(Math.max(...added)),
      cold_whole_ms: rounded(median(rounds.map(({ whole }) => whole))),
      slow_origin_first_frame_ms: rounded(median(rounds.map(({ slowFirst }) => slowFirst))),
      slow_origin_ms: rounded(median(rounds.map(({ slowOrigin }) => slowOrigin))),
      ...conversions(rounds.map(({ ours }) => ours)),
      memory_100k: {
        heap_mib: rounded(memory.heap / MIB),
        audio_mib: rounded(memory.audio / MIB),
        records: memory.kept,
      },
      hit_ratios: ratios,
    },
    peers: { ffmpeg: conversions(rounds.map(({ ffmpeg }) => ffmpeg)) },
    ratios: {
      conversions_vs_ffmpeg: interval(rounds.map(({ ours, ffmpeg }) => ffmpeg.cpu / ours.cpu)),
      hit_ratio_vs_lru: rounded(middle.ours / middle.lru),
    },
    notes: [
      'cold_first_frame_ms: from the request over HTTP until 20 ms of audio are there, less what the origin takes by itself; without SIP and RTP',
      'conversions: by processor time, with the start of the program; ours is that of Node and of its children, with limits and the long resampling filter, the command line is that of ffmpeg alone',
      'slow_origin: the same prompt at 1 MB/s; slow_origin_ms is how long the origin takes by itself',
      'hit_ratio_vs_lru: with room for 5 % of 10,000 prompts, skew 0.9, a fifth of the requests in scans; others in hit_ratios',
      'memory_100k: what one process holds of 100,000 sounds of a second, with its bounds (64 MiB of audio, 50,000 records)',
      'stores in memory: what NATS takes is not in these figures',
    ],
  };
}

/** By processor time: what a core that does nothing else makes in a second. */
function conversions(each: readonly { readonly wall: number; readonly cpu: number }[]): {
  conversions_per_s_per_core: number;
  conversion_cpu_ms: number;
  conversion_ms: number;
} {
  const cpu = median(each.map((one) => one.cpu));
  return {
    conversions_per_s_per_core: rounded(1000 / cpu),
    conversion_cpu_ms: rounded(cpu),
    conversion_ms: rounded(median(each.map((one) => one.wall))),
  };
}
