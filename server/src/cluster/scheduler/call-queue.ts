import { FairQueue } from './fair-queue.ts';
import { IndexedHeap } from './indexed-heap.ts';
import type { DispatchLimits, Openings, QueueForecast, QueuePosition, QueuedAccount, Waiting } from './ports.ts';

const MINUTE_MS = 60_000;

/** A call and the time that something is due with it. */
interface Due<R> {
  readonly call: R;
  readonly at: number;
}

/**
 * Calls that wait: those whose time has not come, those that compete, and when each is given up. Pure: the one who owns it
 * says what time it is and asks again at `nextWake`.
 */
export class CallQueue<R extends Waiting> {
  readonly #fair: FairQueue<R>;
  readonly #starts = new IndexedHeap<Due<R>>(byTime);
  readonly #ends = new IndexedHeap<Due<R>>(byTime);
  /** What is due with a call, by CallSid: taken out of the heaps with it. */
  readonly #scheduled = new Map<string, Due<R>>();
  readonly #expiring = new Map<string, Due<R>>();
  readonly #scheduledOf = new Map<string, number>();
  /** Calls whose time has not come, by the minute of their start and by account. */
  readonly #minutes = new Map<number, Map<string, number>>();
  /** Calls that are here, by what they do. */
  readonly #applications = new Map<string, number>();
  /** Of calls that count as more than one, what they count as beyond that; by account. */
  readonly #extra = new Map<string, number>();
  readonly #limitsOf: (accountSid: string) => DispatchLimits;

  constructor(limitsOf: (accountSid: string) => DispatchLimits) {
    this.#limitsOf = limitsOf;
    this.#fair = new FairQueue(limitsOf);
  }

