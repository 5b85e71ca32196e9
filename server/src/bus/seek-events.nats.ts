import type { Bus } from './connection.nats.ts';
import { newestEvent, readEvents } from './read-events.nats.ts';

export interface SeekOptions {
  readonly stream: string;
  /** First and last sequence that the stream holds. */
  readonly first: number;
  readonly last: number;
}

/**
 * Sequence after which everything lies that the stream stored at or after `time` (epoch milliseconds). 0 when even its
 * oldest event is not older than that: what was before it cannot be known. Some 20 direct reads for a million events, no
 * consumer.
 */
export async function seekTime(bus: Bus, { stream, first, last }: SeekOptions, time: number): Promise<number> {
  let low = first;
  let high = last + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    // Purged ones leave holes: the next one that is there decides.
    const found = await bus.jsm.direct.getMessage(stream, { seq: middle, next_by_subj: '>' });
    if (found === null || found.time.getTime() >= time) high = middle;
    else low = found.seq + 1;
  }
  return low === first ? 0 : low - 1;
}

export interface SeekBackOptions extends SeekOptions {
  /** From `ingestFilter`. */
  readonly filter: string;
  readonly count: number;
  /** Only events before this sequence count. */
  readonly before: number;
}

/** Sequences that are read at a time at most, when a seek steps back. */
const MAX_STEP = 65_536;

/**
 * Sequence after which the newest `count` events before `before` lie, of those that the filter lets through; `first - 1`
 * when there are fewer. NATS reads forwards only, and its count of what a new consumer would have to give cannot be relied
 * on (`newestEvent`): so ranges that become wider are read backwards, headers alone.
 */
export async function seekBack(bus: Bus, options: SeekBackOptions): Promise<number> {
  const { stream, first, last, filter, count, before } = options;
  const newest = await newestEvent(bus, stream, filter);
  let high = Math.min(before, last + 1, newest + 1);
  let left = count;
  for (let step = count * 2; high > first; step = Math.min(step * 4, MAX_STEP)) {
    const low = Math.max(first, high - step);
    const found: number[] = [];
    const range = { stream, filter, newest, headersOnly: true, fromSeq: low, toSeq: high - 1 };
    for await (const { seq } of readEvents(bus, range)) found.push(seq);
    const wanted = found[found.length - left];
    if (wanted !== undefined) return wanted - 1;
    left -= found.length;
    high = low;
  }
  return first - 1;
}
