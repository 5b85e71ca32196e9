import { describeError } from '../../kernel/index.ts';
import type { Clock, Log, Timer } from '../../kernel/index.ts';
import { counted, freeForCalls, isOpenForAll, mayTake, shareHolders } from '../channels/index.ts';
import type { ChannelLimits, ChannelUse } from '../channels/index.ts';
import type { PlaceOutcome, StoredRequest } from '../ports.ts';
import type { Openings, Waiting } from '../scheduler/index.ts';

/** What the scheduler of calls is told of trunks and their channels. */
export interface TrunkView {
  /** Trunks that would carry the call. Undefined: it needs no channel, or one of them has no limit. */
  trunksOf(request: Pick<StoredRequest, 'accountSid' | 'order'>): readonly string[] | undefined;
  /** Undefined: there is no such trunk (any more). */
  limitsOf(trunk: string): ChannelLimits | undefined;
  /** Calls on each of them now, on all nodes. Rejects when nobody can say. */
  used(trunks: readonly string[]): Promise<Readonly<Record<string, ChannelUse>>>;
}

export interface TrunkOpeningsOptions {
  /** Undefined: every call may be placed. */
  readonly trunks: TrunkView | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** What is open was looked at anew. */
  readonly onFresh: (pools: Iterable<string>) => void;
}

/** While calls wait for a channel it is asked so often whether one is free, milliseconds: others give theirs back too. */
const POLL_MS = 500;
/** The same when a call has just ended. */
const SOON_MS = 50;

/** All trunks that a call may take; the first call that needed them stands for the others when trunks change. */
interface Pool {
  readonly sample: Pick<StoredRequest, 'accountSid' | 'order'>;
  trunks: readonly string[];
}

/**
 * For which waiting calls a channel of a trunk is free, as far as the scheduler knows: what was in use when it asked last, and
 * what it has handed out since. Who grants channels has the last word: a call that gets none waits on (`refused`).
 */
export class TrunkOpenings implements Openings {
  readonly #options: TrunkOpeningsOptions;
  readonly #pools = new Map<string, Pool>();
  /** In use, by trunk. None of a trunk that nobody has asked about. */
  #used = new Map<string, ChannelUse>();
  /** Calls that a node is being offered, and the trunk that each is counted on. */
  readonly #offered = new Map<string, { readonly trunk: string; readonly accountSid: string }>();
  /** Trunks that are full whatever is known of them, until it is asked anew. */
  readonly #full = new Set<string>();
  #isShut = false;
  #isAsking = false;
  #askedAt = -Infinity;
  #timer: Timer | undefined;
  readonly #closed = new AbortController();

  constructor(options: TrunkOpeningsOptions) {
    this.#options = options;
  }

  /** The pool of channels that a call needs one of; '': none. A call that could never have one is not kept waiting for it. */
  poolOf(request: Pick<StoredRequest, 'accountSid' | 'order'>): string {
    const trunks = this.#trunksOf(request);
    const name = trunks.join(' ');
    if (name !== '' && !this.#pools.has(name)) {
      const { accountSid, order } = request;
      this.#pools.set(name, { sample: { accountSid, order }, trunks });
    }
    return name;
  }

  isOpen(pool: string): boolean {
    return this.#some(pool, (limits, used) => isOpenForAll(limits, used));
  }

  isOpenFor(pool: string, accountSid: string): boolean {
    return this.#some(pool, (limits, used) => mayTake(limits, used, accountSid, 'out'));
  }

