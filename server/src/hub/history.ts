import type { Position } from '@hookswitch/shared';
import type { ColdScans } from './cold-scans.ts';
import { EventLogError } from './errors.ts';
import type { EventLog, LogBounds, LoggedEvent } from './ports.ts';

export interface HistoryQuery {
  readonly accountSid: string;
  /** Normalised. */
  readonly pattern: string;
  readonly order: 'oldest' | 'newest';
  /** Most events given. */
  readonly limit: number;
  /** Which of them (default: all). */
  readonly accepts?: (event: LoggedEvent) => boolean;
  /** Stored at or after this time, epoch milliseconds. */
  readonly since?: number;
  /** Stored before this time. */
  readonly until?: number;
  /** `next` of the page before. */
  readonly from?: Position;
}

export interface HistoryPage {
  /** In the order asked for. */
  readonly events: readonly LoggedEvent[];
  /** Where the next page begins; undefined: there is nothing more. A page may be short, or empty, and have a next one. */
  readonly next: Position | undefined;
  /** False when a part of what was asked for is not kept any more. */
  readonly complete: boolean;
}

/** Events that match the topic which one page looks at, so that a filter that fits little does not read everything. */
const MAX_LOOKED_AT = 5000;

/** The range that a page may read: events with `low < seq <= high`. */
interface Range {
  readonly epoch: string;
  readonly low: number;
  readonly high: number;
  readonly complete: boolean;
}

/**
 * One page of an account's history, as a subscriber with a rewind gets it.
 * @throws EventLogError `unavailable`; `epoch-changed` when `from` is of another epoch
 */
export async function readHistory(log: EventLog, scans: ColdScans, query: HistoryQuery): Promise<HistoryPage> {
  for (let attempt = 0; ; attempt++) {
    const range = await rangeOf(log, query);
    try {
      return await (query.order === 'oldest' ? forwards(scans, query, range) : backwards(log, scans, query, range));
    } catch (error) {
      // Retention overtook the reading: what is left of the range is read, and said to be a part.
      if (!(error instanceof EventLogError) || error.reason !== 'expired' || attempt > 3) throw error;
    }
  }
}

async function rangeOf(log: EventLog, query: HistoryQuery): Promise<Range> {
  const { accountSid, since, until, from, order } = query;
  const [first, end, bounds] = await Promise.all([
    since === undefined ? undefined : log.positionAt(accountSid, since),
    until === undefined ? undefined : log.positionAt(accountSid, until),
    log.bounds(accountSid),
  ]);
  const { epoch } = bounds;
  for (const one of [first, end, from]) {
    if (one !== undefined && one.epoch !== epoch) throw new EventLogError('epoch-changed', 'the stream was recreated');
  }
  const asked = Math.max(first?.seq ?? 0, order === 'oldest' ? (from?.seq ?? 0) : 0);
  return { epoch, ...clamp(asked, bounds), high: highOf(query, end, bounds) };
}

function clamp(asked: number, { lowWater }: LogBounds): { low: number; complete: boolean } {
  return { low: Math.max(asked, lowWater), complete: asked >= lowWater };
}

function highOf({ order, from }: HistoryQuery, end: Position | undefined, { head }: LogBounds): number {
  const before = order === 'newest' && from !== undefined ? from.seq - 1 : head;
  return Math.min(head, end?.seq ?? head, before);
}

function read(scans: ColdScans, { accountSid, pattern }: HistoryQuery, epoch: string, [low, high]: [number, number]) {
  return scans.read({ accountSid, patterns: [pattern], from: { epoch, seq: low }, to: { epoch, seq: high } });
}

async function forwards(scans: ColdScans, query: HistoryQuery, range: Range): Promise<HistoryPage> {
  const { epoch, low, high, complete } = range;
  const events: LoggedEvent[] = [];
  let looked = 0;
  for await (const event of read(scans, query, epoch, [low, high])) {
    if (query.accepts?.(event) !== false) events.push(event);
    looked += 1;
    const more = event.position.seq < high;
    if (more && (events.length >= query.limit || looked >= MAX_LOOKED_AT)) {
      return { events, next: event.position, complete };
    }
  }
  return { events, next: undefined, complete };
}

/** The log reads forwards only: piece by piece from the end, each as many events as may be needed. */
async function backwards(log: EventLog, scans: ColdScans, query: HistoryQuery, range: Range): Promise<HistoryPage> {
  const { accountSid, pattern, limit, accepts } = query;
  const { epoch, low, complete } = range;
  const events: LoggedEvent[] = [];
  let { high } = range;
  let looked = 0;
  for (let piece = limit; high > low; piece = Math.min(piece * 2, 1000)) {
    const back = await log.positionBack({ accountSid, pattern, count: piece, before: high + 1 });
    if (back.epoch !== epoch) throw new EventLogError('epoch-changed', 'the stream was recreated');
    const begin = Math.max(low, back.seq);
    const found: LoggedEvent[] = [];
    for await (const event of read(scans, query, epoch, [begin, high])) {
      looked += 1;
      if (accepts?.(event) !== false) found.push(event);
    }
    events.push(...found.reverse().slice(0, limit - events.length));
    high = begin;
    const full = events.length >= limit;
    const reached = full ? (events.at(-1)?.position ?? { epoch, seq: high + 1 }) : { epoch, seq: high + 1 };
    if (full || looked >= MAX_LOOKED_AT) return { events, next: reached.seq > low + 1 ? reached : undefined, complete };
  }
  return { events, next: undefined, complete };
}
