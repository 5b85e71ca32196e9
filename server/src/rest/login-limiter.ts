import type { Clock } from '../kernel/index.ts';

interface Failures {
  count: number;
  readonly until: number;
}

export interface LoginLimiterOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Failures that are let pass in a window; the next attempt waits for its end. Default 10. */
  readonly failures?: number;
  /** Milliseconds. Default 60,000. */
  readonly windowMs?: number;
  /** Names remembered at most; beyond it the oldest is forgotten. Default 10,000. */
  readonly entries?: number;
}

/** Counts failed logins by name: see `Authenticator` for what a name is. */
export class LoginLimiter {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #failures: number;
  readonly #windowMs: number;
  readonly #entries: number;
  readonly #table = new Map<string, Failures>();

  constructor({ clock, failures = 10, windowMs = 60_000, entries = 10_000 }: LoginLimiterOptions) {
    this.#clock = clock;
    this.#failures = failures;
    this.#windowMs = windowMs;
    this.#entries = entries;
  }

  get size(): number {
    return this.#table.size;
  }

  /** Milliseconds until another attempt counts; 0: now. */
  blockedForMs(name: string): number {
    const found = this.#table.get(name);
    if (found === undefined) return 0;
    const left = found.until - this.#clock.monotonic();
    if (left <= 0) this.#table.delete(name);
    return left > 0 && found.count >= this.#failures ? left : 0;
  }

  failed(name: string): void {
    const now = this.#clock.monotonic();
    const found = this.#table.get(name);
    if (found !== undefined && found.until > now) {
      found.count += 1;
      return;
    }
    // To the end: the first of the table is the oldest.
    this.#table.delete(name);
    if (this.#table.size >= this.#entries) {
      const [oldest] = this.#table.keys();
      if (oldest !== undefined) this.#table.delete(oldest);
    }
    this.#table.set(name, { count: 1, until: now + this.#windowMs });
  }

  succeeded(name: string): void {
    this.#table.delete(name);
  }
}
