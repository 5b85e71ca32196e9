import { topicMatches } from '@hookswitch/shared';
import { EventLogError } from './errors.ts';
import type { Followed } from './feed-subscription.ts';
import type { EventLog, LoggedEvent } from './ports.ts';

export interface FeedOrderOptions {
  readonly accountSid: string;
  readonly log: Pick<EventLog, 'hasSeen' | 'next'>;
  /** Most events that may wait; with more of them it fails. */
  readonly maxWaiting: number;
  /** The feed's, by pattern. */
  readonly followed: ReadonlyMap<string, Followed>;
  /** History with `from < seq <= to`. */
  readonly read: (filters: readonly string[], from: number, to: number) => AsyncIterable<LoggedEvent>;
  /** Sequence up to which everything was dispatched. */
  readonly dispatched: () => number;
  /** In rising sequence, repetitions left in. */
  readonly dispatch: (events: readonly LoggedEvent[]) => void;
  /** What waited is let go: all after the last dispatched event has to be read again. */
  readonly failed: (error: unknown) => void;
}

/** Sequences before an event of which this process knows nothing. */
interface Hole {
  readonly after: number;
  readonly event: LoggedEvent;
}

/** Holes that are asked about one by one; when there are more, the whole range is read. */
const MAX_HOLES = 8;
/** Events that are asked for one by one within a hole. */
const MAX_STEPS = 16;
/** With more patterns, what covers all of them is asked for what a hole hides. */
const FEW_PATTERNS = 4;
const NONE: readonly LoggedEvent[] = [];

/**
 * Puts live events into the order in which they are stored: NATS may republish the events of two publishers in another
 * order. An event that follows the one before it immediately, or after sequences that came to this process for others,
 * goes on at once. Before any other one something may be missing: what is stored never has a later sequence than what is
 * stored after it, so that the log itself is asked for the next event after the last one, and what it has is dispatched
 * first. Until it answers, one round trip, later events wait; all that came meanwhile are asked about together.
 *
 * Owner: the feed. {@link clear} lets everything go that waits.
 */
export class FeedOrder {
  readonly #options: FeedOrderOptions;
  /** In rising sequence. */
  #waiting = NONE;
  /** Covers every pattern that was ever followed. */
  #widest: string | undefined;
  /** Changes when what is being asked does not matter any more; undefined: nothing is. */
  #asking: object | undefined;

  constructor(options: FeedOrderOptions) {
    this.#options = options;
  }

  /** Highest sequence that came, dispatched or not. */
  get highest(): number {
    return Math.max(this.#options.dispatched(), this.#waiting.at(-1)?.position.seq ?? 0);
  }

  /** Another pattern is followed. */
  follow(pattern: string): void {
    this.#widest = widened(this.#widest, pattern);
  }

  /** Live events, sorted. */
  take(events: readonly LoggedEvent[]): void {
    if (this.#waiting.length + events.length > this.#options.maxWaiting) {
      this.#fail(new EventLogError('unavailable', 'too many live events wait for earlier ones'));
      return;
    }
    this.#waiting = this.#waiting.length === 0 ? events : sorted([...this.#waiting, ...events]);
    if (this.#asking === undefined) this.#goOn();
  }

  clear(): void {
    this.#waiting = NONE;
    this.#asking = undefined;
  }

  #goOn(): void {
    const [hole] = this.#holes(1);
    const waiting = this.#waiting;
    const ready = hole === undefined ? waiting : waiting.slice(0, waiting.indexOf(hole.event));
    this.#waiting = hole === undefined ? NONE : waiting.slice(ready.length);
    if (ready.length > 0) this.#options.dispatch(ready);
    if (this.#waiting.length > 0) void this.#ask();
  }

  #holes(most: number): Hole[] {
    const { accountSid, log, dispatched } = this.#options;
    const holes: Hole[] = [];
    let known = dispatched();
    for (const event of this.#waiting) {
      const { seq } = event.position;
      if (seq > known + 1 && !log.hasSeen(accountSid, known, seq)) holes.push({ after: known, event });
      if (holes.length === most) break;
      known = Math.max(known, seq);
    }
    return holes;
  }

  async #ask(): Promise<void> {
    const asking = (this.#asking = {});
    const asked = this.#waiting;
    try {
      const holes = this.#holes(MAX_HOLES);
      const missed =
        holes.length < MAX_HOLES
          ? (await Promise.all(holes.map((hole) => this.#missedIn(hole)))).flat()
          : await this.#readAll(asked);
      if (this.#asking !== asking) return;
      const upTo = asked.at(-1)?.position.seq ?? 0;
      this.#asking = undefined;
      // Later ones that came meanwhile: they are looked at next.
      const later = this.#waiting.filter(({ position }) => position.seq > upTo);
      this.#waiting = later;
      this.#options.dispatch(sorted([...asked, ...missed]));
      if (this.#waiting === later && this.#waiting.length > 0) this.#goOn();
    } catch (error) {
      if (this.#asking === asking) this.#fail(error);
    }
  }

  async #missedIn(hole: Hole): Promise<LoggedEvent[]> {
    const filters = this.#filters(hole.event.position.seq);
    return (await Promise.all(filters.map((filter) => this.#walk(filter, hole)))).flat();
  }

  async #walk(filter: string, { after, event }: Hole): Promise<LoggedEvent[]> {
    const { accountSid, log } = this.#options;
    const { seq: end } = event.position;
    const found: LoggedEvent[] = [];
    let at = after;
    for (let step = 0; step < MAX_STEPS; step++) {
      const next = await log.next(accountSid, filter, at);
      if ((next?.seq ?? Infinity) > end && topicMatches(filter, event.topic)) {
        throw new EventLogError('expired', `event ${end} is not stored any more`);
      }
      if (next === undefined || next.seq >= end) return found;
      if (next.event !== undefined) found.push(next.event);
      at = next.seq;
    }
    for await (const one of this.#options.read([filter], at, end)) found.push(one);
    return found;
  }

  async #readAll(waiting: readonly LoggedEvent[]): Promise<LoggedEvent[]> {
    const { dispatched, read } = this.#options;
    const to = waiting.at(-1)?.position.seq ?? 0;
    const found: LoggedEvent[] = [];
    for await (const one of read(this.#filters(to + 1), dispatched(), to)) found.push(one);
    return found;
  }

  /** Few patterns that cover every followed one to which an event before this sequence is owed. */
  #filters(before: number): string[] {
    const { followed } = this.#options;
    if (followed.size > FEW_PATTERNS) return [this.#widest ?? '>'];
    const begun = [...followed.values()].filter(({ since = Infinity }) => since < before - 1);
    return begun.map(({ pattern }) => pattern);
  }

  #fail(error: unknown): void {
    this.clear();
    this.#options.failed(error);
  }
}

function sorted(events: LoggedEvent[]): readonly LoggedEvent[] {
  return events.sort((one, other) => one.position.seq - other.position.seq);
}

/** A pattern that matches whatever one of these matches. */
export function widened(one: string | undefined, other: string): string {
  if (one === undefined || one === other) return other;
  const [a, b] = [one.split('.'), other.split('.')];
  // `>` stands for one token at least.
  const longest = Math.min(a.length, b.length) - 1;
  let common = 0;
  while (common < longest && a[common] === b[common]) common++;
  return [...a.slice(0, common), '>'].join('.');
}
