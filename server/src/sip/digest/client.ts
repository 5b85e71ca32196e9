import { randomHex } from '../../kernel/index.ts';
import type { Random } from '../../kernel/index.ts';
import { parseAuth, quote } from '../message/index.ts';
import type { AuthValue, HeaderPair, SipRequest, SipResponse } from '../message/index.ts';
import { digestResponse, hashOfAlgorithm } from './hash.ts';

/** Credentials for digest challenges (RFC 8760). */
export interface DigestCredentials {
  readonly username: string;
  readonly password: string;
  /** Answer only challenges of this realm (default: any). */
  readonly realm?: string;
}

/** Challenges that one call takes before it gives up: the first, and others only while the peer says stale. */
const MAX_ATTEMPTS = 4;

/**
 * Answers digest challenges for one call (RFC 3261 section 22, RFC 7616, RFC 8760). Counts the uses of each nonce, and
 * repeats credentials only after `stale=true`: the same password refused once is refused again.
 */
export class DigestClient {
  readonly #credentials: DigestCredentials;
  readonly #random: Random;
  readonly #uses = new Map<string, number>();
  #attempts = 0;

  constructor(credentials: DigestCredentials, random: Random) {
    this.#credentials = credentials;
    this.#random = random;
  }

  /**
   * The Authorization or Proxy-Authorization headers to repeat a request with, which was answered by a 401 or 407;
   * undefined when there is nothing to answer with.
   */
  answer(request: SipRequest, response: SipResponse): HeaderPair[] | undefined {
    const proxy = response.status === 407;
    const header = proxy ? 'Proxy-Authorization' : 'Authorization';
    const challenge = this.#choose(response.headers.all(proxy ? 'proxy-authenticate' : 'www-authenticate'));
    if (challenge === undefined || this.#attempts >= MAX_ATTEMPTS) return undefined;
    const stale = challenge.params.get('stale')?.toLowerCase() === 'true';
    if (request.headers.has(header) && !stale) return undefined;
    this.#attempts++;
    const kept: HeaderPair[] = [];
    // What was already answered to the other kind of server on the way stays.
    const other = proxy ? 'Authorization' : 'Proxy-Authorization';
    for (const value of request.headers.all(other)) kept.push([other, value]);
    return [...kept, [header, this.#write(challenge, request)]];
  }

  /** The final answer was not a challenge: the next request of the call starts anew. */
  succeeded(): void {
    this.#attempts = 0;
  }

  /** RFC 8760 section 2.4: the topmost challenge that we can answer. */
  #choose(values: readonly string[]): AuthValue | undefined {
    for (const value of values) {
      const challenge = parseAuth(value);
      if (challenge?.scheme !== 'digest' || !challenge.params.has('nonce')) continue;
      const realm = challenge.params.get('realm');
      if (this.#credentials.realm !== undefined && this.#credentials.realm !== realm) continue;
      if (hashName(challenge) === undefined) continue;
      const qop = challenge.params.get('qop');
      if (qop === undefined || offersAuth(qop)) return challenge;
    }
    return undefined;
  }

  #write(challenge: AuthValue, request: SipRequest): string {
    const { params } = challenge;
    const nonce = params.get('nonce') ?? '';
    const realm = params.get('realm') ?? '';
    const algorithm = params.get('algorithm');
    const opaque = params.get('opaque');
    const count = (this.#uses.get(nonce) ?? 0) + 1;
    this.#uses.set(nonce, count);
    const nc = count.toString(16).padStart(8, '0');
    const cnonce = randomHex(this.#random, 8);
    const qop = params.has('qop') ? 'auth' : undefined;
    const response = digestResponse({
      hash: hashName(challenge) ?? 'md5',
      session: algorithm?.toLowerCase().endsWith('-sess') === true,
      username: this.#credentials.username,
      password: this.#credentials.password,
      realm,
      nonce,
      cnonce,
      nc,
      qop,
      method: request.method,
      uri: request.uri,
    });
    const fields = [
      `username=${quote(this.#credentials.username)}`,
      `realm=${quote(realm)}`,
      `nonce=${quote(nonce)}`,
      `uri=${quote(request.uri)}`,
      `response="${response}"`,
    ];
    if (algorithm !== undefined) fields.push(`algorithm=${algorithm}`);
    if (qop !== undefined) fields.push(`qop=${qop}`, `nc=${nc}`, `cnonce="${cnonce}"`);
    else if (algorithm?.toLowerCase().endsWith('-sess') === true) fields.push(`cnonce="${cnonce}"`);
    if (opaque !== undefined) fields.push(`opaque=${quote(opaque)}`);
    return `Digest ${fields.join(', ')}`;
  }
}

function hashName(challenge: AuthValue): string | undefined {
  return hashOfAlgorithm(challenge.params.get('algorithm') ?? 'MD5');
}

function offersAuth(qop: string): boolean {
  return qop.split(',').some((value) => value.trim().toLowerCase() === 'auth');
}