  /** Calls that compete, and calls whose time has not come. */
  get size(): { readonly waiting: number; readonly scheduled: number } {
    return { waiting: this.#fair.size, scheduled: this.#scheduled.size };
  }

  get accounts(): number {
    return this.#fair.accounts;
  }

  /** When the call was asked for that waits for its turn for longest, epoch milliseconds. */
  get oldestQueuedAt(): number | undefined {
    return this.#fair.oldestQueuedAt;
  }

  /** When the next call starts whose time has not come, epoch milliseconds. */
  get nextStartAt(): number | undefined {
    return this.#starts.peek()?.at;
  }

  /** @see FairQueue.ready */
  ready(): ReadonlyMap<string, number> {
    return this.#fair.ready();
  }

  /** Calls that wait for their turn or their time, by what they do. */
  get applications(): ReadonlyMap<string, number> {
    return this.#applications;
  }

  /**
   * How many can start in which minute, the first ones first: epoch milliseconds. Of an account no more than it may have at a
   * time. @param most minutes
   */
  starts(most: number): { readonly at: number; readonly calls: number }[] {
    const minutes = [...this.#minutes].sort(([a], [b]) => a - b).slice(0, most);
    return minutes.map(([minute, accounts]) => {
      let calls = 0;
      for (const [accountSid, count] of accounts) calls += Math.min(count, this.#limitsOf(accountSid).concurrent);
      return { at: minute * MINUTE_MS, calls };
    });
  }

  /** Every account that has calls here, or running, in no order. */
  *queued(): Generator<QueuedAccount, void, undefined> {
    const seen = new Set<string>();
    for (const account of this.#fair.queued()) {
      seen.add(account.accountSid);
      yield { ...account, scheduled: this.#scheduledOf.get(account.accountSid) ?? 0 };
    }
    for (const [accountSid, scheduled] of this.#scheduledOf) {
      if (!seen.has(accountSid)) yield { accountSid, waiting: 0, scheduled, running: 0, oldestQueuedAt: null };
    }
  }

  sizeOf(accountSid: string): number {
    return this.#fair.sizeOf(accountSid) + (this.#scheduledOf.get(accountSid) ?? 0);
  }

  /** The same with what a call counts as ({@link Waiting.size}). */
  lengthOf(accountSid: string): number {
    return this.sizeOf(accountSid) + (this.#extra.get(accountSid) ?? 0);
  }

  /** Calls of the account that were taken and are not over. */
  runningOf(accountSid: string): number {
    return this.#fair.runningOf(accountSid);
  }

  /** A call that is there already is left as it is. */
  add(call: R, now: number): void {
    if (this.has(call.callSid)) return;
    this.#tallyUp(call, 1);
    if (call.expiresAt !== undefined) put(this.#ends, this.#expiring, { call, at: call.expiresAt });
    if (call.startAt === undefined || call.startAt <= now) {
      this.#fair.add(call, now);
      return;
    }
    put(this.#starts, this.#scheduled, { call, at: call.startAt });
    this.#count(call, 1);
  }

  has(callSid: string): boolean {
    return this.#scheduled.has(callSid) || this.#fair.has(callSid);
  }

  /** Takes a call back. */
  remove(callSid: string): R | undefined {
    pull(this.#ends, this.#expiring, callSid);
    const scheduled = pull(this.#starts, this.#scheduled, callSid);
    if (scheduled !== undefined) this.#count(scheduled, -1);
    const removed = scheduled ?? this.#fair.remove(callSid);
    if (removed !== undefined) this.#tallyUp(removed, -1);
    return removed;
  }

  /** Calls whose time is over, taken out. */
  expired(now: number): R[] {
    const gone: R[] = [];
    for (let due = this.#ends.peek(); due !== undefined && due.at <= now; due = this.#ends.peek()) {
      this.remove(due.call.callSid);
      gone.push(due.call);
    }
    return gone;
  }

  /** The call that starts now, which counts as running until `ended`; undefined: none can. Ask for `expired` first. */
  take(now: number, openings: Openings): R | undefined {
    this.#begin(now);
    const call = this.#fair.take(now, openings);
    if (call === undefined) return undefined;
    pull(this.#ends, this.#expiring, call.callSid);
    this.#tallyUp(call, -1);
    return call;
  }

  /** A call that was taken before this queue was made, and is not over. */
  adopt(accountSid: string, now: number): void {
    this.#fair.adopt(accountSid, now);
  }

  ended(accountSid: string, now: number): void {
    this.#fair.ended(accountSid, now);
  }

  /** @see FairQueue.returned */
  returned(accountSid: string, now: number): void {
    this.#fair.returned(accountSid, now);
  }

  /** @see FairQueue.freed */
  freed(pool: string, accountSid?: string): void {
    this.#fair.freed(pool, accountSid);
  }

  limitsChanged(accountSid: string, now: number): void {
    this.#fair.limitsChanged(accountSid, now);
  }

  forgetIdle(now: number): void {
    this.#fair.forgetIdle(now);
  }

  /** Undefined: it does not wait. */
  position(callSid: string): QueuePosition | undefined {
    const due = this.#scheduled.get(callSid);
    if (due === undefined) {
      const place = this.#fair.position(callSid);
      return place === undefined ? undefined : { ...place, scheduled: false };
    }
    const waiting = this.sizeOf(due.call.accountSid);
    return { ahead: this.#fair.sizeOf(due.call.accountSid), waiting, scheduled: true };
  }

  /**
   * Where a call stands and when it is likely to start: as many before it as its account starts at its present pace, not
   * before its time. Undefined: it does not wait.
   */
  forecast(callSid: string, now: number): QueueForecast | undefined {
    const place = this.position(callSid);
    const due = this.#scheduled.get(callSid);
    const accountSid = due?.call.accountSid ?? this.#fair.accountOf(callSid);
    if (place === undefined || accountSid === undefined) return undefined;
    const perSecond = this.#fair.startsPerSecond(accountSid, now);
    const turn = perSecond === undefined || perSecond === 0 ? undefined : now + ((place.ahead + 1) * 1000) / perSecond;
    // Who waits for its time has nobody to wait for when that is far enough.
    return { ...place, startsAt: due === undefined ? turn : Math.max(due.at, turn ?? 0) };
  }

  /** When there is something to do that no call and no channel tells of, epoch milliseconds. */
  nextWake(): number | undefined {
    const times = [this.#starts.peek()?.at, this.#ends.peek()?.at, this.#fair.nextWake()];
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  /** Calls whose time has come compete. */
  #begin(now: number): void {
    for (let due = this.#starts.peek(); due !== undefined && due.at <= now; due = this.#starts.peek()) {
      pull(this.#starts, this.#scheduled, due.call.callSid);
      this.#count(due.call, -1);
      this.#fair.add(due.call, now);
    }
  }

  #tallyUp({ accountSid, application, size = 1 }: R, sign: 1 | -1): void {
    if (application !== undefined) tally(this.#applications, application, sign);
    if (size > 1) tally(this.#extra, accountSid, sign * (size - 1));
  }

  #count({ accountSid, startAt = 0 }: R, change: 1 | -1): void {
    tally(this.#scheduledOf, accountSid, change);
    const minute = Math.floor(startAt / MINUTE_MS);
    const accounts = this.#minutes.get(minute) ?? new Map<string, number>();
    this.#minutes.set(minute, accounts);
    tally(accounts, accountSid, change);
    if (accounts.size === 0) this.#minutes.delete(minute);
  }
}

function tally<K>(counts: Map<K, number>, key: K, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function byTime(a: Due<Waiting>, b: Due<Waiting>): number {
  return a.at - b.at;
}

function put<R extends Waiting>(heap: IndexedHeap<Due<R>>, index: Map<string, Due<R>>, due: Due<R>): void {
  heap.set(due);
  index.set(due.call.callSid, due);
}

function pull<R extends Waiting>(
  heap: IndexedHeap<Due<R>>,
  index: Map<string, Due<R>>,
  callSid: string,
): R | undefined {
  const due = index.get(callSid);
  if (due === undefined) return undefined;
  index.delete(callSid);
  heap.delete(due);
  return due.call;
}