  *kept(pool: string): Generator<string, void, undefined> {
    for (const trunk of this.#pools.get(pool)?.trunks ?? []) {
      const limits = this.#options.trunks?.limitsOf(trunk);
      if (limits !== undefined && !this.#full.has(trunk)) yield* shareHolders(limits, this.#usedOf(trunk));
    }
  }

  /** Calls that could begin if all of them waited for this pool. */
  left(pool: string): number {
    const trunks = this.#pools.get(pool)?.trunks ?? [];
    if (trunks.length === 0) return Infinity;
    let left = 0;
    for (const trunk of trunks) {
      const limits = this.#options.trunks?.limitsOf(trunk);
      if (limits === undefined) return Infinity;
      if (!this.#full.has(trunk)) left += freeForCalls(limits, this.#usedOf(trunk));
    }
    return left;
  }

  /** A call is offered to a node. */
  taken({ pool, accountSid, callSid }: Pick<Waiting, 'pool' | 'accountSid' | 'callSid'>): void {
    const trunk = this.#pools.get(pool)?.trunks.find((name) => this.#isOpenTrunk(name, accountSid));
    if (trunk === undefined) return;
    this.#offered.set(callSid, { trunk, accountSid });
    this.#used.set(trunk, counted(this.#usedOf(trunk), accountSid, 'out', 1));
  }

  /** The node has answered. @param outcome `no-channel`: the trunks of the call were full */
  answered({ pool, callSid }: Pick<Waiting, 'pool' | 'callSid'>, outcome: PlaceOutcome): void {
    const offered = this.#offered.get(callSid);
    this.#offered.delete(callSid);
    if (outcome === 'placed') return;
    if (offered !== undefined) {
      this.#used.set(offered.trunk, counted(this.#usedOf(offered.trunk), offered.accountSid, 'out', -1));
    }
    if (outcome !== 'no-channel') return;
    for (const trunk of this.#pools.get(pool)?.trunks ?? []) this.#full.add(trunk);
  }

  /** Looks again, when calls wait for a channel. @param soon a call has ended */
  look(soon = false): void {
    if (!this.#isShut || this.#isAsking || this.#closed.signal.aborted) return;
    const { clock } = this.#options;
    const ms = this.#askedAt + (soon ? SOON_MS : POLL_MS) - clock.monotonic();
    if (this.#timer !== undefined && !soon) return;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(Math.max(0, ms), () => {
      this.#timer = undefined;
      void this.#ask();
    });
  }

  /** Trunks or their limits are others now. */
  trunksChanged(): void {
    for (const pool of this.#pools.values()) pool.trunks = this.#trunksOf(pool.sample);
    this.#full.clear();
    this.#options.onFresh(this.#pools.keys());
  }

  close(): void {
    this.#closed.abort();
    this.#timer?.cancel();
  }

  async #ask(): Promise<void> {
    const { trunks: view, clock, log, onFresh } = this.#options;
    if (view === undefined) return;
    this.#isAsking = true;
    this.#isShut = false;
    try {
      const names = new Set([...this.#pools.values()].flatMap(({ trunks }) => trunks));
      const used = new Map(Object.entries(await view.used([...names])));
      for (const { trunk, accountSid } of this.#offered.values()) {
        used.set(trunk, counted(used.get(trunk) ?? {}, accountSid, 'out', 1));
      }
      this.#used = used;
      this.#full.clear();
    } catch (error) {
      log.warn({ reason: describeError(error) }, 'calls wait for a channel: nobody counts them now');
      this.#isShut = true;
    }
    this.#askedAt = clock.monotonic();
    this.#isAsking = false;
    if (this.#closed.signal.aborted) return;
    onFresh(this.#pools.keys());
    this.look();
  }

  #trunksOf(request: Pick<StoredRequest, 'accountSid' | 'order'>): readonly string[] {
    const { trunks: view } = this.#options;
    const all = view?.trunksOf(request) ?? [];
    return all.filter((trunk) => mayTake(view?.limitsOf(trunk) ?? {}, {}, request.accountSid, 'out'));
  }

  #some(pool: string, test: (limits: ChannelLimits, used: ChannelUse) => boolean): boolean {
    const trunks = this.#pools.get(pool)?.trunks ?? [];
    if (trunks.length === 0) return true;
    for (const trunk of trunks) {
      const limits = this.#options.trunks?.limitsOf(trunk);
      if (limits === undefined || (!this.#full.has(trunk) && test(limits, this.#usedOf(trunk)))) return true;
    }
    this.#isShut = true;
    return false;
  }

  #isOpenTrunk(trunk: string, accountSid: string): boolean {
    const limits = this.#options.trunks?.limitsOf(trunk);
    return limits === undefined || (!this.#full.has(trunk) && mayTake(limits, this.#usedOf(trunk), accountSid, 'out'));
  }

  #usedOf(trunk: string): ChannelUse {
    return this.#used.get(trunk) ?? {};
  }
}
