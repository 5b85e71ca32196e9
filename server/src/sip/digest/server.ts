import { timingSafeEqual } from 'node:crypto';
import { randomHex } from '../../kernel/index.ts';
import type { Random } from '../../kernel/index.ts';
import { parseAuth, parseUri, quote } from '../message/index.ts';
import type { AuthValue } from '../message/index.ts';
import { DIGEST_ALGORITHMS, hashOfAlgorithm, responseBySecret, secretHash } from './hash.ts';
import type { DigestAlgorithm } from './hash.ts';
import { NonceMint, NonceUses } from './nonce.ts';

/** What a user is known by: the password, or its hashes with user name and realm (HA1, RFC 7616 section 3.4.2). */
export type DigestSecret =
  { readonly password: string } | { readonly ha1: Readonly<Partial<Record<DigestAlgorithm, string>>> };

export interface DigestServerOptions {
  /** Signs nonces; 32 bytes. Default: random, so that nonces end with the process (one more challenge each). */
  readonly key?: Uint8Array;
  readonly random: Random;
  /** How long a nonce is taken, milliseconds (default 60 000). After that: `stale=true`. */
  readonly nonceLifeMs?: number;
  /** Offered, the strongest first (default: all of ours). */
  readonly algorithms?: readonly DigestAlgorithm[];
  /** Most nonces whose counts are kept (default 20 000); see {@link NonceUses} for what happens above. */
  readonly maxNonces?: number;
}

/** A request as far as digest is concerned. */
export interface DigestRequest {
  readonly method: string;
  readonly requestUri: { readonly uri: string };
  headers(): readonly { readonly name: string; readonly value: string }[];
}

export type DigestVerdict =
  | { readonly kind: 'ok'; readonly username: string }
  /** Answer `status` with these headers. `reason`: what was wrong, for the log; holds no secret. */
  | {
      readonly kind: 'challenge';
      readonly status: 401 | 407;
      readonly headers: readonly { readonly name: string; readonly value: string }[];
      readonly reason: string;
      /** Credentials were sent, and they were wrong: worth counting against a source. */
      readonly refused: boolean;
    }
  | { readonly kind: 'bad'; readonly status: 400; readonly reason: string };

export interface DigestCheck {
  readonly realm: string;
  /** 401 as the user agent server or registrar that we are (default), 407 as a proxy would. */
  readonly status?: 401 | 407;
  /** Wall-clock time, milliseconds. */
  readonly now: number;
  /** Undefined: no such user. */
  secretOf(username: string): DigestSecret | undefined;
}

/**
 * Authenticates requests by digest (RFC 3261 section 22, RFC 7616, RFC 8760), with `qop=auth`. Clients of RFC 2069, which
 * send no count, may use each nonce once.
 * DEVIATION: `auth-int` and `userhash` are not offered: no SIP phone answers them, and bodies are changed on the way.
 */
export class DigestServer {
  readonly #mint: NonceMint;
  readonly #uses: NonceUses;
  readonly #lifeMs: number;
  readonly #algorithms: readonly DigestAlgorithm[];
  /** Stands in for the secret of nobody, so that an unknown user takes as long as a known one. */
  readonly #nobody: DigestSecret;
  #cleanedAt = 0;

  constructor(options: DigestServerOptions) {
    this.#mint = new NonceMint(options.key ?? options.random.bytes(32), options.random);
    this.#uses = new NonceUses(options.maxNonces ?? 20_000);
    this.#lifeMs = options.nonceLifeMs ?? 60_000;
    const wanted = options.algorithms ?? DIGEST_ALGORITHMS;
    this.#algorithms = DIGEST_ALGORITHMS.filter((algorithm) => wanted.includes(algorithm));
    this.#nobody = { password: randomHex(options.random, 16) };
  }

  /** Nonces whose counts are kept. */
  get size(): number {
    return this.#uses.size;
  }

  check(request: DigestRequest, options: DigestCheck): DigestVerdict {
    this.#clean(options.now);
    const name = options.status === 407 ? 'proxy-authorization' : 'authorization';
    const lines = request.headers().filter((line) => line.name.toLowerCase() === name);
    for (const { value } of lines) {
      // Section 22.3: of several credentials those for our realm count. Other schemes are none of ours.
      if (!/^digest\s/i.test(value)) continue;
      const auth = parseAuth(value);
      if (auth === undefined) return bad(`the ${name} header cannot be read`);
      if (auth.params.get('realm') === options.realm) return this.#verify(request, auth, options);
    }
    return this.#challenge(request, options, { reason: 'no credentials' });
  }

