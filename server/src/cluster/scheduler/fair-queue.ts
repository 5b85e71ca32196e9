import { AccountQueue } from './account-queue.ts';
import type { Lane } from './account-queue.ts';
import { IndexedHeap } from './indexed-heap.ts';
import type { DispatchLimits, Openings, QueuedAccount, Waiting } from './ports.ts';

/**
 * Which call is started next: weighted deficit round robin over accounts (M. Shreedhar, G. Varghese, 1995), each account
 * within its limits, each call only when there is a channel for it; within an account by priority, then by age.
 *
 * The ring of the round is kept as one heap per pool of channels, ordered by round and place: a pool without a free channel
 * is passed over without a look at those who wait for it, and what a call costs does not grow with the accounts but by
 * their logarithm. Nothing is read from a clock: times are epoch milliseconds as given, and should not go back.
 */
export class FairQueue<R extends Waiting> {
  readonly #limitsOf: (accountSid: string) => DispatchLimits;
  readonly #accounts = new Map<string, AccountQueue<R>>();
  readonly #calls = new Map<string, R>();
  /** Lanes whose account may start a call, by pool. */
  readonly #rings = new Map<string, IndexedHeap<Lane<R>>>();
  /** Accounts that may start a call at a time to come. */
  readonly #parked = new IndexedHeap<AccountQueue<R>>((a, b) => (a.parkedUntil ?? 0) - (b.parkedUntil ?? 0));
  /** Lanes whose account has all that it may have of the pool, by pool. */
  readonly #capped = new Map<string, Map<string, Lane<R>>>();
  #round = 0;
  #turns = 0;

