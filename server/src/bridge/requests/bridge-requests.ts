import { timingSafeEqual } from 'node:crypto';
import { sidFromHex } from '@hookswitch/shared';
import type { BridgeOffer } from '@hookswitch/shared';
import type { EventSink } from '../../calls/ports.ts';
import { randomHex } from '../../kernel/index.ts';
import type { Clock, Random, Unsubscribe } from '../../kernel/index.ts';
import type { BridgeRequest, BridgeRequestAccess, BridgeRequestStore, HeldRequest, NewBridgeRequest } from './ports.ts';
import { BridgeRequestError } from './request-error.ts';

export interface BridgeRequestsOptions {
  readonly store: BridgeRequestStore;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly random: Random;
}

/** Requests that may wait at a time. */
export const BRIDGE_REQUEST_LIMITS = { ofIdentity: 20, ofAccount: 1000 } as const;

const SECRET_BYTES = 16;
/** The hexadecimal digits of the sid, then the secret. */
const TOKEN = /^([0-9a-f]{32})\.([0-9a-f]{32})$/;

/** Who presents a token: from the verified token of its connection. */
interface Bearer {
  readonly accountSid: string;
  readonly identity: string;
}

/**
 * Bridge requests (BR-10), the same ones in every process. A request is closed once, by compare-and-swap, by whoever comes
 * first: a client that accepts it, its time, or the backend that takes it back; the first tells of it. Methods throw
 * BridgeRequestError.
 */
export class BridgeRequests implements BridgeRequestAccess {
  readonly #options: BridgeRequestsOptions;

  constructor(options: BridgeRequestsOptions) {
    this.#options = options;
  }

  /** @throws BridgeRequestError `limit` when too many wait; `unavailable` */
  async create({ ttlMs, ...wish }: NewBridgeRequest): Promise<BridgeRequest> {
    const { store, clock, random, events } = this.#options;
    this.#admit(wish);
    const createdAt = clock.now();
    const request: BridgeRequest = {
      ...wish,
      sid: sidFromHex('bridgeRequest', randomHex(random, 16)),
      secret: randomHex(random, SECRET_BYTES),
      createdAt,
      expiresAt: createdAt + ttlMs,
      status: 'pending',
    };
    await store.create(request);
    if (request.announced) {
      const { accountSid, identity } = request;
      const data = { identity, ...offerOf(request) };
      events.emit({ accountSid, type: 'client.bridge-request', subject: identity, data });
    }
    return request;
  }

  tokenOf(request: BridgeRequest): string {
    return tokenOf(request);
  }

