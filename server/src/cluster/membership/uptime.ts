import type { LeaseTiming } from './timing.ts';

/**
 * How long this node has been able to judge others: since when it has been connected without a break and has seen its own
 * renewals come back in the same view in which it misses those of others. After an outage, a pause of this process or a
 * view that lagged it begins anew: whoever could not renew meanwhile gets a whole lease time to do so.
 */
export class Uptime {
  readonly #timing: LeaseTiming;
  #since: number | undefined;
  #lastOwn = 0;

  constructor(timing: LeaseTiming) {
    this.#timing = timing;
  }

  /** The view showed a renewal of our own. */
  ownSeen(now: number): void {
    if (this.#since === undefined || this.#isBroken(now)) this.#since = now;
    this.#lastOwn = now;
  }

  interrupted(): void {
    this.#since = undefined;
  }

  /** Up for a whole lease time. */
  isSteady(now: number): boolean {
    if (this.#since !== undefined && this.#isBroken(now)) this.#since = undefined;
    return this.#since !== undefined && now - this.#since >= this.#timing.leaseMs;
  }

  #isBroken(now: number): boolean {
    return now - this.#lastOwn > 2 * this.#timing.renewMs;
  }
}
