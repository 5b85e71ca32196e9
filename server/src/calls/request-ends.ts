import { describeError } from '../kernel/index.ts';
import type { Clock, Log, Timer } from '../kernel/index.ts';

/** Between two attempts, milliseconds: the first time, doubled each time up to the longest. */
const FIRST_MS = 500;
const LONGEST_MS = 5000;

/**
 * What the store of call requests has to be told of calls that are over: again and again until it has taken it, because a place of
 * the account is taken up as long as it has not. One for each call that this node has placed and the store has not heard the
 * end of; none is placed while the store is away.
 */
export class RequestEnds {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timers = new Set<Timer>();
  #untold = 0;
  #closed = false;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Calls whose end the store has not taken yet. */
  get untold(): number {
    return this.#untold;
  }

  /** @param write may be repeated although it was done */
  tell(callSid: string, write: () => Promise<unknown>): void {
    this.#untold++;
    void this.#attempt(callSid, write, 1);
  }

  /** What is not told then is found when this node has left the cluster. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  async #attempt(callSid: string, write: () => Promise<unknown>, attempt: number): Promise<void> {
    try {
      await write();
      this.#untold--;
    } catch (error) {
      if (this.#closed) return;
      const afterMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(10, attempt - 1));
      if (attempt === 1) {
        const reason = describeError(error);
        this.#log.warn({ callSid, reason }, 'the end of a call could not be stored with its request: tried again');
      }
      const timer = this.#clock.setTimer(afterMs, () => {
        this.#timers.delete(timer);
        void this.#attempt(callSid, write, attempt + 1);
      });
      this.#timers.add(timer);
    }
  }
}
