/** `refused`: it was dropped, see OUTBOX_LIMITS. */
export type EmitOutcome = 'stored' | 'refused';

/** One message on its way into a stream. */
export interface OutboxMessage {
  readonly subject: string;
  readonly messageId: string;
  readonly payload: Uint8Array;
  /** `clock.monotonic()` when it was handed over. */
  readonly enqueuedAt: number;
  /** Stored; waits for older ones to leave the queue. */
  stored: boolean;
  /** It was on the wire before, without an answer: a copy of it may be what is stored. */
  isRepeated?: boolean;
  /** What became of it. */
  readonly onSettled?: (outcome: EmitOutcome, isAnothers: boolean) => void;
}

/**
 * The messages of an outbox in order: `[head ... sent)` are on the wire, `[sent ... end)` wait. Bounded in messages and
 * payload bytes. Overflow policy: {@link push} refuses the whole group and changes nothing.
 */
export class OutboxQueue {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  #items: OutboxMessage[] = [];
  #head = 0;
  #sent = 0;
  #bytes = 0;
  /** Number of the item at index 0 of `#items`: items are numbered from 0 for the life of the queue. */
  #base = 0;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get inFlight(): number {
    return this.#sent - this.#head;
  }

  /** All or none. False when they do not fit. */
  push(group: readonly OutboxMessage[]): boolean {
    const bytes = group.reduce((sum, message) => sum + message.payload.byteLength, 0);
    if (this.size + group.length > this.#maxMessages || this.#bytes + bytes > this.#maxBytes) return false;
    this.#items.push(...group);
    this.#bytes += bytes;
    return true;
  }

  /** The next message to put on the wire and its number; undefined when all are. Skips those already stored. */
  takeNext(): { readonly number: number; readonly message: OutboxMessage } | undefined {
    for (let message = this.#items[this.#sent]; message !== undefined; message = this.#items[this.#sent]) {
      const number = this.#base + this.#sent++;
      if (!message.stored) return { number, message };
    }
    return undefined;
  }

  /** The oldest message, which is not stored yet. */
  head(): OutboxMessage | undefined {
    return this.#items[this.#head];
  }

  /** Marks `number` as stored (or given up); removes what is stored from the front. Undefined when the number is not on the wire. */
  stored(number: number): OutboxMessage | undefined {
    const at = number - this.#base;
    const message = at >= this.#head && at < this.#sent ? this.#items[at] : undefined;
    if (message === undefined || message.stored) return undefined;
    message.stored = true;
    for (let first = this.head(); first?.stored === true; first = this.head()) {
      this.#bytes -= first.payload.byteLength;
      this.#head++;
    }
    this.#sent = Math.max(this.#sent, this.#head);
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#base += this.#head;
      this.#sent -= this.#head;
      this.#head = 0;
    }
    return message;
  }

  /** Everything on the wire is to be sent again, oldest first. */
  rewind(): void {
    for (const message of this.#items.slice(this.#head, this.#sent)) message.isRepeated = true;
    this.#sent = this.#head;
  }
}