  async get(accountSid: string, sid: string): Promise<BridgeRequest | undefined> {
    return (await this.#options.store.get(accountSid, sid))?.request;
  }

  /** Of an account, the newest first. */
  list(accountSid: string): BridgeRequest[] {
    const found = [...this.#options.store.known()].filter((request) => request.accountSid === accountSid);
    return found.sort((a, b) => b.createdAt - a.createdAt || (b.sid < a.sid ? -1 : 1));
  }

  /** What a client of the identity is offered now, the oldest first. */
  offers({ accountSid, identity }: Bearer): BridgeOffer[] {
    const now = this.#options.clock.now();
    return this.list(accountSid)
      .filter((request) => request.identity === identity && request.announced && isOffered(request, now))
      .map(offerOf)
      .reverse();
  }

  onChange(listener: (request: BridgeRequest) => void): Unsubscribe {
    return this.#options.store.onChange(listener);
  }

  /** @throws BridgeRequestError `unknown`, or the way in which it was closed before */
  async cancel(accountSid: string, sid: string): Promise<void> {
    const held = await this.#options.store.get(accountSid, sid);
    if (held === undefined) throw unknown();
    await this.#close(this.#offered(held), { status: 'canceled' });
  }

  /** The request that a token answers. @throws BridgeRequestError why it is not to be answered so */
  async open(bearer: Bearer, token: string): Promise<HeldRequest> {
    const [, hex = '', secret = ''] = TOKEN.exec(token) ?? [];
    if (hex === '') throw unknown();
    const held = await this.#options.store.get(bearer.accountSid, sidFromHex('bridgeRequest', hex));
    if (held === undefined || !timingSafeEqual(Buffer.from(held.request.secret), Buffer.from(secret))) throw unknown();
    if (held.request.identity !== bearer.identity) {
      throw new BridgeRequestError('foreign', 'the bridge request is for another identity');
    }
    return this.#offered(held);
  }

  /** Uses it up for this call. @throws BridgeRequestError when somebody was first */
  async accept(held: HeldRequest, by: { readonly callSid: string; readonly registration?: string }): Promise<void> {
    await this.#close(this.#offered(held), { ...by, status: 'accepted' });
  }

  /** Its time is over. Does nothing when it was closed otherwise. @throws BridgeRequestError `unavailable` */
  async expire({ accountSid, sid }: BridgeRequest): Promise<void> {
    const held = await this.#options.store.get(accountSid, sid);
    if (held?.request.status !== 'pending' || held.request.expiresAt > this.#options.clock.now()) return;
    await this.#swap(held, { status: 'expired' });
  }

  #admit({ accountSid, identity }: Bearer): void {
    const now = this.#options.clock.now();
    const waiting = this.list(accountSid).filter((request) => isOffered(request, now));
    const { ofAccount, ofIdentity } = BRIDGE_REQUEST_LIMITS;
    if (waiting.length >= ofAccount) {
      throw new BridgeRequestError('limit', `${ofAccount} bridge requests of the account wait already`);
    }
    if (waiting.filter((request) => request.identity === identity).length >= ofIdentity) {
      throw new BridgeRequestError('limit', `${ofIdentity} bridge requests wait for ${identity} already`);
    }
  }

  #offered(held: HeldRequest): HeldRequest {
    const { status, expiresAt } = held.request;
    if (status !== 'pending') throw closedError(status);
    if (expiresAt <= this.#options.clock.now()) throw closedError('expired');
    return held;
  }

  async #close(held: HeldRequest, change: Closing): Promise<void> {
    if (await this.#swap(held, change)) return;
    const { accountSid, sid } = held.request;
    const now = await this.#options.store.get(accountSid, sid);
    throw now === undefined || now.request.status === 'pending' ? unknown() : closedError(now.request.status);
  }

  async #swap({ request, revision }: HeldRequest, change: Closing): Promise<boolean> {
    const { store, clock, events } = this.#options;
    if (!(await store.replace({ ...request, ...change, closedAt: clock.now() }, revision))) return false;
    const { accountSid, identity, sid: requestSid } = request;
    const data = { identity, requestSid, ...change };
    events.emit({ accountSid, type: 'client.bridge-request-closed', subject: identity, data });
    return true;
  }
}

/** How a request is closed. */
type Closing =
  | { readonly status: 'expired' | 'canceled' }
  | { readonly status: 'accepted'; readonly callSid: string; readonly registration?: string };

function tokenOf({ sid, secret }: BridgeRequest): string {
  return `${sid.slice(2)}.${secret}`;
}

/** As its client sees it. */
export function offerOf(request: BridgeRequest): BridgeOffer {
  const { sid: requestSid, from, to, data, expiresAt } = request;
  return { requestSid, token: tokenOf(request), from, to, data, expiresAt };
}

function isOffered({ status, expiresAt }: BridgeRequest, now: number): boolean {
  return status === 'pending' && expiresAt > now;
}

function unknown(): BridgeRequestError {
  return new BridgeRequestError('unknown', 'there is no such bridge request');
}

function closedError(status: Exclude<BridgeRequest['status'], 'pending'>): BridgeRequestError {
  switch (status) {
    case 'accepted':
      return new BridgeRequestError('accepted', 'the bridge request was already answered');
    case 'expired':
      return new BridgeRequestError('expired', 'the bridge request has expired');
    case 'canceled':
      return new BridgeRequestError('canceled', 'the bridge request was taken back');
  }
}
