import type { Clock, Timer } from '../../kernel/index.ts';

/** Milliseconds between two ticks: the packet time of everything here. */
export const TICK_MS = 20;
/** Ticks made up for in one go after the event loop stalled; what is beyond is left out, the timeline moves on. */
const MAX_CATCH_UP = 5;

/** Called every 20 ms. `now` is the tick's own monotonic time, which does not drift, not the time of the call. */
export type PacedTask = (now: number) => void;

/**
 * The one timer behind every playback, DTMF sender and watchdog of a process. Ticks are due at multiples of 20 ms from the
 * start, so lateness of one does not delay the next. Runs only while it has tasks.
 */
export class Pacer {
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #tasks = new Set<PacedTask>();
  #timer: Timer | undefined;
  #running = false;
  #due = 0;
  #skipped = 0;

  /** @param onError a task threw; it stays, the others run */
  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Tasks, for metrics and leak checks. */
  get size(): number {
    return this.#tasks.size;
  }

  /** Ticks left out because the event loop stalled for more than 100 ms. */
  get skippedTicks(): number {
    return this.#skipped;
  }

  /** Runs the task from the next tick on. @returns removes it; idempotent */
  add(task: PacedTask): () => void {
    this.#tasks.add(task);
    if (this.#timer === undefined && !this.#running) {
      this.#due = this.#clock.monotonic() + TICK_MS;
      this.#schedule();
    }
    return () => {
      this.#tasks.delete(task);
      if (this.#tasks.size > 0) return;
      this.#timer?.cancel();
      this.#timer = undefined;
    };
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimer(this.#due - this.#clock.monotonic(), () => {
      this.#timer = undefined;
      this.#running = true;
      this.#run();
      this.#running = false;
      if (this.#tasks.size > 0) this.#schedule();
    });
  }

  #run(): void {
    const now = this.#clock.monotonic();
    // A timer may fire a fraction early: that tick is due all the same.
    let ticks = Math.max(1, Math.floor((now - this.#due) / TICK_MS) + 1);
    if (ticks > MAX_CATCH_UP) {
      this.#skipped += ticks - 1;
      this.#due += (ticks - 1) * TICK_MS;
      ticks = 1;
    }
    for (; ticks > 0 && this.#tasks.size > 0; ticks--) {
      for (const task of [...this.#tasks]) {
        if (!this.#tasks.has(task)) continue;
        try {
          task(this.#due);
        } catch (error) {
          this.#onError(error);
        }
      }
      this.#due += TICK_MS;
    }
  }
}
