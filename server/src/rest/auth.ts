import { createHash, timingSafeEqual } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import type { Directory, DirectoryAccount } from '../tenants/index.ts';
import { RestError } from './errors.ts';
import type { LoginLimiter } from './login-limiter.ts';

/** Who asks. */
export interface Principal {
  readonly accountSid: string;
  /** Undefined: with the account's auth token. A key may do everything but make accounts, keys, and see auth tokens. */
  readonly keySid: string | undefined;
  /** The operator of the server, who may see and change every account. */
  readonly operator?: boolean;
}

/** Compared with when there is no such user, so that this takes the same time. */
const NOBODY = 'x'.repeat(32);

/** Headers that were right, remembered at most: the next request with one of them need not be hashed. */
const MAX_REMEMBERED = 1000;

interface Remembered {
  readonly user: string;
  readonly secret: string;
}

/** HTTP Basic (RFC 7617): AccountSid and auth token, or the sid of an API key and its secret. */
export class Authenticator {
  readonly #directory: Directory;
  readonly #limiter: LoginLimiter;
  readonly #remembered = new Map<string, Remembered>();

  constructor(parts: { readonly directory: Directory; readonly limiter: LoginLimiter }) {
    this.#directory = parts.directory;
    this.#limiter = parts.limiter;
  }

  /**
   * Failures are counted by source and user, so that behind a proxy one client with an old password does not lock out the
   * others; unknown users of a source count together.
   *
   * @param source address of the peer
   * @throws RestError `unauthorized`, `accountInactive`, `tooManyRequests`
   */
  authenticate(authorization: string | undefined, source: string): Principal {
    return this.#again(authorization) ?? this.#checked(authorization, source);
  }

  /** Who came with this very header before, as long as the secret is the same. */
  #again(authorization: string | undefined): Principal | undefined {
    const known = authorization === undefined ? undefined : this.#remembered.get(authorization);
    if (known === undefined) return undefined;
    const { secret, accountSid, keySid } = this.#secretOf(known.user);
    // Not compared in constant time: both are ours, and what was sent is found by its hash in the map.
    return secret === known.secret && this.#active(accountSid) ? { accountSid, keySid } : undefined;
  }

  #secretOf(user: string): { secret: string | undefined; accountSid: string; keySid: string | undefined } {
    const key = this.#directory.apiKey(user);
    return {
      secret: key?.secret ?? this.#directory.authToken(user),
      accountSid: key?.accountSid ?? user,
      keySid: key?.sid,
    };
  }

  #checked(authorization: string | undefined, source: string): Principal {
    const given = readBasic(authorization);
    if (given === undefined) throw unauthorized('Send AccountSid and auth token, or an API key and its secret');
    const { secret, accountSid, keySid } = this.#secretOf(given.user);
    const name = `${sourceOf(source)} ${secret === undefined ? '' : given.user}`;
    const waitMs = this.#limiter.blockedForMs(name);
    if (waitMs > 0) {
      throw new RestError('tooManyRequests', 'Too many failed logins: check the credentials and wait', {
        headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) },
      });
    }
    const right = same(given.password, secret ?? NOBODY) && secret !== undefined;
    if (!right) {
      this.#limiter.failed(name);
      throw unauthorized('The account or key, or its secret, is not right');
    }
    this.#limiter.succeeded(name);
    if (!this.#active(accountSid)) throw new RestError('accountInactive', `Account ${accountSid} is not active`);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    if (authorization !== undefined) this.#remembered.set(authorization, { user: given.user, secret });
    return { accountSid, keySid };
  }

  /**
   * The account a request is about: the own one, or one that the own one made. Any other is not there, whether it exists
   * or not.
   *
   * @throws RestError `notFound`
   */
  account(principal: Principal, sid: string): DirectoryAccount {
    const account = this.#directory.accountBySid(sid);
    if (account === undefined || (sid !== principal.accountSid && account.ownerSid !== principal.accountSid)) {
      throw new RestError('notFound');
    }
    return account;
  }

  #active(sid: string): boolean {
    const account = this.#directory.accountBySid(sid);
    if (account?.status !== 'active') return false;
    return account.ownerSid === undefined || this.#directory.accountBySid(account.ownerSid)?.status === 'active';
  }
}

function unauthorized(message: string): RestError {
  return new RestError('unauthorized', message, { headers: { 'www-authenticate': 'Basic realm="hookswitch"' } });
}

function readBasic(authorization = ''): { user: string; password: string } | undefined {
  const encoded = /^basic ([A-Za-z0-9+/_-]+={0,2})\s*$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** One host has a whole /64 of IPv6 addresses; IPv4 in IPv6 is IPv4. */
function sourceOf(address: string): string {
  if (!ipaddr.isValid(address)) return '';
  const ip = ipaddr.process(address);
  return ip.kind() === 'ipv6' ? (ip as ipaddr.IPv6).parts.slice(0, 4).join(':') : ip.toString();
}

/** In the same time wherever they differ, and whatever their lengths. */
function same(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
