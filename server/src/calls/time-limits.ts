import type { Clock, Timer } from '../kernel/index.ts';

/** Calls that end after some time, counted from their answer. */
export class TimeLimits {
  readonly #clock: Clock;
  readonly #onReached: (callSid: string) => void;
  readonly #limits = new Map<string, { readonly ms: number; timer: Timer | undefined }>();

  constructor(clock: Clock, onReached: (callSid: string) => void) {
    this.#clock = clock;
    this.#onReached = onReached;
  }

  /** In the place of one that was set. */
  set(callSid: string, ms: number): void {
    this.forget(callSid);
    this.#limits.set(callSid, { ms, timer: undefined });
  }

  /** The time runs from now. */
  answered(callSid: string): void {
    const limit = this.#limits.get(callSid);
    if (limit === undefined || limit.timer !== undefined) return;
    limit.timer = this.#clock.setTimer(limit.ms, () => {
      this.#limits.delete(callSid);
      this.#onReached(callSid);
    });
  }

  forget(callSid: string): void {
    this.#limits.get(callSid)?.timer?.cancel();
    this.#limits.delete(callSid);
  }
}
