import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { tokenClaimsSchema } from '@hookswitch/shared';
import type { Grants } from '@hookswitch/shared';
import { capabilityClaimsSchema, grantsFromCapability } from './capability-token.ts';
import { TokenError } from './errors.ts';
import { grantsFromClaims } from './grants.ts';

/** Shared secrets of an API key. */
const SECRET_ALGORITHMS: readonly jwt.Algorithm[] = ['HS256', 'HS384', 'HS512'];
/** The account's own secret. */
const CAPABILITY_ALGORITHMS: readonly jwt.Algorithm[] = ['HS256'];
/** Key pairs whose public half the account registered. */
const PUBLIC_KEY_ALGORITHMS: readonly jwt.Algorithm[] = ['ES256'];

/** Whoever signs with a key pair is named by the key alone: `iss` may be any text. */
const publicKeyClaimsSchema = tokenClaimsSchema.extend({ iss: z.string().max(256).default('') });

/**
 * What is to check the signature. Secrets and public keys are looked up in different places by the algorithm, and each
 * is used with its own algorithms only: no public key can be taken for a secret.
 */
export type SignedBy =
  | { readonly kind: 'apiKey'; readonly keySid: string }
  | { readonly kind: 'account'; readonly accountSid: string }
  | { readonly kind: 'publicKey'; readonly accountSid: string; readonly kid: string };

/** A token whose signature is still to be checked. */
export interface ReadToken {
  readonly signedBy: SignedBy;
  readonly accountSid: string;
  readonly exp: number;
  readonly iat: number | undefined;
  readonly nbf: number | undefined;
  readonly algorithms: readonly jwt.Algorithm[];
  /** @param keySid of the key that checked the signature */
  readonly grants: (keySid: string) => Grants;
}

/** @throws TokenError `tokenInvalid` */
export function readToken(token: string): ReadToken {
  let decoded: jwt.Jwt | null = null;
  try {
    decoded = jwt.decode(token, { complete: true });
  } catch {
    // Not a JWT: said below.
  }
  if (decoded === null) throw new TokenError('tokenInvalid', 'the token is not a JWT');
  const { payload, header } = decoded;
  if ('crit' in header) throw new TokenError('tokenInvalid', "the token's header has crit: no extension is understood");
  if ((PUBLIC_KEY_ALGORITHMS as string[]).includes(header.alg)) return readPublicKeyToken(payload, header.kid);
  const capability = typeof payload !== 'string' && 'scope' in payload && !('grants' in payload);
  const algorithms = capability ? CAPABILITY_ALGORITHMS : SECRET_ALGORITHMS;
  if (!(algorithms as string[]).includes(header.alg)) {
    const accepted = capability ? algorithms : [...algorithms, ...PUBLIC_KEY_ALGORITHMS];
    throw new TokenError('tokenInvalid', `the token's algorithm is not one of ${accepted.join(', ')}`);
  }
  if (capability) {
    const claims = parseClaims(capabilityClaimsSchema, payload);
    const { iss, exp, iat, nbf } = claims;
    const signedBy = { kind: 'account', accountSid: iss } as const;
    return { signedBy, accountSid: iss, exp, iat, nbf, algorithms, grants: () => grantsFromCapability(claims) };
  }
  const claims = parseClaims(tokenClaimsSchema, payload);
  const { iss, sub, exp, iat, nbf } = claims;
  if (!iss.startsWith('SK')) throw new TokenError('tokenInvalid', 'claim iss: must be the API key sid');
  const signedBy = { kind: 'apiKey', keySid: iss } as const;
  return { signedBy, accountSid: sub, exp, iat, nbf, algorithms, grants: () => grantsFromClaims(claims) };
}

function readPublicKeyToken(payload: jwt.JwtPayload | string, kid: unknown): ReadToken {
  if (typeof kid !== 'string' || kid === '') {
    throw new TokenError('tokenInvalid', "the token's header needs kid, the name of the public key");
  }
  const claims = parseClaims(publicKeyClaimsSchema, payload);
  const { sub, exp, iat, nbf } = claims;
  return {
    signedBy: { kind: 'publicKey', accountSid: sub, kid },
    accountSid: sub,
    exp,
    iat,
    nbf,
    algorithms: PUBLIC_KEY_ALGORITHMS,
    grants: (keySid) => grantsFromClaims({ ...claims, iss: keySid }),
  };
}

function parseClaims<T>(schema: z.ZodType<T>, payload: unknown): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new TokenError('tokenInvalid', `claim ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`);
}
