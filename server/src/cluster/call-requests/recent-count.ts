const SECONDS = 60;

/** How often something happened within the last minute, by the second, in bounded memory. Times are epoch milliseconds. */
export class RecentCount {
  readonly #seconds = new Uint32Array(SECONDS);
  #newest = 0;
  #sum = 0;

  add(now: number): void {
    this.#moveTo(now);
    const slot = this.#newest % SECONDS;
    this.#seconds[slot] = (this.#seconds[slot] ?? 0) + 1;
    this.#sum++;
  }

  lastMinute(now: number): number {
    this.#moveTo(now);
    return this.#sum;
  }

  /** A clock that is set back moves nothing. */
  #moveTo(now: number): void {
    const second = Math.floor(now / 1000);
    const from = Math.max(this.#newest + 1, second - SECONDS + 1);
    for (let each = from; each <= second; each++) {
      this.#sum -= this.#seconds[each % SECONDS] ?? 0;
      this.#seconds[each % SECONDS] = 0;
    }
    this.#newest = Math.max(this.#newest, second);
  }
}
