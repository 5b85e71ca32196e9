/** What a cache that keeps values in order of use or arrival answers to, here and in its comparison with LRU. */
export interface BoundedCache<V> {
  get(key: string): V | undefined;
  /** @param size what it counts against the bound, at least 1 */
  set(key: string, value: V, size: number): void;
  delete(key: string): boolean;
}

export interface S3FifoOptions<V> {
  /** Bound of what is held, in the unit of the sizes. */
  readonly capacity: number;
  /** What was dropped for want of room or by `delete`; not what was replaced. */
  readonly onDrop?: (key: string, value: V) => void;
}

interface Entry<V> {
  value: V;
  size: number;
  /** Uses since it came or was last looked at, at most 3. */
  uses: number;
  main: boolean;
}

/** Share of the bound for what was seen once. */
const SMALL_SHARE = 0.1;
const MOST_USES = 3;
/** Keys that are remembered after they were dropped, at least. */
const LEAST_GHOSTS = 64;

/**
 * A bounded cache by S3-FIFO: what is seen once passes through a small queue and leaves without touching the main one, so that a scan
 * (a campaign in which each prompt is heard once) does not drop what is used again and again. A key that comes back soon after
 * it was dropped goes to the main queue at once. All operations are O(1), a hit writes a number.
 *
 * DEVIATION: sizes are bytes, not slots, so that one large value may drop several small ones. A value larger than the small queue
 * goes to the main one when it fits into a quarter of the bound, and is not kept beyond that.
 */
export class S3Fifo<V> implements BoundedCache<V> {
  readonly #capacity: number;
  readonly #onDrop: (key: string, value: V) => void;
  readonly #entries = new Map<string, Entry<V>>();
  // A Set keeps the order of insertion: its first key is the oldest.
  readonly #small = new Set<string>();
  readonly #main = new Set<string>();
  readonly #ghosts = new Set<string>();
  #smallSize = 0;
  #mainSize = 0;

  constructor(options: S3FifoOptions<V>) {
    this.#capacity = options.capacity;
    this.#onDrop = options.onDrop ?? (() => undefined);
  }

  /** What is held, in the unit of the sizes. */
  get size(): number {
    return this.#smallSize + this.#mainSize;
  }

  /** How many values are held. */
  get count(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.uses < MOST_USES) entry.uses += 1;
    return entry.value;
  }

  /** As `get`, but it is no use. */
  peek(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  set(key: string, value: V, size: number): void {
    const uses = this.#entries.get(key)?.uses ?? 0;
    this.#take(key);
    if (size > this.#capacity / 4) return;
    const main = this.#ghosts.delete(key) || size > this.#capacity * SMALL_SHARE;
    this.#entries.set(key, { value, size, uses, main });
    this.#enqueue(key, size, main);
    while (this.size > this.#capacity) this.#evict();
  }

  delete(key: string): boolean {
    const entry = this.#take(key);
    if (entry !== undefined) this.#onDrop(key, entry.value);
    return entry !== undefined;
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.delete(key);
    this.#ghosts.clear();
  }

  #take(key: string): Entry<V> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#dequeue(key, entry);
    return entry;
  }

  #enqueue(key: string, size: number, main: boolean): void {
    (main ? this.#main : this.#small).add(key);
    if (main) this.#mainSize += size;
    else this.#smallSize += size;
  }

  #dequeue(key: string, { size, main }: Entry<V>): void {
    (main ? this.#main : this.#small).delete(key);
    if (main) this.#mainSize -= size;
    else this.#smallSize -= size;
  }

  #evict(): void {
    if (this.#small.size > 0 && (this.#smallSize > this.#capacity * SMALL_SHARE || this.#main.size === 0)) {
      this.#evictSmall();
    } else this.#evictMain();
  }

  /** The oldest of the small queue goes to the main one when it was used again, else it leaves and is remembered. */
  #evictSmall(): void {
    const { key, entry } = this.#oldest(this.#small);
    if (entry.uses === 0) {
      this.#drop(key, entry);
      this.#remember(key);
      return;
    }
    this.#dequeue(key, entry);
    entry.main = true;
    entry.uses = 0;
    this.#enqueue(key, entry.size, true);
  }

  /** The oldest of the main queue goes round again for each use that it had. */
  #evictMain(): void {
    const { key, entry } = this.#oldest(this.#main);
    if (entry.uses === 0) {
      this.#drop(key, entry);
      return;
    }
    entry.uses -= 1;
    this.#main.delete(key);
    this.#main.add(key);
  }

  #oldest(queue: Set<string>): { key: string; entry: Entry<V> } {
    for (const key of queue) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) return { key, entry };
    }
    throw new RangeError('a queue of the cache is empty although something is counted in it');
  }

  #drop(key: string, entry: Entry<V>): void {
    this.#entries.delete(key);
    this.#dequeue(key, entry);
    this.#onDrop(key, entry.value);
  }

  #remember(key: string): void {
    this.#ghosts.add(key);
    const most = Math.max(LEAST_GHOSTS, this.#main.size);
    for (const oldest of this.#ghosts) {
      if (this.#ghosts.size <= most) return;
      this.#ghosts.delete(oldest);
    }
  }
}
