/** What happened so long ago counts for 37 % of what happens now. */
const MEMORY_MS = 60_000;
/** The shortest time that a pace is taken over: of one call that has just started nothing follows. */
const LEAST_MS = 1000;

/** How fast calls of an account start while others of it wait: the last minute counts most. Times are epoch milliseconds. */
export class StartPace {
  #since: number | undefined;
  #at = 0;
  #started = 0;

  /** The account's queue was empty until now: what was before says nothing of how long one waits. */
  begin(now: number): void {
    this.#since = now;
    this.#at = now;
    this.#started = 0;
  }

  /** A call has started. */
  add(now: number): void {
    this.#decay(now);
    this.#started++;
  }

  /** Undefined: none has started since the queue was empty. */
  perSecond(now: number): number | undefined {
    if (this.#since === undefined || this.#started === 0) return undefined;
    this.#decay(now);
    const age = Math.max(LEAST_MS, now - this.#since);
    const weighted = MEMORY_MS * (1 - Math.exp(-age / MEMORY_MS));
    return (this.#started * 1000) / weighted;
  }

  #decay(now: number): void {
    if (now <= this.#at) return;
    this.#started *= Math.exp(-(now - this.#at) / MEMORY_MS);
    this.#at = now;
  }
}
