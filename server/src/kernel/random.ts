import { randomBytes, randomInt } from 'node:crypto';

/** The only source of randomness in the server: tags, branches, SSRCs, ids, jitter. */
export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array;
  /** A whole number in [0, `limit`), `limit` up to 2^48 - 1. */
  int(limit: number): number;
  /** A number in [0, 1). */
  fraction(): number;
}

/** Bytes drawn at once: a call to the generator costs far more than the bytes do. */
const DRAWN = 4096;
let drawn: Buffer = Buffer.alloc(0);
let used = 0;

/** Unpredictable bytes, each given out once. */
function draw(length: number): Uint8Array {
  if (length > DRAWN / 8) return randomBytes(length);
  if (used + length > drawn.length) {
    drawn = randomBytes(DRAWN);
    used = 0;
  }
  const start = used;
  used += length;
  return drawn.subarray(start, used);
}

/** The operating system's cryptographic generator. */
export const systemRandom: Random = {
  bytes: draw,
  int: (limit) => randomInt(limit),
  fraction: () => randomInt(2 ** 48 - 1) / (2 ** 48 - 1),
};

/** A repeatable generator (mulberry32) for tests and simulations. Never for anything secret. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return {
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
    int: (limit) => Math.floor((next() / 2 ** 32) * limit),
    fraction: () => next() / 2 ** 32,
  };
}

/** `length` random bytes as lower-case hexadecimal, twice as many characters. */
export function randomHex(random: Random, length: number): string {
  const bytes = random.bytes(length);
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes)).toString('hex');
}
