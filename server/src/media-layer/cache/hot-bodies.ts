import { createHash } from 'node:crypto';
import type { Log } from '../../kernel/index.ts';
import { describeError } from '../../kernel/index.ts';
import { AccountShares } from './account-shares.ts';
import type { DiskBodies } from './ports.ts';
import { S3Fifo } from './s3-fifo.ts';

export interface HotBodiesOptions {
  readonly log: Log;
  /** Bound of the copies in memory, bytes (default 64 MiB). */
  readonly memoryBytes?: number;
  /** Undefined: copies are in memory only. */
  readonly disk?: DiskBodies;
}

/** SHA-256, base64url. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url');
}

interface Held {
  readonly body: Uint8Array;
  readonly account: string;
}

/** Of the memory, for one account while it is full and others have something there. */
const MOST_SHARE = 0.5;

/**
 * Copies of stored bodies near at hand: used ones in memory, more of them on disk. Both bounded, neither is ever the only copy. An account
 * that floods the memory drops its own oldest copies there.
 */
export class HotBodies {
  readonly #memory: S3Fifo<Held>;
  readonly #shares = new AccountShares();
  readonly #capacity: number;
  readonly #disk: DiskBodies | undefined;
  readonly #log: Log;

  constructor({ log, memoryBytes = 64 * 1024 * 1024, disk }: HotBodiesOptions) {
    this.#capacity = memoryBytes;
    this.#memory = new S3Fifo<Held>({
      capacity: memoryBytes,
      onDrop: (name, { account }) => {
        this.#shares.remove(account, name);
      },
    });
    this.#disk = disk;
    this.#log = log;
  }

  /** In memory. */
  get bytes(): number {
    return this.#memory.size;
  }

  get count(): number {
    return this.#memory.count;
  }

  /** Undefined: not in memory. */
  inMemory(name: string): Uint8Array | undefined {
    return this.#memory.get(name)?.body;
  }

  /** @param digest of the bytes: what does not fit is not given out */
  async get(name: string, digest: string, account = ''): Promise<Uint8Array | undefined> {
    const held = this.#memory.get(name);
    if (held !== undefined) return held.body;
    const read = await this.#quietly(() => this.#disk?.get(name));
    if (read === undefined) return undefined;
    if (sha256(read) !== digest) {
      this.drop(name);
      return undefined;
    }
    this.#keep(name, read, account);
    return read;
  }

  /** @param account whose it is */
  put(name: string, body: Uint8Array, account = ''): void {
    this.#keep(name, body, account);
    void this.#quietly(() => this.#disk?.put(name, body));
  }

  drop(name: string): void {
    this.#memory.delete(name);
    void this.#quietly(() => this.#disk?.remove(name));
  }

  #keep(name: string, body: Uint8Array, account: string): void {
    const size = Math.max(1, body.length);
    this.#memory.delete(name);
    const most = this.#capacity * MOST_SHARE;
    const shares = this.#shares;
    for (let own = shares.oldest(account); own !== undefined; own = shares.oldest(account)) {
      const isFull = this.#memory.size + size > this.#capacity;
      if (!isFull || shares.count === 1 || shares.bytes(account) + size <= most) break;
      this.#memory.delete(own);
    }
    shares.add(account, name, size);
    this.#memory.set(name, { body, account }, size);
    // What is too large is not held.
    if (this.#memory.peek(name) === undefined) shares.remove(account, name);
  }

  /** A disk that fails costs speed, nothing else. */
  async #quietly<T>(work: () => Promise<T> | undefined): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#log.warn({ reason: describeError(error) }, 'media: the copies on disk cannot be used');
      return undefined;
    }
  }
}
