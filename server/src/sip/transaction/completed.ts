import { BoundedQueue } from '../../kernel/index.ts';
import type { Clock, Timer } from '../../kernel/index.ts';

/** What is left of something that is over: a name to find it by. */
export interface Remnant {
  readonly key: string;
}

export interface CompletedOptions<R extends Remnant> {
  readonly clock: Clock;
  /** Most remnants kept at once. */
  readonly max: number;
  /** A remnant is gone: its time was up, or it had to make room. */
  readonly gone?: (remnant: R) => void;
  /** A remnant went before its time, for want of room. */
  readonly crowdedOut?: () => void;
}

/** Least time between two looks for remnants whose time is up: at thousands in a second each look finds hundreds. */
const PAUSE_MS = 100;

/**
 * Transactions that have done their work and wait for timer D, I, J, K, L or M to be forgotten: 32 seconds, in which
 * there come to be many more of them than of live ones. So each is a small record here, and one clock timer for each
 * duration stands for all of theirs. A remnant lives up to {@link PAUSE_MS} longer than it has to.
 *
 * Bound: `max`. Overflow policy: whichever is nearest to its end is forgotten first, in favour of the new one. Peers
 * that then repeat themselves are treated as if they came late.
 */
export class CompletedTransactions<R extends Remnant> {
  readonly #options: CompletedOptions<R>;
  readonly #byKey = new Map<string, R>();
  /** By duration. There are two or three. */
  readonly #lanes = new Map<number, Lane<R>>();

  constructor(options: CompletedOptions<R>) {
    this.#options = options;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): R | undefined {
    return this.#byKey.get(key);
  }

  /** Keeps a remnant for `keepMs`. Its key is in no other one. */
  add(remnant: R, keepMs: number): void {
    while (this.#byKey.size >= this.#options.max && this.#crowdOut());
    this.#byKey.set(remnant.key, remnant);
    let lane = this.#lanes.get(keepMs);
    if (lane === undefined) {
      lane = new Lane(this.#options, (old) => {
        this.delete(old);
      });
      this.#lanes.set(keepMs, lane);
    }
    lane.add(remnant, keepMs);
  }

  /** Forgets a remnant before its time. One that is not here, or is here no more, changes nothing. */
  delete(remnant: R): boolean {
    if (this.#byKey.get(remnant.key) !== remnant) return false;
    this.#byKey.delete(remnant.key);
    this.#options.gone?.(remnant);
    return true;
  }

  /** Forgets everything, silently. */
  clear(): void {
    for (const lane of this.#lanes.values()) lane.close();
    this.#lanes.clear();
    this.#byKey.clear();
  }

  /** False when there is nothing to be forgotten. */
  #crowdOut(): boolean {
    let next: Lane<R> | undefined;
    for (const lane of this.#lanes.values()) if (next === undefined || lane.end < next.end) next = lane;
    const remnant = next?.take();
    if (remnant === undefined) return false;
    if (this.delete(remnant)) this.#options.crowdedOut?.();
    return true;
  }
}

interface Kept<R> {
  readonly remnant: R;
  readonly until: number;
}

/** Remnants that are kept equally long: the first that came is the first to go. */
class Lane<R extends Remnant> {
  readonly #clock: Clock;
  readonly #over: (remnant: R) => void;
  readonly #queue: BoundedQueue<Kept<R>>;
  #timer: Timer | undefined;

  constructor({ clock, max }: CompletedOptions<R>, over: (remnant: R) => void) {
    this.#clock = clock;
    this.#over = over;
    this.#queue = new BoundedQueue(Math.max(1, max));
  }

  /** When the first one goes. */
  get end(): number {
    return this.#queue.peek()?.until ?? Infinity;
  }

  add(remnant: R, keepMs: number): void {
    const kept = { remnant, until: this.#clock.monotonic() + keepMs };
    if (!this.#queue.push(kept)) {
      // Full of remnants that were deleted before their time.
      this.#expire(this.#queue.shift());
      this.#queue.push(kept);
    }
    this.#timer ??= this.#wait(keepMs);
  }

  take(): R | undefined {
    return this.#queue.shift()?.remnant;
  }

  close(): void {
    this.#timer?.cancel();
    this.#queue.clear();
  }

  #wait(delayMs: number): Timer {
    return this.#clock.setTimer(delayMs, () => {
      this.#sweep();
    });
  }

  #sweep(): void {
    const now = this.#clock.monotonic();
    while (this.end <= now) this.#expire(this.#queue.shift());
    this.#timer = this.#queue.size === 0 ? undefined : this.#wait(Math.max(this.end - now, PAUSE_MS));
  }

  #expire(kept: Kept<R> | undefined): void {
    if (kept !== undefined) this.#over(kept.remnant);
  }
}
