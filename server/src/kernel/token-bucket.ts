/** Where a rate is nothing, nothing will change by itself. */
const NEVER_RETRY_MS = 60_000;

/** Tokens that come back with time, up to a most. Rate and most are given at each use: they may change. */
export class TokenBucket {
  #tokens: number;
  /** Of the last use: more room than that is filled at once. */
  #burst: number;
  #at: number;

  /** @param at monotonic milliseconds */
  constructor(burst: number, at: number) {
    this.#tokens = burst;
    this.#burst = burst;
    this.#at = at;
  }

  /** Takes one. Otherwise milliseconds until there is one. */
  take(perSecond: number, burst: number, at: number): number | undefined {
    this.#refill(perSecond, burst, at);
    if (this.#tokens < 1) return this.#until(1, perSecond);
    this.#tokens -= 1;
    return undefined;
  }

  /**
   * Undefined: something may be spent, of any size (what is more than there is has to come back first, so that the mean is
   * kept). Otherwise milliseconds until then.
   */
  waitFor(perSecond: number, burst: number, at: number): number | undefined {
    this.#refill(perSecond, burst, at);
    return this.#tokens < 1 ? this.#until(1, perSecond) : undefined;
  }

  spend(tokens: number): void {
    this.#tokens -= tokens;
  }

  #refill(perSecond: number, burst: number, at: number): void {
    const added = ((at - this.#at) * perSecond) / 1000 + Math.max(0, burst - this.#burst);
    this.#tokens = Math.min(burst, this.#tokens + added);
    this.#burst = burst;
    this.#at = at;
  }

  #until(wanted: number, perSecond: number): number {
    if (perSecond <= 0) return NEVER_RETRY_MS;
    return Math.max(1, Math.ceil(((wanted - this.#tokens) * 1000) / perSecond));
  }
}
