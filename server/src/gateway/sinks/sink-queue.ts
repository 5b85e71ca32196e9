/** One event that waits for its receiver. */
export interface SinkItem {
  readonly key: string;
  readonly seq: number;
  /** Of the body. */
  readonly bytes: number;
  /** Monotonic, when it came. */
  readonly at: number;
}

/** Items that are sent together, in rising `seq`. */
export interface SinkBatch<T extends SinkItem> {
  readonly items: readonly T[];
  /** Times it was sent before. */
  readonly attempts: number;
  /** Monotonic, of the first failure. */
  readonly failedAt: number | undefined;
}

export interface SinkQueueLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly batchEvents: number;
  readonly batchBytes: number;
  readonly batchWindowMs: number;
}

interface Lane<T> {
  readonly items: T[];
  busy: boolean;
  /** Monotonic. */
  notBefore: number;
  attempts: number;
  failedAt: number | undefined;
  /** Items of the failed batch: they are sent again as they were. */
  retry: number;
}

/**
 * What one sink has in hand, in lanes by key: a lane has one batch under way at most, so that events with one key arrive
 * in order; lanes do not wait for each other. Lanes without trouble share batches; one that failed is sent by itself from
 * then on, so that it holds up nobody else.
 *
 * Bounded in events and bytes; beyond, {@link SinkQueue.add} refuses and the event has to be fetched again later.
 */
export class SinkQueue<T extends SinkItem> {
  readonly #limits: SinkQueueLimits;
  readonly #lanes = new Map<string, Lane<T>>();
  /** What is not done, in the order in which it came. */
  readonly #pending = new Set<T>();
  #bytes = 0;

  constructor(limits: SinkQueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** The first that is not done. */
  get oldest(): T | undefined {
    for (const item of this.#pending) return item;
    return undefined;
  }

  /** Whether history may be fetched: half of the bound is left for what comes live. */
  get hasRoom(): boolean {
    return this.size < this.#limits.maxEvents / 2 && this.#bytes < this.#limits.maxBytes / 2;
  }

  /** False when full: nothing was added. */
  add(item: T): boolean {
    if (this.size >= this.#limits.maxEvents || this.#bytes >= this.#limits.maxBytes) return false;
    let lane = this.#lanes.get(item.key);
    if (lane === undefined) {
      lane = { items: [], busy: false, notBefore: 0, attempts: 0, failedAt: undefined, retry: 0 };
      this.#lanes.set(item.key, lane);
    }
    lane.items.push(item);
    this.#pending.add(item);
    this.#bytes += item.bytes;
    return true;
  }

  /** What may be sent now; it is under way until `done` or `failed`. */
  take(now: number): SinkBatch<T> | undefined {
    const fresh: Lane<T>[] = [];
    let waiting = 0;
    let oldest = Infinity;
    for (const lane of this.#lanes.values()) {
      if (lane.busy || lane.notBefore > now) continue;
      if (lane.retry > 0) return this.#start(lane.items.slice(0, lane.retry), lane);
      fresh.push(lane);
      waiting += lane.items.length;
      oldest = Math.min(oldest, lane.items[0]?.at ?? Infinity);
    }
    const { batchEvents, batchWindowMs } = this.#limits;
    if (waiting === 0 || (waiting < batchEvents && now - oldest < batchWindowMs)) return undefined;
    return this.#start(this.#gather(fresh));
  }

  /** Monotonic time at which something may be sent that may not now; undefined: not by waiting. */
  nextDue(now: number): number | undefined {
    let next = Infinity;
    for (const lane of this.#lanes.values()) {
      if (lane.busy) continue;
      const ready = lane.retry > 0 ? lane.notBefore : (lane.items[0]?.at ?? Infinity) + this.#limits.batchWindowMs;
      next = Math.min(next, Math.max(now, ready));
    }
    return next === Infinity ? undefined : next;
  }

  /** The batch was taken by the receiver, or given up. */
  done(batch: SinkBatch<T>): void {
    for (const item of batch.items) {
      this.#pending.delete(item);
      this.#bytes -= item.bytes;
      const lane = this.#lanes.get(item.key);
      if (lane === undefined) continue;
      lane.items.shift();
      Object.assign(lane, { busy: false, attempts: 0, failedAt: undefined, retry: 0, notBefore: 0 });
      if (lane.items.length === 0) this.#lanes.delete(item.key);
    }
  }

  /** Each key of the batch is sent by itself after `notBefore` (monotonic). */
  failed(batch: SinkBatch<T>, now: number, notBefore: (attempts: number) => number): void {
    const counts = new Map<string, number>();
    for (const { key } of batch.items) counts.set(key, (counts.get(key) ?? 0) + 1);
    for (const [key, count] of counts) {
      const lane = this.#lanes.get(key);
      if (lane === undefined) continue;
      lane.busy = false;
      lane.attempts = batch.attempts + 1;
      lane.failedAt = batch.failedAt ?? now;
      lane.retry = count;
      lane.notBefore = notBefore(lane.attempts);
    }
  }

  #start(items: readonly T[], lane?: Lane<T>): SinkBatch<T> {
    for (const { key } of items) {
      const one = this.#lanes.get(key);
      if (one !== undefined) one.busy = true;
    }
    return { items, attempts: lane?.attempts ?? 0, failedAt: lane?.failedAt };
  }

  #gather(lanes: readonly Lane<T>[]): T[] {
    const { batchEvents, batchBytes } = this.#limits;
    const all = lanes.flatMap(({ items }) => items.slice(0, batchEvents)).sort((a, b) => a.seq - b.seq);
    const taken: T[] = [];
    let bytes = 0;
    for (const item of all) {
      if (taken.length >= batchEvents || (taken.length > 0 && bytes + item.bytes > batchBytes)) break;
      taken.push(item);
      bytes += item.bytes;
    }
    return taken;
  }
}
