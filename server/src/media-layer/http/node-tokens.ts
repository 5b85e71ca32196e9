import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../kernel/index.ts';

/** Good for this long, seconds; a renewed one is taken before. */
const LIFE_S = 300;
/** Clocks of two nodes may differ by this, seconds. */
const SKEW_S = 60;

const TOKEN = /^(AC[0-9a-f]{32})\.(\d{1,12})\.([\w-]{43})$/;

/** How processes of one cluster ask each other's media layer in the name of an account: `<sid>.<end>.<hmac>` as a bearer token. */
export class NodeTokens {
  readonly #key: Uint8Array;
  readonly #clock: Clock;
  readonly #issued = new Map<string, { readonly token: string; readonly end: number }>();

  /** @param key 32 bytes, the same in the whole cluster */
  constructor(key: Uint8Array, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  issue(accountSid: string): string {
    const now = Math.floor(this.#clock.now() / 1000);
    const issued = this.#issued.get(accountSid);
    if (issued !== undefined && issued.end - now > LIFE_S / 2) return issued.token;
    const end = now + LIFE_S;
    const token = `${accountSid}.${String(end)}.${this.#sign(accountSid, end).toString('base64url')}`;
    // Accounts come and go; those that are used are here again with the next request.
    if (this.#issued.size > 10_000) this.#issued.clear();
    this.#issued.set(accountSid, { token, end });
    return token;
  }

  /** Account that a token was issued for; undefined: it is none of ours, or too old. */
  accountOf(token: string): string | undefined {
    const [, accountSid, until, signature] = TOKEN.exec(token) ?? [];
    if (accountSid === undefined || signature === undefined) return undefined;
    const end = Number(until);
    const given = Buffer.from(signature, 'base64url');
    const right = this.#sign(accountSid, end);
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
    const left = end - this.#clock.now() / 1000;
    return left > -SKEW_S && left <= LIFE_S + SKEW_S ? accountSid : undefined;
  }

  #sign(accountSid: string, end: number): Buffer {
    return createHmac('sha256', this.#key)
      .update(`media layer ${accountSid} ${String(end)}`)
      .digest();
  }
}
