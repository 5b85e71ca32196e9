import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { MAX_TOKEN_TTL_SECONDS } from '@hookswitch/shared';
import type { Grants } from '@hookswitch/shared';
import type { Clock } from '../kernel/index.ts';
import { TokenError } from './errors.ts';
import type { KeySource, RevocationStore } from './ports.ts';
import { readToken } from './read-token.ts';
import type { ReadToken, SignedBy } from './read-token.ts';

/** How far clocks may be apart, seconds: for `nbf`, `iat` and the longest life, never for `exp`. */
const SKEW_SECONDS = 60;

export interface TokenVerifierOptions {
  readonly keys: KeySource;
  readonly clock: Clock;
  /** Tokens that were taken back (default: none ever). */
  readonly revocations?: Pick<RevocationStore, 'hit'>;
  /** Verified tokens remembered (default 10 000); the least recently used is forgotten first. */
  readonly cacheSize?: number;
}

interface Verified {
  readonly read: ReadToken;
  readonly grants: Grants;
  readonly key: CheckingKey;
}

/** What checks a signature. Another value of the same key is another `material`. */
interface CheckingKey {
  readonly sid: string;
  readonly accountSid: string;
  readonly accountActive: boolean;
  readonly material: string | KeyObject;
}

/**
 * Checks access tokens (signed with a secret or a key pair) and capability tokens. The signature of a token seen before is not computed again; the key, its
 * account, revocations and the times are looked at every time, so that a deleted key, a suspended account, a revocation
 * and expiry take effect at once.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #cacheSize: number;
  readonly #cache = new Map<string, Verified>();

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#cacheSize = options.cacheSize ?? 10_000;
  }

  /** Tokens remembered now. */
  get cached(): number {
    return this.#cache.size;
  }

  /** @throws TokenError */
  async verify(token: string): Promise<Grants> {
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#cache.get(digest);
    const read = known?.read ?? readToken(token);
    const { accountSid } = read;
    const key = await this.#key(read.signedBy);
    if (key.accountSid !== accountSid) {
      throw new TokenError('tokenForeign', `key ${key.sid} does not belong to account ${accountSid}`);
    }
    if (known?.key.material !== key.material || known.key.sid !== key.sid) checkSignature(token, key, read);
    this.#checkTimes(read);
    if (!key.accountActive) throw new TokenError('accountInactive', `account ${accountSid} is not active`);
    const grants = known?.key.sid === key.sid ? known.grants : read.grants(key.sid);
    // Last, so that a revocation that is known when this resolves counts.
    if (this.#options.revocations?.hit(grants) !== undefined) {
      throw new TokenError('tokenRevoked', 'the token was revoked; connect with a new one');
    }
    this.#remember(digest, { read, grants, key });
    return grants;
  }

  async #key(signedBy: SignedBy): Promise<CheckingKey> {
    let key: CheckingKey | undefined;
    try {
      key = await findKey(this.#options.keys, signedBy);
    } catch (error) {
      throw new TokenError(
        'unavailable',
        'the keys that tokens are checked with cannot be read at the moment; try again',
        {
          cause: error,
        },
      );
    }
    if (key !== undefined && key.material !== '') return key;
    throw new TokenError('tokenInvalid', `there is no ${nameOf(signedBy)}, or it was deleted`);
  }

  #checkTimes({ exp, nbf, iat }: ReadToken): void {
    const now = this.#options.clock.now() / 1000;
    if (exp <= now) throw new TokenError('tokenExpired', 'the token has expired; connect with a new one');
    if (Math.max(nbf ?? 0, iat ?? 0) > now + SKEW_SECONDS) {
      throw new TokenError(
        'tokenInvalid',
        'the token is not valid yet (nbf or iat lies in the future); check the clocks',
      );
    }
    const begins = Math.min(iat ?? now, now);
    if (exp - Math.max(begins, nbf ?? begins) > MAX_TOKEN_TTL_SECONDS + SKEW_SECONDS) {
      throw new TokenError(
        'tokenInvalid',
        `a token lives ${MAX_TOKEN_TTL_SECONDS / 3600} hours at most; this one longer`,
      );
    }
  }

  #remember(digest: string, verified: Verified): void {
    this.#cache.delete(digest);
    this.#cache.set(digest, verified);
    if (this.#cache.size <= this.#cacheSize) return;
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest);
      break;
    }
  }
}

async function findKey(keys: KeySource, signedBy: SignedBy): Promise<CheckingKey | undefined> {
  if (signedBy.kind === 'publicKey') {
    const found = await keys.publicKey?.(signedBy.accountSid, signedBy.kid);
    return found === undefined ? undefined : { ...found, material: found.key };
  }
  const sid = signedBy.kind === 'account' ? signedBy.accountSid : signedBy.keySid;
  const found = signedBy.kind === 'account' ? await keys.accountKey?.(sid) : await keys.apiKey(sid);
  return found === undefined ? undefined : { ...found, sid, material: found.secret };
}

function nameOf(signedBy: SignedBy): string {
  switch (signedBy.kind) {
    case 'apiKey':
      return `API key ${signedBy.keySid}`;
    case 'account':
      return `account ${signedBy.accountSid}`;
    case 'publicKey':
      return `public key with kid '${signedBy.kid.slice(0, 128)}' in account ${signedBy.accountSid}`;
  }
}

function checkSignature(token: string, { material }: CheckingKey, { algorithms }: ReadToken): void {
  try {
    jwt.verify(token, material, { algorithms: [...algorithms], ignoreExpiration: true, ignoreNotBefore: true });
  } catch (error) {
    throw new TokenError('tokenInvalid', "the token's signature does not fit its key", { cause: error });
  }
}
