import type { DispatchLimits } from './ports.ts';

/** Steps of a window: it is kept to a sixtieth of its length, never above its number. */
const STEPS = 60;

/** What an account has started and has running, against its limits. */
export class Meter {
  #limits: DispatchLimits;
  #tokens: number;
  #filledAt: number;
  #running = 0;
  /** Starts in each step of the window; made when there is a window and a start. */
  #steps: Uint32Array | undefined;
  /** Number of the newest step that was written. */
  #newest = 0;
  #inWindow = 0;

  constructor(limits: DispatchLimits, now: number) {
    this.#limits = limits;
    this.#tokens = limits.burst;
    this.#filledAt = now;
  }

  get running(): number {
    return this.#running;
  }

  /** Whether forgetting it would change nothing: no call exists, and all that was used is given back. */
  isFresh(now: number): boolean {
    this.#fill(now);
    this.#forget(now);
    return this.#running === 0 && this.#inWindow === 0 && this.#tokens >= this.#limits.burst;
  }

  /** New limits hold at once; what was started before counts. */
  change(limits: DispatchLimits, now: number): void {
    this.#fill(now);
    const { window } = this.#limits;
    if (window?.seconds !== limits.window?.seconds) {
      this.#steps = undefined;
      this.#inWindow = 0;
      this.#newest = 0;
    }
    this.#limits = limits;
    this.#tokens = Math.min(this.#tokens, limits.burst);
  }

  /** Milliseconds until a call may start: 0 at once; Infinity when one has to end first. */
  wait(now: number): number {
    if (this.#running >= this.#limits.concurrent) return Infinity;
    return Math.max(this.#untilToken(now), this.#untilWindow(now));
  }

  /** A call starts. Only when there is nothing to wait for. */
  start(now: number): void {
    this.#fill(now);
    this.#tokens -= 1;
    this.#running++;
    if (this.#limits.window === undefined) return;
    this.#forget(now);
    this.#steps ??= new Uint32Array(STEPS);
    const step = this.#newest % STEPS;
    this.#steps[step] = (this.#steps[step] ?? 0) + 1;
    this.#inWindow++;
  }

  /** The call that started last did not come to be: it counts neither for the rate nor in the window. */
  giveBack(now: number): void {
    this.#fill(now);
    this.#tokens = Math.min(this.#limits.burst, this.#tokens + 1);
    this.#forget(now);
    for (let step = this.#newest; step > this.#newest - STEPS && step >= 0; step--) {
      const started = this.#steps?.[step % STEPS] ?? 0;
      if (this.#steps === undefined || started === 0) continue;
      this.#steps[step % STEPS] = started - 1;
      this.#inWindow--;
      return;
    }
  }

  /** A call that runs already, of a time before this meter. */
  adopt(): void {
    this.#running++;
  }

  end(): void {
    if (this.#running > 0) this.#running--;
  }

  #fill(now: number): void {
    const { callsPerSecond, burst } = this.#limits;
    // A clock that goes back fills nothing and takes nothing.
    const elapsed = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(burst, this.#tokens + (elapsed * callsPerSecond) / 1000);
    this.#filledAt = now;
  }

  #untilToken(now: number): number {
    this.#fill(now);
    if (this.#tokens >= 1) return 0;
    const { callsPerSecond } = this.#limits;
    return callsPerSecond > 0 ? Math.ceil(((1 - this.#tokens) * 1000) / callsPerSecond) : Infinity;
  }

  #untilWindow(now: number): number {
    const { window } = this.#limits;
    if (window === undefined) return 0;
    this.#forget(now);
    if (this.#inWindow < window.calls) return 0;
    const width = stepMs(window.seconds);
    // The oldest step with a start in it has to leave the window.
    for (let step = this.#newest - STEPS + 1; step <= this.#newest; step++) {
      if (step >= 0 && (this.#steps?.[step % STEPS] ?? 0) > 0) return Math.max(1, (step + STEPS) * width - now);
    }
    return Infinity;
  }

  /** Moves the window to now. */
  #forget(now: number): void {
    const { window } = this.#limits;
    if (window === undefined) return;
    const step = Math.floor(now / stepMs(window.seconds));
    if (step <= this.#newest) return;
    if (this.#steps !== undefined) {
      const from = Math.max(this.#newest + 1, step - STEPS + 1);
      for (let each = from; each <= step; each++) {
        this.#inWindow -= this.#steps[each % STEPS] ?? 0;
        this.#steps[each % STEPS] = 0;
      }
    }
    this.#newest = step;
  }
}

/** One more step than fits: a start is kept for at least the whole window, whatever its place in its step. */
function stepMs(seconds: number): number {
  return (seconds * 1000) / (STEPS - 1);
}
