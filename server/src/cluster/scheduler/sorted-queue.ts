/** Items in a chunk: what an insertion or a removal moves. */
const CHUNK = 512;

/**
 * Items in order, for a queue that is filled at its end, emptied at its front, and now and then changed in the middle:
 * all of it in about the logarithm of its length, the rank of an item in a few steps per thousand.
 */
export class SortedQueue<T> {
  readonly #compare: (a: T, b: T) => number;
  /** None is empty. */
  readonly #chunks: T[][] = [];
  #size = 0;

  /** @param compare a total order: 0 for the same item only */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#size;
  }

  first(): T | undefined {
    return this.#chunks[0]?.[0];
  }

  /** An item that is there already stays there once. */
  add(item: T): void {
    const index = Math.max(0, this.#chunkOf(item));
    const chunk = this.#chunks[index];
    if (chunk === undefined) {
      this.#chunks.push([item]);
      this.#size++;
      return;
    }
    const at = this.#placeIn(chunk, item);
    const there = chunk[at];
    if (there !== undefined && this.#compare(there, item) === 0) return;
    chunk.splice(at, 0, item);
    this.#size++;
    if (chunk.length > CHUNK) this.#chunks.splice(index + 1, 0, chunk.splice(CHUNK / 2));
  }

  /** @returns whether it was there */
  delete(item: T): boolean {
    const index = this.#chunkOf(item);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return false;
    const at = this.#placeIn(chunk, item);
    const there = chunk[at];
    if (there === undefined || this.#compare(there, item) !== 0) return false;
    chunk.splice(at, 1);
    this.#size--;
    if (chunk.length === 0) this.#chunks.splice(index, 1);
    return true;
  }

  /** How many are before this item. */
  rank(item: T): number {
    const index = this.#chunkOf(item);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return 0;
    let before = this.#placeIn(chunk, item);
    for (let each = 0; each < index; each++) before += this.#chunks[each]?.length ?? 0;
    return before;
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  /** The last chunk that begins with this item or one before it; -1: all begin after it. */
  #chunkOf(item: T): number {
    let [from, to] = [0, this.#chunks.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const head = this.#chunks[middle]?.[0];
      if (head !== undefined && this.#compare(head, item) <= 0) from = middle + 1;
      else to = middle;
    }
    return from - 1;
  }

  /** Where the item is in a chunk, or would be. */
  #placeIn(chunk: readonly T[], item: T): number {
    let [from, to] = [0, chunk.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const there = chunk[middle];
      if (there !== undefined && this.#compare(there, item) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
