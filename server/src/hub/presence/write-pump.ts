import type { Clock, Timer } from '../../kernel/index.ts';

export interface WritePumpOptions<T> {
  readonly clock: Clock;
  /** Never rejects. `failed`: the item is tried again, and everything waits for `retryMs`. */
  readonly write: (item: T) => Promise<'done' | 'failed'>;
  /** It was written, and nothing of it is due. */
  readonly onIdle: (item: T) => void;
  readonly retryMs: number;
  readonly concurrency: number;
}

/**
 * Writes what is due, each item at most once at a time. An item that comes up again while it waits is written once, at
 * the earlier time: that is what coalesces changes. One timer for all. Bound: as many entries as there are items.
 */
export class WritePump<T> {
  readonly #options: WritePumpOptions<T>;
  /** Item and `clock.monotonic()` at which it is due. */
  readonly #due = new Map<T, number>();
  readonly #busy = new Set<T>();
  #heldUntil = 0;
  #timer: { readonly at: number; readonly timer: Timer } | undefined;
  #closed = false;

  constructor(options: WritePumpOptions<T>) {
    this.#options = options;
  }

  has(item: T): boolean {
    return this.#due.has(item) || this.#busy.has(item);
  }

  /** Has it written in `delayMs`, or earlier when it is due already. */
  add(item: T, delayMs: number): void {
    if (this.#closed) return;
    const at = this.#options.clock.monotonic() + delayMs;
    this.#due.set(item, Math.min(at, this.#due.get(item) ?? Infinity));
    this.#schedule(at);
  }

  /** What is not under way is left alone. */
  close(): void {
    this.#closed = true;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    this.#due.clear();
  }

  #schedule(wanted: number): void {
    const at = Math.max(wanted, this.#heldUntil);
    if (this.#closed || (this.#timer !== undefined && this.#timer.at <= at)) return;
    this.#timer?.timer.cancel();
    const { clock } = this.#options;
    const timer = clock.setTimer(Math.max(0, at - clock.monotonic()), () => {
      this.#timer = undefined;
      this.#pump();
    });
    this.#timer = { at, timer };
  }

  #pump(): void {
    const now = this.#options.clock.monotonic();
    let next = Infinity;
    for (const [item, at] of this.#due) {
      // Those under way come here again when they are done.
      if (this.#busy.has(item)) continue;
      if (at > now || this.#heldUntil > now) next = Math.min(next, at);
      else if (this.#busy.size < this.#options.concurrency) this.#start(item);
      else return;
    }
    if (next !== Infinity) this.#schedule(next);
  }

  #start(item: T): void {
    this.#due.delete(item);
    this.#busy.add(item);
    void this.#options.write(item).then((outcome) => {
      this.#busy.delete(item);
      if (outcome === 'failed') {
        this.#heldUntil = this.#options.clock.monotonic() + this.#options.retryMs;
        this.add(item, this.#options.retryMs);
      }
      if (this.#closed) return;
      if (!this.#due.has(item)) this.#options.onIdle(item);
      this.#pump();
    });
  }
}
