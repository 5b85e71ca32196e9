import type { BridgeRequestEnd } from '@hookswitch/shared';
import type { Unsubscribe } from '../../kernel/index.ts';

/**
 * Something that is no call (a message, a callback that was asked for) which a client may answer by opening its leg: the
 * bridge merges that with the call that it then places.
 */
export interface BridgeRequest {
  readonly sid: string;
  readonly accountSid: string;
  /** Whose client may answer. */
  readonly identity: string;
  /** Whom the second call is placed to: a number, `client:identity` or a SIP URI. */
  readonly to: string;
  /** Shown to `to`. */
  readonly from: string;
  /** Asked for the instructions of the client's call, in the place of a plain Dial to `to`. */
  readonly applicationSid?: string | undefined;
  /** Any JSON value. */
  readonly data: unknown;
  /** False: nobody is told of it, the token travels by other ways. */
  readonly announced: boolean;
  /** The secret half of its token. */
  readonly secret: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly status: 'pending' | BridgeRequestEnd;
  readonly closedAt?: number | undefined;
  /** Of an accepted one: the client's call. */
  readonly callSid?: string | undefined;
  readonly registration?: string | undefined;
}

/** A stored request with the revision that a change has to be based on. */
export interface HeldRequest {
  readonly request: BridgeRequest;
  readonly revision: number;
}

/**
 * Where bridge requests are kept, for as long as they are offered and a day beyond. What is read from memory may be behind
 * by the delay of the bus. Methods that ask the store throw BridgeRequestError `unavailable`.
 */
export interface BridgeRequestStore {
  create(request: BridgeRequest): Promise<void>;
  get(accountSid: string, sid: string): Promise<HeldRequest | undefined>;
  /** @returns false when somebody has changed it since: nothing is written */
  replace(request: BridgeRequest, revision: number): Promise<boolean>;
  /** What this process knows of. */
  known(): Iterable<BridgeRequest>;
  /** New and changed ones from now on. The listener must not throw. */
  onChange(listener: (request: BridgeRequest) => void): Unsubscribe;
}

/** What is wanted of a new request. */
export interface NewBridgeRequest extends Pick<
  BridgeRequest,
  'accountSid' | 'identity' | 'to' | 'from' | 'applicationSid' | 'data' | 'announced'
> {
  /** For how long it is offered, milliseconds. */
  readonly ttlMs: number;
}

/** Bridge requests as REST sees them. Methods reject with BridgeRequestError. */
export interface BridgeRequestAccess {
  /** Rejects with `limit` when too many wait, or `unavailable`. */
  create(wish: NewBridgeRequest): Promise<BridgeRequest>;
  /** What a client answers it with. */
  tokenOf(request: BridgeRequest): string;
  get(accountSid: string, sid: string): Promise<BridgeRequest | undefined>;
  /** Of an account, the newest first; may be behind by the delay of the bus. */
  list(accountSid: string): readonly BridgeRequest[];
  /** Takes it back. Rejects with `unknown`, or with the way in which it was closed before. */
  cancel(accountSid: string, sid: string): Promise<void>;
}
