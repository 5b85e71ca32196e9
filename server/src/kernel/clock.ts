/** A pending timer. `cancel()` is idempotent and does nothing after the timer fired. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time in the server. Everything that waits or stamps takes one, so that tests run on a
 * {@link FakeClock} and never sleep.
 */
export interface Clock {
  /** Wall-clock time, milliseconds since the Unix epoch. May jump; use it for stamps only. */
  now(): number;
  /** Monotonic time in milliseconds with a fraction, from an arbitrary start. Use it for durations. */
  monotonic(): number;
  /** Runs `fire` once after `delayMs`; 0 or less: in the next turn of the event loop. The caller owns the timer and cancels it. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

/** The machine's own clock. Its timers keep the process alive until they fire or are cancelled. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, fire) {
    // A timer of no time would wait a millisecond.
    if (delayMs <= 0) {
      const next = setImmediate(fire);
      return {
        cancel: () => {
          clearImmediate(next);
        },
      };
    }
    const handle = setTimeout(fire, delayMs);
    return {
      cancel: () => {
        clearTimeout(handle);
      },
    };
  },
};

/** Resolves after `delayMs` of `clock`'s time; rejects with the signal's reason when `signal` aborts first. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
