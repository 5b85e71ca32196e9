/**
 * Keys that are remembered for a while: for as long as the first of them is young, then for as long again. Bound: twice
 * `max`. Overflow policy: the older half is forgotten.
 */
export class RecentKeys {
  readonly #max: number;
  readonly #lifeMs: number;
  #young = new Set<string>();
  #old = new Set<string>();
  #bornAt = -Infinity;

  /** @param lifeMs how long a key is kept at least, and at most twice as long, while there is room */
  constructor({ max, lifeMs }: { readonly max: number; readonly lifeMs: number }) {
    this.#max = max;
    this.#lifeMs = lifeMs;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  add(key: string, now: number): void {
    this.#age(now);
    this.#young.add(key);
  }

  has(key: string, now: number): boolean {
    if (this.size === 0) return false;
    this.#age(now);
    return this.#young.has(key) || this.#old.has(key);
  }

  #age(now: number): void {
    if (this.#young.size < this.#max && now - this.#bornAt < this.#lifeMs) return;
    this.#old = now - this.#bornAt < 2 * this.#lifeMs ? this.#young : new Set();
    this.#young = new Set();
    this.#bornAt = now;
  }
}
