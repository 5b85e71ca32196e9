import jwt from 'jsonwebtoken';
import { MAX_TOKEN_TTL_SECONDS, tokenClaimsSchema } from '@hookswitch/shared';
import type { TokenClaims } from '@hookswitch/shared';
import { randomHex } from '../kernel/index.ts';
import type { Clock, Random } from '../kernel/index.ts';
import { grantsFromClaims } from './grants.ts';

export interface IssueTokenRequest {
  readonly accountSid: string;
  readonly keySid: string;
  readonly secret: string;
  readonly identity?: string;
  /** Seconds, up to 24 hours (default 3600). */
  readonly ttlSeconds?: number;
  readonly voice?: NonNullable<TokenClaims['grants']['voice']>;
  readonly hub?: NonNullable<TokenClaims['grants']['hub']>;
  /** May read the account's call traces (default no). */
  readonly trace?: boolean;
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
      ...(request.trace === true ? { trace: true } : {}),
    },
  });
  grantsFromClaims(claims);
  return jwt.sign(claims, request.secret, {
    algorithm: 'HS256',
    header: { alg: 'HS256', typ: 'JWT', cty: 'twilio-fpa;v=1' },
  });
}
