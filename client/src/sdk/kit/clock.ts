/** A pending timer. `cancel()` is idempotent and does nothing after the timer fired. */
export interface Timer {
  cancel(): void;
}

/** Where the client takes time from; tests pass a fake one. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump. */
  now(): number;
  /** Runs `fire` once after `delayMs`. The caller owns the timer and cancels it. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

/** The platform's clock, in browsers and Node. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, fire) {
    const handle = setTimeout(fire, Math.max(0, delayMs));
    return {
      cancel: () => {
        clearTimeout(handle);
      },
    };
  },
};

/** A number in [0, 1): jitter of reconnects. */
export type RandomFraction = () => number;
export const systemRandom: RandomFraction = () => Math.random();
