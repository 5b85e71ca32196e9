/** A binary heap whose items can be moved and taken out: the smallest in one step, a change in the logarithm of the size. */
export class IndexedHeap<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  has(item: T): boolean {
    return this.#places.has(item);
  }

  /** Puts an item in, or to where it belongs now that its key has changed. */
  set(item: T): void {
    const place = this.#places.get(item);
    if (place === undefined) {
      this.#items.push(item);
      this.#rise(item, this.#items.length - 1);
    } else if (!this.#rise(item, place)) this.#sink(item, place);
  }

  /** Takes the smallest out. */
  shift(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.delete(first);
    return first;
  }

  /** @returns whether it was there */
  delete(item: T): boolean {
    const place = this.#places.get(item);
    if (place === undefined) return false;
    this.#places.delete(item);
    const last = this.#items.pop();
    if (last !== undefined && last !== item && !this.#rise(last, place)) this.#sink(last, place);
    return true;
  }

  /** @returns whether it moved */
  #rise(item: T, from: number): boolean {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      const above = this.#items[parent];
      if (above === undefined || this.#compare(above, item) <= 0) break;
      this.#put(above, place);
      place = parent;
    }
    this.#put(item, place);
    return place !== from;
  }

  #sink(item: T, from: number): void {
    let place = from;
    for (;;) {
      const child = this.#smallerChild(place);
      const below = this.#items[child];
      if (below === undefined || this.#compare(below, item) >= 0) break;
      this.#put(below, place);
      place = child;
    }
    this.#put(item, place);
  }

  #smallerChild(place: number): number {
    const left = 2 * place + 1;
    const [a, b] = [this.#items[left], this.#items[left + 1]];
    return a !== undefined && b !== undefined && this.#compare(b, a) < 0 ? left + 1 : left;
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    this.#places.set(item, place);
  }
}
