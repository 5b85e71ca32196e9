import type { Clock, Timer } from './clock.ts';

interface Pending {
  readonly due: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that stands still until a test moves it. Timers fire in order of due time, then of creation. */
export class FakeClock implements Clock {
  #now: number;
  #elapsed = 0;
  #order = 0;
  readonly #pending = new Set<Pending>();

  /** @param startMs wall-clock time at the start, milliseconds since the epoch (default 2030-01-01T00:00:00Z) */
  constructor(startMs = Date.UTC(2030, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const entry: Pending = { due: this.#elapsed + Math.max(0, delayMs), order: this.#order++, fire };
    this.#pending.add(entry);
    return {
      cancel: () => {
        this.#pending.delete(entry);
      },
    };
  }

  /** Timers that have not fired: a test's leak check asserts 0. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** Moves time forward by `ms`, firing every timer that falls due on the way, including ones set meanwhile. */
  advance(ms: number): void {
    const target = this.#elapsed + ms;
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.#moveTo(next.due);
      this.#pending.delete(next);
      next.fire();
    }
    this.#moveTo(target);
  }

  /** As {@link advance}, but lets promise reactions run after each timer. */
  async advanceAsync(ms: number): Promise<void> {
    const target = this.#elapsed + ms;
    await settle();
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.#moveTo(next.due);
      this.#pending.delete(next);
      next.fire();
      await settle();
    }
    this.#moveTo(target);
    await settle();
  }

  #moveTo(elapsed: number): void {
    this.#now += elapsed - this.#elapsed;
    this.#elapsed = elapsed;
  }

  #next(target: number): Pending | undefined {
    let best: Pending | undefined;
    for (const entry of this.#pending) {
      if (entry.due > target) continue;
      if (best === undefined || entry.due < best.due || (entry.due === best.due && entry.order < best.order)) {
        best = entry;
      }
    }
    return best;
  }
}

/** Lets everything that is already resolved run: one turn of the event loop. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
