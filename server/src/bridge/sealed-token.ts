import { createCipheriv, createDecipheriv } from 'node:crypto';
import { z } from 'zod';
import { DomainError } from '../kernel/index.ts';
import type { Clock, Random } from '../kernel/index.ts';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** `invalid` covers every kind of forgery and misuse alike, so that a client learns nothing from the difference. */
export class SealedTokenError extends DomainError<'invalid' | 'expired'> {}

/** Who may use a token. Not contained in it: bound as associated data, so the opener must know it by itself. */
export interface TokenBearer {
  readonly accountSid: string;
  /** From the verified token of the connection that presents it. */
  readonly identity: string;
  /** Registration of the device that was rung. Empty for `reconnect`: a call may be taken up by any device. */
  readonly registration: string;
}

/** `bridge` opens a leg to a parked call, `reconnect` takes an existing leg up again. */
export type TokenPurpose = 'bridge' | 'reconnect';

const contentSchema = z.object({ callSid: z.string(), node: z.string(), expiresAt: z.number() });
/** What a token says. `expiresAt` in epoch milliseconds. */
export type TokenContent = z.infer<typeof contentSchema>;

/**
 * Tokens that only this node can open: AES-256-GCM under a key drawn at start and never stored, the purpose and the
 * bearer as associated data, as base64url of nonce, ciphertext and tag. A node that restarts has a new key: its calls
 * are gone as well.
 *
 * The nonce is random: 2^32 tokens under one key stay below the collision bound of NIST SP 800-38D section 8.3.
 */
export class SealedTokens {
  readonly #key: Uint8Array;
  readonly #node: string;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(options: { readonly node: string; readonly clock: Clock; readonly random: Random }) {
    this.#node = options.node;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#key = options.random.bytes(KEY_BYTES);
  }

  seal(purpose: TokenPurpose, bearer: TokenBearer, content: { callSid: string; expiresAt: number }): string {
    const nonce = this.#random.bytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associatedData(purpose, bearer));
    const text = JSON.stringify({ ...content, node: this.#node } satisfies TokenContent);
    return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
      'base64url',
    );
  }

  /** @throws SealedTokenError */
  open(purpose: TokenPurpose, bearer: TokenBearer, token: string): TokenContent {
    const content = this.#decrypt(purpose, bearer, token);
    if (content?.node !== this.#node) {
      throw new SealedTokenError('invalid', `the ${purpose} token was not sealed by this node for this client`);
    }
    if (content.expiresAt <= this.#clock.now()) {
      throw new SealedTokenError('expired', `the ${purpose} token of ${content.callSid} has expired`);
    }
    return content;
  }

  #decrypt(purpose: TokenPurpose, bearer: TokenBearer, token: string): TokenContent | undefined {
    const bytes = Buffer.from(token, 'base64url');
    // Strict: decoding skips foreign characters and spare bits, so that several texts would name one token.
    if (bytes.length <= NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== token) return undefined;
    try {
      const decipher = createDecipheriv(ALGORITHM, this.#key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(associatedData(purpose, bearer));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      return contentSchema.parse(JSON.parse(text.toString('utf8')));
    } catch {
      return undefined;
    }
  }
}

/** JSON keeps the members apart whatever characters an identity holds. */
function associatedData(purpose: TokenPurpose, bearer: TokenBearer): Buffer {
  return Buffer.from(JSON.stringify([purpose, bearer.accountSid, bearer.identity, bearer.registration]));
}
