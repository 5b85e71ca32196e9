import { createHash } from 'node:crypto';
import { MAX_TOKEN_TTL_SECONDS } from '@hookswitch/shared';
import type { Grants } from '@hookswitch/shared';
import { z } from 'zod';
import type { Clock } from '../kernel/index.ts';
import type { Revocation, RevocationKind } from './ports.ts';

/** How long a revocation is kept: no token that it hits lives longer (clocks a minute apart, twice). */
export const REVOCATION_LIFE_MS = (MAX_TOKEN_TTL_SECONDS + 120) * 1000;
/** Revocations of one account that are in force at once. */
export const MAX_REVOCATIONS = 10_000;

export const revocationSchema = z.object({
  sid: z.string(),
  accountSid: z.string(),
  kind: z.enum(['token', 'identity', 'key', 'account']),
  value: z.string(),
  before: z.number(),
  createdAt: z.number(),
  expiresAt: z.number(),
  reason: z.string().optional(),
});

export interface RevocationRequest {
  readonly accountSid: string;
  readonly kind: RevocationKind;
  /** Left out for `account`. */
  readonly value?: string;
  /** Epoch milliseconds (default and latest: now). */
  readonly before?: number | undefined;
  readonly reason?: string | undefined;
}

/** A revocation of now. Its sid follows from its target. */
export function newRevocation(request: RevocationRequest, clock: Clock): Revocation {
  const now = clock.now();
  const { accountSid, kind, value = accountSid, reason } = request;
  const before = Math.min(request.before ?? now, now);
  const sid = `RV${createHash('sha256')
    .update(JSON.stringify([accountSid, kind, value]))
    .digest('hex')
    .slice(0, 32)}`;
  return {
    sid,
    accountSid,
    kind,
    value,
    before,
    createdAt: now,
    expiresAt: now + REVOCATION_LIFE_MS,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Revocations in memory, by account and target: four look-ups decide about a token, however many there are. */
export class RevocationIndex {
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Map<string, Revocation>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(revocation: Revocation): void {
    const { accountSid, kind, value } = revocation;
    let targets = this.#accounts.get(accountSid);
    if (targets === undefined) this.#accounts.set(accountSid, (targets = new Map<string, Revocation>()));
    targets.set(targetKey(kind, value), revocation);
  }

  /** False when another one, or none, has this target now. */
  delete({ accountSid, kind, value, sid }: Revocation): boolean {
    const targets = this.#accounts.get(accountSid);
    const key = targetKey(kind, value);
    if (targets?.get(key)?.sid !== sid) return false;
    targets.delete(key);
    if (targets.size === 0) this.#accounts.delete(accountSid);
    return true;
  }

  find(accountSid: string, sid: string): Revocation | undefined {
    return this.list(accountSid).find((revocation) => revocation.sid === sid);
  }

  /** Newest first. */
  list(accountSid: string): Revocation[] {
    const now = this.#clock.now();
    const all = [...(this.#accounts.get(accountSid)?.values() ?? [])].filter(({ expiresAt }) => expiresAt > now);
    return all.sort((a, b) => b.createdAt - a.createdAt || (a.sid < b.sid ? -1 : 1));
  }

  /** Whether the account has as many as are kept, and this target is not one of them. */
  isFull({ accountSid, kind, value }: Revocation): boolean {
    const targets = this.#accounts.get(accountSid);
    return targets !== undefined && targets.size >= MAX_REVOCATIONS && !targets.has(targetKey(kind, value));
  }

  hit({ accountSid, tokenId, identity, keySid, issuedAt }: Grants): Revocation | undefined {
    const targets = this.#accounts.get(accountSid);
    if (targets === undefined) return undefined;
    const now = this.#clock.now();
    const hits = (kind: RevocationKind, value: string | undefined): Revocation | undefined => {
      const found = value === undefined ? undefined : targets.get(targetKey(kind, value));
      if (found === undefined || found.expiresAt <= now) return undefined;
      // A token itself is named: when it was made does not matter.
      return kind === 'token' || issuedAt === undefined || issuedAt < found.before ? found : undefined;
    };
    return hits('token', tokenId) ?? hits('identity', identity) ?? hits('key', keySid) ?? hits('account', accountSid);
  }
}

const targetKey = (kind: RevocationKind, value: string): string => `${kind} ${value}`;
