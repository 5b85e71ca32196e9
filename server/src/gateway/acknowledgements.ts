import type { Clock } from '../kernel/index.ts';

export interface AcknowledgementLimits {
  /** Bytes of events after which the client is asked whether it has read them (default 64 KiB). */
  readonly askEveryBytes: number;
  /** Bytes of events that may be on their way unread, wherever they are held up (default 512 KiB). */
  readonly maxUnreadBytes: number;
}

export const ACKNOWLEDGEMENT_LIMITS: AcknowledgementLimits = {
  askEveryBytes: 64 * 1024,
  maxUnreadBytes: 512 * 1024,
};

/** The first question comes early: only a client that has answered one can be held to its answers. */
const FIRST_ASK_BYTES = 4 * 1024;

/**
 * How far behind a client is, by its own word. The operating systems on the way take megabytes for a reader that has
 * stopped, before a write here is refused. So every so many bytes a `ping` with a number follows the events, and its
 * `pong` tells that everything before was read. A client that answers without the number (an older one) is never
 * held back by this.
 */
export class Acknowledgements {
  readonly #limits: AcknowledgementLimits;
  readonly #clock: Pick<Clock, 'monotonic'> | undefined;
  #written = 0;
  #read = 0;
  #lastNumber = 0;
  /** The question that is open: its number, and what had been written when it was asked. */
  #open: { readonly n: number; readonly written: number; readonly at: number } | undefined;
  #answers: boolean | undefined;

  /** @param clock left out: how long an answer took is not known */
  constructor(limits: AcknowledgementLimits = ACKNOWLEDGEMENT_LIMITS, clock?: Pick<Clock, 'monotonic'>) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Bytes not known to be read; 0 for a client that does not answer. */
  get unread(): number {
    return this.#answers === true ? this.#written - this.#read : 0;
  }

  /** Nothing more should be written until an answer comes. */
  get full(): boolean {
    return this.unread >= this.#limits.maxUnreadBytes;
  }

  /** Notes what was written. Returns the number to ask with, when it is time to. */
  wrote(bytes: number): number | undefined {
    this.#written += bytes;
    const every = this.#answers === undefined ? FIRST_ASK_BYTES : this.#limits.askEveryBytes;
    if (this.#answers === false || this.#open !== undefined || this.#written - this.#read < every) return undefined;
    this.#open = { n: (this.#lastNumber += 1), written: this.#written, at: this.#clock?.monotonic() ?? 0 };
    return this.#open.n;
  }

  /** An answer. Numbers that were not asked change nothing. Returns how long it took, milliseconds. */
  answered(n: number | undefined): number | undefined {
    if (n === undefined) {
      // It may be the answer to a heartbeat; only one that never gives a number does not know of them.
      if (this.#open !== undefined) this.#answers ??= false;
      return undefined;
    }
    if (this.#open?.n !== n) return undefined;
    const { at } = this.#open;
    this.#answers = true;
    this.#read = this.#open.written;
    this.#open = undefined;
    return this.#clock === undefined ? undefined : this.#clock.monotonic() - at;
  }
}
