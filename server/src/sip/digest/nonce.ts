import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../kernel/index.ts';

const STAMP_BYTES = 6;
const SALT_BYTES = 8;
const MAC_BYTES = 16;

/** What a nonce says about itself. */
export interface NonceFacts {
  /** False: made by somebody else, or with another key. */
  readonly authentic: boolean;
  /** Wall-clock time at which it was made, milliseconds; 0 when it is not authentic. */
  readonly issuedAt: number;
}

/**
 * Nonces that prove by themselves who made them and when (RFC 7616 section 5.4): nothing is stored until one of them was
 * answered rightly, so that challenges cost a scanner's victim no memory.
 */
export class NonceMint {
  readonly #key: Uint8Array;
  readonly #random: Random;

  /** @param key 32 bytes; processes that share it take each other's nonces */
  constructor(key: Uint8Array, random: Random) {
    this.#key = key;
    this.#random = random;
  }

  make(realm: string, now: number): string {
    const open = Buffer.alloc(STAMP_BYTES + SALT_BYTES);
    open.writeUIntBE(now, 0, STAMP_BYTES);
    open.set(this.#random.bytes(SALT_BYTES), STAMP_BYTES);
    return Buffer.concat([open, this.#mac(open, realm)]).toString('base64url');
  }

  read(nonce: string, realm: string): NonceFacts {
    const bytes = Buffer.from(nonce, 'base64url');
    const open = bytes.subarray(0, STAMP_BYTES + SALT_BYTES);
    const mac = bytes.subarray(STAMP_BYTES + SALT_BYTES);
    const authentic =
      mac.length === MAC_BYTES && timingSafeEqual(mac, this.#mac(open, realm)) && bytes.toString('base64url') === nonce;
    return { authentic, issuedAt: authentic ? open.readUIntBE(0, STAMP_BYTES) : 0 };
  }

  /** The `opaque` value of a realm: says that the challenge was ours. */
  opaque(realm: string): string {
    return this.#mac(Buffer.from('opaque'), realm).toString('hex', 0, 8);
  }

  #mac(open: Uint8Array, realm: string): Buffer {
    return createHmac('sha256', this.#key).update(open).update(realm, 'utf8').digest().subarray(0, MAC_BYTES);
  }
}

/** Counts that arrive late are still taken when they are at most this much below the highest one. */
const WINDOW = 32;

interface Uses {
  readonly issuedAt: number;
  highest: number;
  /** Bit n: count `highest - n` was seen. */
  seen: number;
}

/**
 * Which nonce counts were used (RFC 7616 section 3.4: nc). Only nonces that were answered rightly get in. Bounded: when
 * full, the oldest nonces go out, and every nonce as old as those that is not in the table any more counts as used up:
 * its owner is asked to authenticate anew, and nothing can be replayed.
 */
export class NonceUses {
  readonly #max: number;
  readonly #uses = new Map<string, Uses>();
  #forgottenUpTo = -1;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#uses.size;
  }

  /** Takes a count. False: used before, too old to tell, or the nonce itself is forgotten. */
  take(nonce: string, issuedAt: number, count: number): boolean {
    const uses = this.#uses.get(nonce);
    if (uses === undefined) {
      if (issuedAt <= this.#forgottenUpTo) return false;
      this.#makeRoom();
      this.#uses.set(nonce, { issuedAt, highest: count, seen: 1 });
      return true;
    }
    const ahead = count - uses.highest;
    if (ahead > 0) {
      uses.seen = ahead >= WINDOW ? 1 : ((uses.seen << ahead) | 1) >>> 0;
      uses.highest = count;
      return true;
    }
    const bit = 1 << -ahead;
    if (-ahead >= WINDOW || (uses.seen & bit) !== 0) return false;
    uses.seen = (uses.seen | bit) >>> 0;
    return true;
  }

  /** Forgets nonces made before `time`, which are refused for their age from now on. */
  forgetBefore(time: number): void {
    for (const [nonce, { issuedAt }] of this.#uses) if (issuedAt < time) this.#uses.delete(nonce);
  }

  #makeRoom(): void {
    if (this.#uses.size < this.#max) return;
    // A tenth at once, so that a full table does not cost a look through all of it each time.
    const oldest = [...this.#uses].sort(([, a], [, b]) => a.issuedAt - b.issuedAt);
    for (const [nonce, { issuedAt }] of oldest.slice(0, Math.ceil(this.#max / 10))) {
      this.#uses.delete(nonce);
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, issuedAt);
    }
  }
}
