import type { Openings } from '../scheduler/index.ts';

/** What an account is promised of a pool. */
export interface ChannelShare {
  /** Channels that nobody else gets, outgoing and incoming together. Default 0. */
  readonly reserved?: number | undefined;
  /** Outgoing calls that it may have at a time. Default: as many as there are. */
  readonly most?: number | undefined;
}

/** Channels of a trunk, or of several that serve the same numbers. */
export interface ChannelPool {
  readonly pool: string;
  /** The carrier's limit: never more calls than that, both ways together. */
  readonly channels: number;
  /** Kept free of outgoing calls, for callers. Default 0. */
  readonly keptForInbound?: number | undefined;
  /** By account; who is not named has no reservation and no limit of its own. */
  readonly shares?: Readonly<Record<string, ChannelShare>> | undefined;
}

export type Direction = 'in' | 'out';

/** Calls on a pool. */
interface Use {
  pool: ChannelPool;
  in: number;
  out: number;
  readonly byAccount: Map<string, { in: number; out: number }>;
}

/**
 * Who has how many channels of which pool. An outgoing call gets one when its account has a reserved one left, or when one
 * is left after all reservations and what is kept for callers; an incoming call gets one as long as the carrier's limit
 * allows it: it is there already. Reservations are of channels that are free: calls that were there before are not ended.
 */
export class ChannelLedger implements Openings {
  readonly #pools = new Map<string, Use>();

  /** A pool is there, or is another now. */
  configure(pool: ChannelPool): void {
    const use = this.#pools.get(pool.pool);
    if (use === undefined) this.#pools.set(pool.pool, { pool, in: 0, out: 0, byAccount: new Map() });
    else use.pool = pool;
  }

  /** A pool is gone; its calls are counted no longer. */
  remove(pool: string): void {
    this.#pools.delete(pool);
  }

  /** @returns false: there is none for it, nothing was counted */
  take(pool: string, accountSid: string, direction: Direction): boolean {
    const use = this.#pools.get(pool);
    if (use === undefined || !this.#mayTake(use, accountSid, direction)) return false;
    let own = use.byAccount.get(accountSid);
    if (own === undefined) use.byAccount.set(accountSid, (own = { in: 0, out: 0 }));
    own[direction]++;
    use[direction]++;
    return true;
  }

  /** A call is over. Of a pool that is gone, or a call that was not counted: nothing. */
  release(pool: string, accountSid: string, direction: Direction): void {
    const use = this.#pools.get(pool);
    const own = use?.byAccount.get(accountSid);
    if (use === undefined || own === undefined || own[direction] === 0) return;
    own[direction]--;
    use[direction]--;
    if (own.in + own.out === 0) use.byAccount.delete(accountSid);
  }

  used(pool: string): { readonly in: number; readonly out: number } {
    const { in: incoming = 0, out = 0 } = this.#pools.get(pool) ?? {};
    return { in: incoming, out };
  }

  isOpen(pool: string): boolean {
    const use = this.#pools.get(pool);
    return use !== undefined && shared(use) > 0;
  }

  isOpenFor(pool: string, accountSid: string): boolean {
    const use = this.#pools.get(pool);
    return use !== undefined && this.#mayTake(use, accountSid, 'out');
  }

  *kept(pool: string): Generator<string, void, undefined> {
    const use = this.#pools.get(pool);
    if (use === undefined) return;
    for (const [accountSid, { reserved = 0 }] of Object.entries(use.pool.shares ?? {})) {
      if (reserved > 0 && this.#mayTake(use, accountSid, 'out')) yield accountSid;
    }
  }

  #mayTake(use: Use, accountSid: string, direction: Direction): boolean {
    if (use.in + use.out >= use.pool.channels) return false;
    if (direction === 'in') return true;
    const { reserved = 0, most = Infinity } = use.pool.shares?.[accountSid] ?? {};
    const own = use.byAccount.get(accountSid) ?? { in: 0, out: 0 };
    if (own.out >= most) return false;
    return own.in + own.out < reserved || shared(use) > 0;
  }
}

/** Channels for any outgoing call: what is left beside calls, reservations and what is kept for callers. */
function shared({ pool, in: incoming, out, byAccount }: Use): number {
  let promised = 0;
  for (const [accountSid, { reserved = 0 }] of Object.entries(pool.shares ?? {})) {
    const own = byAccount.get(accountSid);
    promised += Math.max(0, reserved - (own?.in ?? 0) - (own?.out ?? 0));
  }
  const forCallers = Math.max(0, (pool.keptForInbound ?? 0) - incoming);
  return pool.channels - incoming - out - promised - forCallers;
}
