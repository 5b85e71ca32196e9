import type { Clock } from '../kernel/index.ts';

interface Entry {
  readonly value: Uint8Array;
  readonly expiresAt: number;
}

/** Keeps the most recently used values, bounded in bytes. A value larger than a quarter of the bound is not kept. */
export class LruCache {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(options: { readonly clock: Clock; readonly maxBytes: number }) {
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Uint8Array | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAt <= this.#clock.monotonic()) {
      this.#bytes -= entry.value.length;
      return undefined;
    }
    this.#entries.set(key, entry); // a Map keeps order of insertion: the last is the youngest
    return entry.value;
  }

  /** @param ttlMs how long the value may be given out */
  set(key: string, value: Uint8Array, ttlMs: number): void {
    this.#drop(key);
    if (value.length > this.#maxBytes / 4) return;
    this.#entries.set(key, { value, expiresAt: this.#clock.monotonic() + ttlMs });
    this.#bytes += value.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.value.length;
  }
}