  constructor(limitsOf: (accountSid: string) => DispatchLimits) {
    this.#limitsOf = limitsOf;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Accounts that have calls waiting, running, or credit used up that is not given back yet. */
  get accounts(): number {
    return this.#accounts.size;
  }

  /** A call waits from now on. One that waits already is left as it is. */
  add(call: R, now: number): void {
    if (this.#calls.has(call.callSid)) return;
    this.#calls.set(call.callSid, call);
    const account = this.#account(call.accountSid, now);
    if (account.size === 0) {
      this.#join(account);
      account.pace.begin(now);
    }
    const lane = account.add(call);
    if (account.parkedUntil === undefined) this.#ring(lane.pool).set(lane);
  }

  has(callSid: string): boolean {
    return this.#calls.has(callSid);
  }

  /** Takes a call back. */
  remove(callSid: string): R | undefined {
    const call = this.#calls.get(callSid);
    const account = call === undefined ? undefined : this.#accounts.get(call.accountSid);
    if (call === undefined || account === undefined) return undefined;
    this.#calls.delete(callSid);
    this.#takeOut(account, call);
    return call;
  }

  /** The call that starts now, which counts as running from now on; undefined: none can. */
  take(now: number, openings: Openings): R | undefined {
    this.#unparkDue(now);
    for (;;) {
      const account = this.#first(openings)?.account;
      if (account === undefined) return undefined;
      if (account.round < this.#round) {
        // Its pool was closed while the others went on: they owe it nothing.
        this.#join(account);
        this.#place(account);
        continue;
      }
      const wait = account.meter.wait(now);
      const call = wait > 0 ? undefined : account.next(openings);
      if (call === undefined) {
        this.#park(account, now + wait);
        continue;
      }
      this.#calls.delete(call.callSid);
      this.#takeOut(account, call);
      account.meter.start(now);
      account.pace.add(now);
      // A channel of its own takes nothing from the others.
      if (openings.isOpen(call.pool)) this.#charge(account);
      return call;
    }
  }

  /** A call that was taken before this queue was made runs. */
  adopt(accountSid: string, now: number): void {
    this.#account(accountSid, now).meter.adopt();
  }

  /** A call that was taken was not dialled. It still runs until `ended`. */
  returned(accountSid: string, now: number): void {
    const account = this.#accounts.get(accountSid);
    if (account === undefined) return;
    account.meter.giveBack(now);
    if (account.parkedUntil !== undefined && account.parkedUntil !== Infinity) this.#unpark(account);
  }

  /** A call of the account is over. */
  ended(accountSid: string, now: number): void {
    const account = this.#accounts.get(accountSid);
    if (account === undefined) return;
    account.meter.end();
    if (account.parkedUntil === Infinity) this.#unpark(account);
    // Who has had its turn in this round is remembered until the round is over.
    if (account.round <= this.#round && isIdle(account, now)) this.#accounts.delete(accountSid);
  }

  /**
   * A channel of a pool is free again.
   *
   * @param accountSid whose it was; undefined: how many each may have has changed
   */
  freed(pool: string, accountSid?: string): void {
    const capped = this.#capped.get(pool);
    if (capped === undefined) return;
    const lanes = accountSid === undefined ? [...capped.values()] : [capped.get(accountSid)];
    for (const lane of lanes) {
      if (lane === undefined) continue;
      capped.delete(lane.account.sid);
      this.#ring(pool).set(lane);
    }
    if (capped.size === 0) this.#capped.delete(pool);
  }

  /** Forgets the accounts of which nothing is left, their turn in the round too; now and then. */
  forgetIdle(now: number): void {
    for (const account of this.#accounts.values()) if (isIdle(account, now)) this.#accounts.delete(account.sid);
  }

  /** The limits of an account are others now. */
  limitsChanged(accountSid: string, now: number): void {
    const account = this.#accounts.get(accountSid);
    if (account === undefined) return;
    account.limits = this.#limitsOf(accountSid);
    account.meter.change(account.limits, now);
    if (account.parkedUntil !== undefined) this.#unpark(account);
  }

  /** Calls of the account before this one, and all that wait; undefined: it does not wait. */
  position(callSid: string): { readonly ahead: number; readonly waiting: number } | undefined {
    const call = this.#calls.get(callSid);
    const account = call === undefined ? undefined : this.#accounts.get(call.accountSid);
    if (call === undefined || account === undefined) return undefined;
    return { ahead: account.rank(call), waiting: account.size };
  }

  /** Whose call it is that waits. */
  accountOf(callSid: string): string | undefined {
    return this.#calls.get(callSid)?.accountSid;
  }

  /** Calls a second that the account starts, when it has calls here. @see AccountQueue.startsPerSecond */
  startsPerSecond(accountSid: string, now: number): number | undefined {
    return this.#accounts.get(accountSid)?.startsPerSecond(now);
  }

  sizeOf(accountSid: string): number {
    return this.#accounts.get(accountSid)?.size ?? 0;
  }

  runningOf(accountSid: string): number {
    return this.#accounts.get(accountSid)?.meter.running ?? 0;
  }

  /** When the call was asked for that waits for longest. */
  get oldestQueuedAt(): number | undefined {
    for (const { queuedAt } of this.#calls.values()) return queuedAt;
    return undefined;
  }

  /**
   * Calls that would begin if there were channels for them, by pool: of those that wait what the accounts' caps on calls at a
   * time let run.
   */
  ready(): Map<string, number> {
    const ready = new Map<string, number>();
    for (const { meter, limits, lanes } of this.#accounts.values()) {
      let left = Math.max(0, limits.concurrent - meter.running);
      for (const { pool, calls } of lanes.values()) {
        const begin = Math.min(calls.size, left);
        left -= begin;
        ready.set(pool, (ready.get(pool) ?? 0) + begin);
      }
    }
    return ready;
  }

  /** Every account that has calls waiting or running, in no order. */
  *queued(): Generator<Omit<QueuedAccount, 'scheduled'>, void, undefined> {
    for (const { sid, size, meter, lanes } of this.#accounts.values()) {
      if (size + meter.running === 0) continue;
      let oldest = Infinity;
      for (const { calls } of lanes.values()) oldest = Math.min(oldest, calls.first()?.queuedAt ?? Infinity);
      const oldestQueuedAt = oldest === Infinity ? null : oldest;
      yield { accountSid: sid, waiting: size, running: meter.running, oldestQueuedAt };
    }
  }

  /** When a limit lets the next account start a call, epoch milliseconds. */
  nextWake(): number | undefined {
    return this.#parked.peek()?.parkedUntil;
  }

  /** The lane whose account is first in the round, of those that a channel is free for. */
  #first(openings: Openings): Lane<R> | undefined {
    let best: Lane<R> | undefined;
    for (const [pool, ring] of this.#rings) {
      const lane = openings.isOpen(pool) ? this.#open(ring, openings) : this.#keptLane(pool, openings);
      if (lane !== undefined && (best === undefined || compareLanes(lane, best) < 0)) best = lane;
    }
    return best;
  }

  /** The first whose account has not all that it may have of the pool. */
  #open(ring: IndexedHeap<Lane<R>>, openings: Openings): Lane<R> | undefined {
    for (;;) {
      const first = ring.peek();
      if (first === undefined || openings.isOpenFor(first.pool, first.account.sid)) return first;
      ring.delete(first);
      const capped = this.#capped.get(first.pool) ?? new Map<string, Lane<R>>();
      this.#capped.set(first.pool, capped.set(first.account.sid, first));
    }
  }

  #keptLane(pool: string, openings: Openings): Lane<R> | undefined {
    let best: Lane<R> | undefined;
    for (const accountSid of openings.kept(pool)) {
      const account = this.#accounts.get(accountSid);
      const lane = account?.parkedUntil === undefined ? account?.lanes.get(pool) : undefined;
      if (lane !== undefined && (best === undefined || compareLanes(lane, best) < 0)) best = lane;
    }
    return best;
  }

  #charge(account: AccountQueue<R>): void {
    this.#round = Math.max(this.#round, account.round);
    account.credit -= 1;
    if (account.credit >= 1) return;
    account.enter(account.round + 1, ++this.#turns);
    if (account.parkedUntil === undefined) this.#place(account);
  }

  /** An account that competes from now on: no credit is saved up meanwhile, and none is had twice in a round. */
  #join(account: AccountQueue<R>): void {
    if (account.round > this.#round || (account.round === this.#round && account.credit >= 1)) return;
    account.credit = 0;
    account.enter(this.#round, ++this.#turns);
  }

  /** Puts the lanes of an account where they belong. */
  #place(account: AccountQueue<R>): void {
    for (const lane of account.lanes.values()) {
      this.#capped.get(lane.pool)?.delete(account.sid);
      this.#ring(lane.pool).set(lane);
    }
  }

  #leave(lane: Lane<R>): void {
    this.#capped.get(lane.pool)?.delete(lane.account.sid);
    const ring = this.#rings.get(lane.pool);
    ring?.delete(lane);
    if (ring?.size === 0) this.#rings.delete(lane.pool);
  }

  #takeOut(account: AccountQueue<R>, call: R): void {
    const lane = account.delete(call);
    if (lane === undefined || lane.calls.size > 0) return;
    this.#leave(lane);
    if (account.size > 0) return;
    this.#parked.delete(account);
    account.parkedUntil = undefined;
  }

