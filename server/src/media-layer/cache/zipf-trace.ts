import type { Random } from '../../kernel/index.ts';
import { seededRandom } from '../../kernel/index.ts';
import type { BoundedCache } from './s3-fifo.ts';
import { S3Fifo } from './s3-fifo.ts';

/** The least recently used goes first: what the cache is compared with. */
class Lru<V> implements BoundedCache<V> {
  readonly #capacity: number;
  readonly #entries = new Map<string, { value: V; size: number }>();
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: V, size: number): void {
    this.delete(key);
    this.#entries.set(key, { value, size });
    this.#size += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#capacity) return;
      this.delete(oldest);
    }
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    this.#size -= entry?.size ?? 0;
    return this.#entries.delete(key);
  }
}

export interface TraceOptions {
  readonly requests: number;
  /** Different prompts that are asked for again and again, by Zipf's law. */
  readonly objects: number;
  /** Of the caches, in objects of one size. */
  readonly capacity: number;
  /** Skew of the law (default 0.9). */
  readonly skew?: number;
  /** Share of requests that belong to scans: each of their prompts is heard once (default 0.2). */
  readonly scans?: number;
  /** Requests of one scan in a row (default: as many as half the capacity). */
  readonly scanLength?: number;
  readonly seed: number;
}

/** What prompts are asked for: a few all the time, many seldom, and campaigns in which each is heard once. */
export function* zipfTraceWithScans(options: TraceOptions): Generator<string> {
  const { requests, objects, capacity, skew = 0.9, scans = 0.2, scanLength = Math.ceil(capacity / 2) } = options;
  const random = seededRandom(options.seed);
  const pick = zipf(objects, skew, random);
  let [scanned, inScan] = [0, 0];
  for (let n = 0; n < requests; n++) {
    if (inScan === 0 && random.fraction() < scans / (1 - scans) / scanLength) inScan = scanLength;
    if (inScan > 0) {
      inScan -= 1;
      scanned += 1;
      yield `scan-${String(scanned)}`;
    } else yield `prompt-${String(pick())}`;
  }
}

/** Share of the requests of a trace that each cache answers. */
export function compareHitRatios(options: TraceOptions): { readonly ours: number; readonly lru: number } {
  const ratioOf = (cache: BoundedCache<true>): number => {
    let hits = 0;
    for (const key of zipfTraceWithScans(options)) {
      if (cache.get(key) === undefined) cache.set(key, true, 1);
      else hits += 1;
    }
    return hits / options.requests;
  };
  return { ours: ratioOf(new S3Fifo({ capacity: options.capacity })), lru: ratioOf(new Lru(options.capacity)) };
}

/** Ranks from 0 on, the first the most likely. */
function zipf(objects: number, skew: number, random: Random): () => number {
  const sums = new Float64Array(objects);
  let sum = 0;
  for (let rank = 0; rank < objects; rank++) sums[rank] = sum += 1 / (rank + 1) ** skew;
  return () => {
    const at = random.fraction() * sum;
    let [low, high] = [0, objects - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