  #verify(request: DigestRequest, auth: AuthValue, options: DigestCheck): DigestVerdict {
    const { params } = auth;
    const missing = ['username', 'nonce', 'uri', 'response'].filter((name) => !params.has(name));
    if (missing.length > 0) return bad(`the credentials lack ${missing.join(', ')}`);
    const get = (name: string): string => params.get(name) ?? '';
    const qop = params.get('qop')?.toLowerCase();
    const count = /^[0-9a-f]{8}$/i.test(get('nc')) ? parseInt(get('nc'), 16) : undefined;
    if (qop !== undefined && (qop !== 'auth' || count === undefined || get('cnonce') === ''))
      return bad('the credentials have a qop other than auth, or lack nc or cnonce');
    // RFC 7616 section 3.4.6: credentials for another resource are a bad request.
    if (!sameResource(get('uri'), request.requestUri.uri))
      return bad(`the credentials are for ${JSON.stringify(get('uri').slice(0, 128))}, not for the Request-URI`);
    const algorithm = this.#algorithms.find(
      (offered) => offered.toLowerCase() === (params.get('algorithm') ?? 'MD5').toLowerCase(),
    );
    if (algorithm === undefined)
      return this.#challenge(request, options, { reason: 'an algorithm that was not offered' });
    const opaque = params.get('opaque');
    if (opaque !== undefined && opaque !== this.#mint.opaque(options.realm))
      return this.#challenge(request, options, { reason: 'an opaque that is not ours', stale: true });
    const secret = options.secretOf(get('username'));
    const right = matches(secret ?? this.#nobody, {
      algorithm,
      username: get('username'),
      realm: options.realm,
      answer: {
        nonce: get('nonce'),
        cnonce: get('cnonce'),
        nc: get('nc'),
        qop: qop === undefined ? undefined : 'auth',
        method: request.method,
        uri: get('uri'),
      },
      response: get('response'),
    });
    if (!right || secret === undefined) {
      const reason = secret === undefined ? 'an unknown user' : 'a wrong password';
      return this.#challenge(request, options, { reason, refused: true });
    }
    return this.#acceptNonce(request, options, { nonce: get('nonce'), count: count ?? 1, username: get('username') });
  }

  /** The password is right: is the nonce still good? `stale=true` if not, so that nobody is asked for a password again. */
  #acceptNonce(
    request: DigestRequest,
    options: DigestCheck,
    used: { nonce: string; count: number; username: string },
  ): DigestVerdict {
    const { authentic, issuedAt } = this.#mint.read(used.nonce, options.realm);
    const age = options.now - issuedAt;
    if (!authentic || age > this.#lifeMs || age < -this.#lifeMs)
      return this.#challenge(request, options, { reason: 'a nonce that is over', stale: true });
    if (used.count === 0 || !this.#uses.take(used.nonce, issuedAt, used.count))
      return this.#challenge(request, options, { reason: 'a nonce count that was used before', stale: true });
    return { kind: 'ok', username: used.username };
  }

  #challenge(
    request: DigestRequest,
    options: DigestCheck,
    why: { readonly reason: string; readonly stale?: boolean; readonly refused?: boolean },
  ): DigestVerdict {
    const { realm, now, status = 401 } = options;
    const name = status === 407 ? 'Proxy-Authenticate' : 'WWW-Authenticate';
    const nonce = this.#mint.make(realm, now);
    const opaque = this.#mint.opaque(realm);
    const stale = why.stale === true ? ', stale=true' : '';
    // RFC 8760 section 2.3: one header per algorithm, the most preferred first.
    const headers = this.#offeredTo(request).map((algorithm) => ({
      name,
      value: `Digest realm=${quote(realm)}, nonce="${nonce}", opaque="${opaque}", algorithm=${algorithm}, qop="auth"${stale}`,
    }));
    return { kind: 'challenge', status, headers, reason: why.reason, refused: why.refused === true };
  }

  #offeredTo(request: DigestRequest): readonly DigestAlgorithm[] {
    const agent = request.headers().find(({ name }) => name.toLowerCase() === 'user-agent')?.value ?? '';
    return this.#algorithms.includes('MD5') && ONLY_MD5.test(agent) ? ['MD5'] : this.#algorithms;
  }

  #clean(now: number): void {
    if (Math.abs(now - this.#cleanedAt) < this.#lifeMs) return;
    this.#cleanedAt = now;
    this.#uses.forgetBefore(now - this.#lifeMs);
  }
}

/**
 * User agents that give up at a challenge they do not know, whatever comes after it.
 * DEVIATION: RFC 8760 section 2.4 has them look further; they are challenged by MD5 alone, the strongest that they speak.
 */
const ONLY_MD5 = /^baresip v[012]\./i;

function bad(reason: string): DigestVerdict {
  return { kind: 'bad', status: 400, reason };
}

interface Claim {
  readonly algorithm: DigestAlgorithm;
  readonly username: string;
  readonly realm: string;
  readonly answer: Omit<Parameters<typeof responseBySecret>[1], 'hash'>;
  readonly response: string;
}

function matches(secret: DigestSecret, claim: Claim): boolean {
  const hash = hashOfAlgorithm(claim.algorithm) ?? 'md5';
  const ha1 =
    'password' in secret
      ? secretHash(hash, { username: claim.username, realm: claim.realm, password: secret.password })
      : secret.ha1[claim.algorithm];
  if (ha1 === undefined) return false;
  const expected = Buffer.from(responseBySecret(ha1, { hash, ...claim.answer }));
  const given = Buffer.from(claim.response.toLowerCase());
  return expected.length === given.length && timingSafeEqual(expected, given);
}

/** Same user at the same host: parameters and ports are written or left out as phones please (RFC 3261 section 19.1.4). */
function sameResource(given: string, wanted: string): boolean {
  if (given === wanted) return true;
  const [a, b] = [parseUri(given), parseUri(wanted)];
  if (a === undefined || b === undefined || a.scheme !== b.scheme) return false;
  if (a.scheme === 'tel' || b.scheme === 'tel')
    return a.scheme === 'tel' && b.scheme === 'tel' && a.number === b.number;
  if (a.scheme === 'other' || b.scheme === 'other') return false;
  return a.user === b.user && a.host.toLowerCase() === b.host.toLowerCase();
}