  /** @param until epoch milliseconds; Infinity: until a call ends */
  #park(account: AccountQueue<R>, until: number): void {
    account.parkedUntil = until;
    for (const lane of account.lanes.values()) this.#leave(lane);
    if (until !== Infinity) this.#parked.set(account);
  }

  #unparkDue(now: number): void {
    for (;;) {
      const first = this.#parked.peek();
      if (first?.parkedUntil === undefined || first.parkedUntil > now) return;
      this.#unpark(first);
    }
  }

  #unpark(account: AccountQueue<R>): void {
    this.#parked.delete(account);
    account.parkedUntil = undefined;
    this.#join(account);
    this.#place(account);
  }

  #account(sid: string, now: number): AccountQueue<R> {
    let account = this.#accounts.get(sid);
    if (account === undefined) {
      account = new AccountQueue<R>(sid, this.#limitsOf(sid), now);
      this.#accounts.set(sid, account);
    }
    return account;
  }

  #ring(pool: string): IndexedHeap<Lane<R>> {
    let ring = this.#rings.get(pool);
    if (ring === undefined) this.#rings.set(pool, (ring = new IndexedHeap(compareLanes)));
    return ring;
  }
}

function isIdle<R extends Waiting>(account: AccountQueue<R>, now: number): boolean {
  return account.size === 0 && account.meter.isFresh(now);
}

function compareLanes<R extends Waiting>(a: Lane<R>, b: Lane<R>): number {
  return a.account.round - b.account.round || a.account.turn - b.account.turn;
}
