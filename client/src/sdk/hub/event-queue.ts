import { deferred } from '../kit/index.ts';
import type { Deferred } from '../kit/index.ts';

/** A bounded queue between events that come and a reader that waits for them. */
export class EventQueue<T> {
  readonly #size: number;
  readonly #items = new Map<unknown, T>();
  readonly #readers: Deferred<IteratorResult<T, undefined>>[] = [];
  #count = 0;
  #overflowed = false;
  #ended = false;
  #error: unknown;

  /** @param size items held while nobody reads */
  constructor(size: number) {
    this.#size = size;
  }

  /**
   * @param key an item that waits with the same key is replaced
   * @returns true when an item was dropped for the first time since the queue was empty
   */
  push(item: T, key: unknown = this.#count++): boolean {
    if (this.#ended) return false;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: item });
      return false;
    }
    this.#items.delete(key);
    this.#items.set(key, item);
    if (this.#items.size <= this.#size) return false;
    this.#shift();
    const first = !this.#overflowed;
    this.#overflowed = true;
    return first;
  }

  /** No more items come. What waits can still be read; then the error is thrown, once. Idempotent. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    for (const reader of this.#readers.splice(0)) void this.next().then(reader.resolve, reader.reject);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.size > 0) {
      const value = this.#shift() as T;
      if (this.#items.size === 0) this.#overflowed = false;
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended) {
      const error = this.#error as Error | undefined;
      this.#error = undefined;
      return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
    }
    const reader = deferred<IteratorResult<T, undefined>>();
    this.#readers.push(reader);
    return reader.promise;
  }

  /** The oldest item. */
  #shift(): T | undefined {
    for (const [key, item] of this.#items) {
      this.#items.delete(key);
      return item;
    }
    return undefined;
  }
}
