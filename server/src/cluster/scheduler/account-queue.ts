import { Meter } from './meter.ts';
import type { DispatchLimits, Openings, Waiting } from './ports.ts';
import { SortedQueue } from './sorted-queue.ts';
import { StartPace } from './start-pace.ts';

export const DEFAULT_PRIORITY = 5;

/** Calls of one account that need a channel of one pool. */
export class Lane<R extends Waiting> {
  readonly account: AccountQueue<R>;
  readonly pool: string;
  readonly calls = new SortedQueue<R>(compareCalls);

  constructor(account: AccountQueue<R>, pool: string) {
    this.account = account;
    this.pool = pool;
  }
}

/** What waits of one account, and where the account stands in the round. */
export class AccountQueue<R extends Waiting> {
  readonly sid: string;
  readonly meter: Meter;
  readonly pace = new StartPace();
  readonly lanes = new Map<string, Lane<R>>();
  limits: DispatchLimits;
  size = 0;
  /** The round that it is served in next, and its place in that round. */
  round = 0;
  turn = 0;
  /** Calls that it may still start in its round. */
  credit = 0;
  /** When it may start a call again, epoch milliseconds; undefined: now, as far as is known. Infinity: when a call ends. */
  parkedUntil: number | undefined;

  constructor(sid: string, limits: DispatchLimits, now: number) {
    this.sid = sid;
    this.limits = limits;
    this.meter = new Meter(limits, now);
  }

  /** @returns the lane that the call is in */
  add(call: R): Lane<R> {
    let lane = this.lanes.get(call.pool);
    if (lane === undefined) {
      lane = new Lane(this, call.pool);
      this.lanes.set(call.pool, lane);
    }
    const before = lane.calls.size;
    lane.calls.add(call);
    this.size += lane.calls.size - before;
    return lane;
  }

  /** @returns the lane that it was in, which may be empty now */
  delete(call: R): Lane<R> | undefined {
    const lane = this.lanes.get(call.pool);
    if (lane?.calls.delete(call) !== true) return undefined;
    this.size--;
    if (lane.calls.size === 0) this.lanes.delete(call.pool);
    return lane;
  }

  /** The call that is next of those that there is a channel for. */
  next(openings: Openings): R | undefined {
    let best: R | undefined;
    for (const { pool, calls } of this.lanes.values()) {
      const first = calls.first();
      if (first === undefined || (best !== undefined && compareCalls(best, first) < 0)) continue;
      if (openings.isOpenFor(pool, this.sid)) best = first;
    }
    return best;
  }

  /** Calls a second that it starts while calls of it wait; undefined: not known. 0: it may start none. */
  startsPerSecond(now: number): number | undefined {
    const { callsPerSecond, concurrent, window } = this.limits;
    const most = Math.min(callsPerSecond, window === undefined ? Infinity : window.calls / window.seconds);
    if (most <= 0 || concurrent <= 0) return 0;
    const pace = this.pace.perSecond(now);
    return pace === undefined ? undefined : Math.min(pace, most);
  }

  /** How many go before it. */
  rank(call: R): number {
    let before = 0;
    for (const { calls } of this.lanes.values()) before += calls.rank(call);
    return before;
  }

  /**
   * Deficit round robin with calls of equal cost: in each round an account gets as much credit as its weight; what is not
   * a whole call is kept for the next.
   *
   * @param turn place in the round that it enters
   */
  enter(round: number, turn: number): void {
    const { weight } = this.limits;
    const missing = Math.max(1, Math.ceil((1 - this.credit) / weight));
    this.credit += missing * weight;
    this.round = round + missing - 1;
    this.turn = turn;
  }
}

/** By priority, then by age. A total order: no two calls have the same identifier. */
function compareCalls(a: Waiting, b: Waiting): number {
  const byPriority = (a.priority ?? DEFAULT_PRIORITY) - (b.priority ?? DEFAULT_PRIORITY);
  if (byPriority !== 0) return byPriority;
  if (a.queuedAt !== b.queuedAt) return a.queuedAt - b.queuedAt;
  return a.callSid < b.callSid ? -1 : a.callSid > b.callSid ? 1 : 0;
}
