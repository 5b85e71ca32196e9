import { createHash } from 'node:crypto';

/** Algorithms of RFC 8760 in our order of preference, the strongest first. */
export const DIGEST_ALGORITHMS = ['SHA-512-256', 'SHA-256', 'MD5'] as const;
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

const HASHES: Readonly<Record<string, string>> = { md5: 'md5', 'sha-256': 'sha256', 'sha-512-256': 'sha512-256' };

/** The node:crypto name of a digest algorithm, session variants included; undefined for one we do not speak. */
export function hashOfAlgorithm(algorithm: string): string | undefined {
  return HASHES[algorithm.toLowerCase().replace(/-sess$/, '')];
}

export interface DigestParts extends AnswerParts {
  readonly session: boolean;
  readonly username: string;
  readonly password: string;
  readonly realm: string;
}

/** What the `response` is made of besides the secret. */
export interface AnswerParts {
  /** Name of node:crypto. */
  readonly hash: string;
  readonly nonce: string;
  readonly cnonce: string;
  /** Eight hexadecimal digits. */
  readonly nc: string;
  readonly qop: 'auth' | undefined;
  readonly method: string;
  readonly uri: string;
}

const hex = (hash: string, text: string): string => createHash(hash).update(text, 'utf8').digest('hex');

/** HA1 of RFC 7616 section 3.4.2 without session: what a server may store instead of the password. */
export function secretHash(hash: string, who: { username: string; realm: string; password: string }): string {
  return hex(hash, `${who.username}:${who.realm}:${who.password}`);
}

/** The `response` of RFC 7616 section 3.4.1 by an HA1; without qop that of RFC 2069. */
export function responseBySecret(ha1: string, parts: AnswerParts): string {
  const ha2 = hex(parts.hash, `${parts.method}:${parts.uri}`);
  if (parts.qop === undefined) return hex(parts.hash, `${ha1}:${parts.nonce}:${ha2}`);
  return hex(parts.hash, [ha1, parts.nonce, parts.nc, parts.cnonce, parts.qop, ha2].join(':'));
}

/** The `response` of RFC 7616 section 3.4.1 by a password. */
export function digestResponse(parts: DigestParts): string {
  const secret = secretHash(parts.hash, parts);
  const ha1 = parts.session ? hex(parts.hash, `${secret}:${parts.nonce}:${parts.cnonce}`) : secret;
  return responseBySecret(ha1, parts);
}
