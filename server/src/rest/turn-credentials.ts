import { createHmac } from 'node:crypto';

/** TURN and STUN servers of the operator. */
export interface IceServers {
  /** `stun:HOST[:PORT]`, `turn:HOST[:PORT][?transport=udp|tcp]`, `turns:...` (RFC 7064, RFC 7065). */
  readonly urls: readonly string[];
  /** Shared with the TURN servers (coturn: `static-auth-secret`). Undefined: they take no credentials of ours. */
  readonly secret: string | undefined;
}

/**
 * Credentials that a TURN server checks by itself and takes for a while: the user name begins with when they end, the
 * password is an HMAC-SHA1 of it under the shared secret (draft-uberti-behave-turn-rest-00).
 *
 * @param options.now milliseconds since the epoch
 * @param options.name for the log of the TURN server; without a colon
 */
export function turnCredentials(
  secret: string,
  { now, ttlSeconds, name }: { readonly now: number; readonly ttlSeconds: number; readonly name: string },
): { readonly username: string; readonly password: string } {
  const username = `${Math.floor(now / 1000) + ttlSeconds}:${name}`;
  return { username, password: createHmac('sha1', secret).update(username).digest('base64') };
}
