const SLAB = 65_536;

/**
 * Copies of bytes that are kept for long, one behind the other in large pieces of memory. A small `Buffer` of Node lives
 * in a pool with whatever else was made at that time, and keeps all of it.
 *
 * A piece is freed with the last copy in it: give one instance only what goes in about the order it came.
 */
export class KeptBytes {
  #slab: Buffer = Buffer.alloc(0);
  #used = 0;

  keep(bytes: Buffer): Buffer {
    const { length } = bytes;
    if (length > SLAB / 8) return Buffer.from(new Uint8Array(bytes).buffer);
    if (this.#used + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB);
      this.#used = 0;
    }
    const copy = this.#slab.subarray(this.#used, this.#used + length);
    bytes.copy(copy);
    this.#used += length;
    return copy;
  }
}
