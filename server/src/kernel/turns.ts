import type { Clock, Timer } from './clock.ts';

/** So many may go on in one turn of the event loop. */
const AT_ONCE = 16;
/** As nobody says that a turn is over, so many may go on in this time without waiting: longer than what they do takes. */
const SPAN_MS = 50;

/**
 * Shares the event loop among very many that have something to do at once, clients that come back or readers of one scan
 * say: some go on at once, the others in the turns after it, in the order in which they came. Without a timer while nobody waits.
 */
export class Turns {
  readonly #clock: Clock;
  #began = -Infinity;
  #passed = 0;
  #waiting: (() => void)[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be awaited; undefined: go on. */
  next(): Promise<void> | undefined {
    const now = this.#clock.monotonic();
    if (now - this.#began > SPAN_MS) {
      this.#began = now;
      this.#passed = 0;
    }
    if (this.#waiting.length === 0 && this.#passed < AT_ONCE) {
      this.#passed += 1;
      return undefined;
    }
    this.#timer ??= this.#arm();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Nobody waits any longer. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const goOn of this.#waiting.splice(0)) goOn();
  }

  #arm(): Timer {
    return this.#clock.setTimer(0, () => {
      for (const goOn of this.#waiting.splice(0, AT_ONCE)) goOn();
      this.#timer = this.#waiting.length === 0 ? undefined : this.#arm();
    });
  }
}
