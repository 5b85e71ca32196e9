/** What an account's events are kept by; whichever bound is reached first drops the oldest. */
export interface RetentionLimits {
  /** Milliseconds. */
  readonly maxAgeMs: number;
  /** Bytes of event JSON. */
  readonly maxBytes: number;
}

/** Neighbouring events of one account, dropped together. */
interface Chunk {
  lastSeq: number;
  firstStoredAt: number;
  lastStoredAt: number;
  bytes: number;
  events: number;
}

/** A chunk holds this part of what an account may keep, by size and by age: so exact is its retention. */
const PARTS = 32;
const MAX_CHUNK_EVENTS = 1000;

/** How much one account keeps, and how old it is: a bounded number of chunks, not a list of events. */
export class RetentionLedger {
  readonly #chunks: Chunk[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Events come in rising sequence. */
  add(
    event: { readonly seq: number; readonly storedAt: number; readonly size: number },
    limits: RetentionLimits,
  ): void {
    const { seq, storedAt, size } = event;
    this.#bytes += size;
    const last = this.#chunks.at(-1);
    if (last === undefined || isFull(last, storedAt, limits)) {
      this.#chunks.push({ lastSeq: seq, firstStoredAt: storedAt, lastStoredAt: storedAt, bytes: size, events: 1 });
      return;
    }
    last.lastSeq = seq;
    last.lastStoredAt = storedAt;
    last.bytes += size;
    last.events += 1;
  }

  /** Sequence up to which events are too old or too many now; undefined: none. They are forgotten here. */
  expire(now: number, limits: RetentionLimits): number | undefined {
    let upTo: number | undefined;
    for (let oldest = this.#chunks[0]; oldest !== undefined; oldest = this.#chunks[0]) {
      if (this.#bytes <= limits.maxBytes && oldest.lastStoredAt >= now - limits.maxAgeMs) break;
      upTo = oldest.lastSeq;
      this.#shift(oldest);
    }
    return upTo;
  }

  /** The stream itself dropped everything before `first`. */
  forgetBefore(first: number): void {
    for (let oldest = this.#chunks[0]; oldest !== undefined && oldest.lastSeq < first; oldest = this.#chunks[0]) {
      this.#shift(oldest);
    }
  }

  #shift(oldest: Chunk): void {
    this.#chunks.shift();
    this.#bytes -= oldest.bytes;
  }
}

function isFull(chunk: Chunk, storedAt: number, { maxAgeMs, maxBytes }: RetentionLimits): boolean {
  return (
    chunk.bytes >= maxBytes / PARTS ||
    storedAt - chunk.firstStoredAt >= maxAgeMs / PARTS ||
    chunk.events >= MAX_CHUNK_EVENTS
  );
}
