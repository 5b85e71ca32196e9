import type { LoggedEvent } from './ports.ts';

export interface HotRingOptions {
  /** Most events kept (default 2000). */
  readonly maxEvents?: number;
  /** Most bytes of event JSON kept (default 4 MiB). */
  readonly maxBytes?: number;
}

/**
 * The recent events of one account that this process has seen, newest last. Overflow policy: the oldest fall out.
 * Whether it is complete for a pattern is known by whoever subscribed that pattern; the ring only knows what it dropped.
 */
export class HotRing {
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  /** Before `#head`: empty slots. What fell out is let go at once, not when the array is cut. */
  #events: (LoggedEvent | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  /** Sequence of the newest event that fell out. */
  #droppedUpTo = 0;

  constructor(options: HotRingOptions = {}) {
    this.#maxEvents = options.maxEvents ?? 2000;
    this.#maxBytes = options.maxBytes ?? 4 * 1024 * 1024;
  }

  get size(): number {
    return this.#events.length - this.#head;
  }

  push(event: LoggedEvent): void {
    this.#events.push(event);
    this.#bytes += event.json.length;
    while (this.size > this.#maxEvents || (this.#bytes > this.#maxBytes && this.size > 0)) {
      const oldest = this.#events[this.#head];
      this.#events[this.#head++] = undefined;
      if (oldest === undefined) break;
      this.#bytes -= oldest.json.length;
      this.#droppedUpTo = oldest.position.seq;
    }
    if (this.#head > 512 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Whether nothing after `seq` has fallen out. */
  reaches(seq: number): boolean {
    return seq >= this.#droppedUpTo;
  }

  /** Events with `after < seq < before`, in order. */
  between(after: number, before: number): LoggedEvent[] {
    const end = before === Infinity ? undefined : this.#firstAbove(before - 1);
    return this.#events.slice(this.#firstAbove(after), end).filter((event) => event !== undefined);
  }

  /** The `count`th event from the end that fits; undefined when there are fewer. */
  back(fits: (event: LoggedEvent) => boolean, count: number): LoggedEvent | undefined {
    let left = count;
    for (let at = this.#events.length - 1; at >= this.#head; at--) {
      const event = this.#events[at];
      if (event !== undefined && fits(event) && --left === 0) return event;
    }
    return undefined;
  }

  clear(): void {
    this.#events = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#droppedUpTo = 0;
  }

  /** Index of the first event with a sequence above `seq`. */
  #firstAbove(seq: number): number {
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle]?.position.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
