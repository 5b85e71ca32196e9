import { createHash } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { MAX_TOKEN_TTL_SECONDS, tokenClaimsSchema } from '@hookswitch/shared';
import type { Grants, TokenClaims } from '@hookswitch/shared';
import { randomHex } from '../kernel/index.ts';
import type { Clock, Random } from '../kernel/index.ts';
import { TokenError } from './errors.ts';
import { grantsFromClaims } from './grants.ts';
import type { KeySource, SigningKey } from './ports.ts';

/** The only algorithms accepted; `none` and public-key ones (whose key an attacker knows) are not among them. */
const ALGORITHMS: jwt.Algorithm[] = ['HS256', 'HS384', 'HS512'];
/** How far clocks may be apart, seconds: for `nbf`, `iat` and the longest life, never for `exp`. */
const SKEW_SECONDS = 60;

export interface TokenVerifierOptions {
  readonly keys: KeySource;
  readonly clock: Clock;
  /** Verified tokens remembered (default 10 000); the least recently used is forgotten first. */
  readonly cacheSize?: number;
}

interface Verified {
  readonly claims: TokenClaims;
  readonly grants: Grants;
  readonly secret: string;
}

/**
 * Checks access tokens. The signature of a token seen before is not computed again; the key, its account and the times
 * are looked at every time, so that a deleted key, a suspended account and expiry take effect at once.
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
    const claims = known?.claims ?? readClaims(token);
    const key = await this.#key(claims.iss);
    if (key.accountSid !== claims.sub) {
      throw new TokenError('tokenForeign', `key ${claims.iss} does not belong to account ${claims.sub}`);
    }
    if (known?.secret !== key.secret) checkSignature(token, key.secret);
    this.#checkTimes(claims);
    if (!key.accountActive) throw new TokenError('accountInactive', `account ${claims.sub} is not active`);
    const grants = known?.grants ?? grantsFromClaims(claims);
    this.#remember(digest, { claims, grants, secret: key.secret });
    return grants;
  }

  async #key(keySid: string): Promise<SigningKey> {
    let key: SigningKey | undefined;
    try {
      key = await this.#options.keys.apiKey(keySid);
    } catch (error) {
      throw new TokenError('unavailable', 'the API keys cannot be read at the moment; try again', { cause: error });
    }
    if (key === undefined || key.secret === '') {
      throw new TokenError('tokenInvalid', `there is no API key ${keySid}, or it was deleted`);
    }
    return key;
  }

  #checkTimes(claims: TokenClaims): void {
    const now = this.#options.clock.now() / 1000;
    if (claims.exp <= now) throw new TokenError('tokenExpired', 'the token has expired; connect with a new one');
    if (claims.nbf !== undefined && claims.nbf > now + SKEW_SECONDS) {
      throw new TokenError('tokenInvalid', 'the token is not valid yet (nbf lies in the future); check the clocks');
    }
    const begins = Math.min(claims.iat ?? now, now);
    if (claims.exp - Math.max(begins, claims.nbf ?? begins) > MAX_TOKEN_TTL_SECONDS + SKEW_SECONDS) {
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

function readClaims(token: string): TokenClaims {
  let decoded: jwt.Jwt | null = null;
  try {
    decoded = jwt.decode(token, { complete: true });
  } catch {
    // Not a JWT: said below.
  }
  if (decoded === null) throw new TokenError('tokenInvalid', 'the token is not a JWT');
  if (!(ALGORITHMS as string[]).includes(decoded.header.alg)) {
    throw new TokenError('tokenInvalid', `the token's algorithm is not one of ${ALGORITHMS.join(', ')}`);
  }
  const parsed = tokenClaimsSchema.safeParse(decoded.payload);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new TokenError('tokenInvalid', `claim ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`);
  }
  return parsed.data;
}

function checkSignature(token: string, secret: string): void {
  try {
    jwt.verify(token, secret, { algorithms: ALGORITHMS, ignoreExpiration: true, ignoreNotBefore: true });
  } catch (error) {
    throw new TokenError('tokenInvalid', "the token's signature does not fit its API key", { cause: error });
  }
}

export interface IssueTokenRequest {
  readonly accountSid: string;
  readonly keySid: string;
  readonly secret: string;
  readonly identity?: string;
  /** Seconds, up to 24 hours (default 3600). */
  readonly ttlSeconds?: number;
  readonly voice?: NonNullable<TokenClaims['grants']['voice']>;
  readonly hub?: NonNullable<TokenClaims['grants']['hub']>;
}

/** A signed access token in the shape that the voice SDKs use. @throws RangeError for a life that is too long, ZodError for grants that do not fit */
export function issueToken(request: IssueTokenRequest, clock: Clock, random: Random): string {
  const ttl = request.ttlSeconds ?? 3600;
  if (!(ttl > 0 && ttl <= MAX_TOKEN_TTL_SECONDS)) {
    throw new RangeError(`a token lives 1 to ${MAX_TOKEN_TTL_SECONDS} seconds, not ${ttl}`);
  }
  const now = Math.floor(clock.now() / 1000);
  const claims = tokenClaimsSchema.parse({
    iss: request.keySid,
    sub: request.accountSid,
    iat: now,
    exp: now + Math.ceil(ttl),
    jti: `${request.keySid}-${randomHex(random, 8)}`,
    grants: {
      ...(request.identity === undefined ? {} : { identity: request.identity }),
      ...(request.voice === undefined ? {} : { voice: request.voice }),
      ...(request.hub === undefined ? {} : { hub: request.hub }),
    },
  });
  grantsFromClaims(claims);
  return jwt.sign(claims, request.secret, {
    algorithm: 'HS256',
    header: { alg: 'HS256', typ: 'JWT', cty: 'twilio-fpa;v=1' },
  });
}
