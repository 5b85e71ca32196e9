import type { Clock, Timer } from '../../../kernel/index.ts';

/**
 * A clock for one member of several in a test process: while it is paused its timers do not fire, as in a process that is
 * stopped by SIGSTOP; time goes on.
 */
export class PausableClock implements Clock {
  readonly #clock: Clock;
  #paused = false;
  readonly #late = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = this.#clock.setTimer(delayMs, () => {
      if (this.#paused) this.#late.add(fire);
      else fire();
    });
    return {
      cancel: () => {
        timer.cancel();
        this.#late.delete(fire);
      },
    };
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const fire of this.#late) {
      this.#late.delete(fire);
      fire();
    }
  }
}
