import type { Clock, Random } from '../../kernel/index.ts';

const TOKEN_BYTES = 16;
const SIZE = TOKEN_BYTES + 4;
/** A probe that has not come back for so long is taken for lost: the buffer was full. Milliseconds. */
const LOST_MS = 2_000;

export interface ReceiveDelayOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Sends to the socket's own address. Must not throw. */
  readonly send: (probe: Buffer) => void;
}

/**
 * How long what arrives at a UDP socket waits before it is read. The kernel does not tell; so the socket sends itself a
 * datagram now and then, which waits behind whatever is there. That is the one sign of overload that is neither early (a
 * busy event loop may just keep up) nor late (retransmissions).
 */
export class ReceiveDelay {
  readonly #options: ReceiveDelayOptions;
  readonly #token: Buffer;
  #number = 0;
  /** Of the probe that is on its way. */
  #sentAt: number | undefined;
  /** What the last probe waited, until it is asked for. */
  #found: number | undefined;

  constructor(options: ReceiveDelayOptions) {
    this.#options = options;
    this.#token = Buffer.from(options.random.bytes(TOKEN_BYTES));
  }

  /** Milliseconds, as found since the last call; undefined when nothing was. Asking sends the next probe. */
  read(): number | undefined {
    const now = this.#options.clock.monotonic();
    const found = this.#found;
    this.#found = undefined;
    const waiting = this.#sentAt === undefined ? undefined : now - this.#sentAt;
    if (waiting === undefined || waiting >= LOST_MS) this.#probe(now);
    return found ?? waiting;
  }

  /** Whether the datagram is one of ours, which goes no further. */
  take(bytes: Buffer): boolean {
    if (bytes.length !== SIZE || !this.#token.equals(bytes.subarray(0, TOKEN_BYTES))) return false;
    if (this.#sentAt === undefined || bytes.readUInt32BE(TOKEN_BYTES) !== this.#number) return true;
    this.#found = this.#options.clock.monotonic() - this.#sentAt;
    this.#sentAt = undefined;
    return true;
  }

  #probe(now: number): void {
    this.#number = (this.#number + 1) >>> 0;
    const probe = Buffer.alloc(SIZE);
    this.#token.copy(probe);
    probe.writeUInt32BE(this.#number, TOKEN_BYTES);
    this.#sentAt = now;
    this.#options.send(probe);
  }
}
