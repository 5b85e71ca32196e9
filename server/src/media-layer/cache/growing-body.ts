/** A reader that never waits. */
export interface BodyCursor {
  /** The next bytes: so many, fewer only at the end; none when there are not so many yet; undefined when all were taken. Throws what `fail` was given. */
  take(bytes: number): Uint8Array | undefined;
  /** Back to the first. */
  rewind(): void;
  /** Idempotent. */
  close(): void;
}

const NONE = new Uint8Array();

/**
 * Bytes that are still being made, read by any number of readers, each from the beginning and as far as there is something: a
 * reader who comes late gets at once what is there. Kept whole in memory; who appends bounds it.
 */
export class GrowingBody {
  readonly #parts: Uint8Array[] = [];
  readonly #whole = Promise.withResolvers<Uint8Array>();
  #grew = Promise.withResolvers<void>();
  #bytes = 0;
  #state: 'growing' | 'ended' | 'failed' = 'growing';
  #error: unknown;
  #cursors = 0;
  readonly #onUnread: (() => void) | undefined;

  /** @param options.onUnread the last cursor was closed while more was to come: nobody needs the rest */
  constructor(options: { readonly onUnread?: () => void } = {}) {
    this.#onUnread = options.onUnread;
    // Whoever waits hears of a failure; it is no unhandled rejection when nobody does.
    this.#whole.promise.catch(() => undefined);
  }

  /** Everything, once it has ended. Rejects with what `fail` was given. */
  get whole(): Promise<Uint8Array> {
    return this.#whole.promise;
  }

  /** So far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Nothing more comes. */
  get over(): boolean {
    return this.#state !== 'growing';
  }

  append(part: Uint8Array): void {
    if (this.#state !== 'growing' || part.length === 0) return;
    this.#parts.push(part);
    this.#bytes += part.length;
    this.#wake();
  }

  end(): void {
    if (this.#state !== 'growing') return;
    this.#state = 'ended';
    this.#whole.resolve(Buffer.concat(this.#parts));
    this.#wake();
  }

  fail(error: unknown): void {
    if (this.#state !== 'growing') return;
    this.#state = 'failed';
    this.#error = error;
    this.#whole.reject(error);
    this.#wake();
  }

  /** Resolves when there is a first part or the end. @throws what `fail` was given, when nothing came before */
  async started(): Promise<void> {
    while (this.#parts.length === 0 && this.#state === 'growing') await this.#grew.promise;
    if (this.#parts.length === 0 && this.#state === 'failed') throw this.#error;
  }

  /** All parts from the first on. Throws what `fail` was given. */
  async *read(): AsyncGenerator<Uint8Array> {
    for (let at = 0; ;) {
      const part = this.#parts[at];
      if (part !== undefined) {
        at += 1;
        yield part;
      } else if (this.#state === 'failed') throw this.#error;
      else if (this.#state === 'ended') return;
      else await this.#grew.promise;
    }
  }

  /** For who takes what there is at its own pace. The owner closes it. */
  cursor(): BodyCursor {
    this.#cursors += 1;
    let [at, offset, taken, closed] = [0, 0, 0, false];
    return {
      take: (wanted) => {
        const there = this.#bytes - taken;
        if (there < wanted && this.#state === 'growing') return NONE;
        if (there < wanted && this.#state === 'failed') throw this.#error;
        if (there === 0) return undefined;
        const bytes = new Uint8Array(Math.min(wanted, there));
        for (let filled = 0; filled < bytes.length;) {
          const part = this.#parts[at] ?? NONE;
          const piece = part.subarray(offset, offset + bytes.length - filled);
          bytes.set(piece, filled);
          filled += piece.length;
          offset += piece.length;
          if (offset >= part.length) [at, offset] = [at + 1, 0];
        }
        taken += bytes.length;
        return bytes;
      },
      rewind: () => {
        [at, offset, taken] = [0, 0, 0];
      },
      close: () => {
        if (closed) return;
        closed = true;
        this.#cursors -= 1;
        if (this.#cursors === 0 && this.#state === 'growing') this.#onUnread?.();
      },
    };
  }

  #wake(): void {
    const grew = this.#grew;
    this.#grew = Promise.withResolvers();
    grew.resolve();
  }
}
