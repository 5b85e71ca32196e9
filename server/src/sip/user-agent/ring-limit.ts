import type { Clock, Timer } from '../../kernel/index.ts';

const DEFAULT_TIMEOUT_MS = 180_000;

export interface RingLimitOptions {
  /** Until a final response. Milliseconds; default 180 000. */
  readonly timeoutMs: number | undefined;
  /** Until any response. Milliseconds; default: as `timeoutMs`. */
  readonly firstResponseMs: number | undefined;
  /** Whether anything came back yet. */
  readonly heard: () => boolean;
  readonly giveUp: () => void;
}

/** How long a call of ours may go without an answer, and without any response at all. */
export class RingLimit {
  readonly #clock: Clock;
  readonly #options: RingLimitOptions;
  #timer: Timer | undefined;

  constructor(clock: Clock, options: RingLimitOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  start(): void {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, firstResponseMs = timeoutMs, heard, giveUp } = this.#options;
    const silenceMs = Math.min(firstResponseMs, timeoutMs);
    this.#timer = this.#clock.setTimer(silenceMs, () => {
      if (heard() && silenceMs < timeoutMs) this.#timer = this.#clock.setTimer(timeoutMs - silenceMs, giveUp);
      else giveUp();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}
