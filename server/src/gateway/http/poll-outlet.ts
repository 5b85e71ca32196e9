import type { Flushable, Outlet, OutletItem } from '../../hub/index.ts';

/** Bytes of events in one answer, at which it is full. */
const MAX_BYTES = 1024 * 1024;

/** Gathers the events of one poll, in order, up to its limit; what comes after is left for the next poll. */
export class PollOutlet implements Outlet, Flushable {
  readonly items: OutletItem[] = [];
  /** Something is there, or can be no more. */
  readonly stirred: Promise<void>;
  /** Nothing more will be taken. */
  readonly full: Promise<void>;
  readonly #limit: number;
  readonly #stirred = Promise.withResolvers<void>();
  readonly #full = Promise.withResolvers<void>();
  #bytes = 0;
  #lost = false;
  #closed = false;

  constructor(limit: number) {
    this.#limit = limit;
    this.stirred = this.#stirred.promise;
    this.full = this.#full.promise;
  }

  /** Events are missing between those before this moment and what would come now. */
  get lost(): boolean {
    return this.#lost;
  }

  get hasRoom(): boolean {
    return !this.#closed && !this.#isFull();
  }

  room(): Promise<void> {
    return this.#closed ? Promise.resolve() : new Promise((resolve) => void this.full.then(resolve));
  }

  enqueue(item: OutletItem): void {
    if (!this.hasRoom) return;
    if (item.event === undefined) {
      if (!(JSON.parse(item.frame.json) as { recovered?: boolean }).recovered) this.#endWithGap();
      return;
    }
    this.items.push(item);
    this.#bytes += item.frame.size;
    this.#stirred.resolve();
    if (this.#isFull()) this.#full.resolve();
  }

  flush(): number {
    return 0;
  }

  /** Takes no more. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#stirred.resolve();
    this.#full.resolve();
  }

  #isFull(): boolean {
    return this.items.length >= this.#limit || this.#bytes >= MAX_BYTES;
  }

  #endWithGap(): void {
    this.#lost = true;
    this.close();
  }
}
