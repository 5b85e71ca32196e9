/** Ports of the cluster: calls that were asked for and wait for a call node. Membership has ports of its own. */

export type { Membership, ShardDuty, ShardedTask } from './membership/ports.ts';
export type { NodeLoad, Placement } from './placement/ports.ts';
export type { ClusterConsole } from './console/ports.ts';

/** A call that was asked for. */
export interface CallRequest {
  readonly accountSid: string;
  readonly callSid: string;
  /** Epoch milliseconds: who asked first is called first. */
  readonly queuedAt: number;
  /** What to call and how, for the node that places it: JSON. */
  readonly order: unknown;
  /** Within the account, 0 is called first. Default 5. */
  readonly priority?: number | undefined;
  /** Not before this time, epoch milliseconds. Default: at once. */
  readonly startAt?: number | undefined;
  /** Given up when it waits at this time, epoch milliseconds. Default: never. */
  readonly expiresAt?: number | undefined;
}

/**
 * How far a request is. `claimed`: meant for a node. `dialling`: from before the INVITE leaves until the call is over; a
 * request in this state is never handed out again. `over`: the call is over or the request was taken back; stored until the
 * scheduler has read it, without its order.
 */
export type RequestState = 'queued' | 'claimed' | 'dialling' | 'over';

/** What a call took. */
export interface CallUse {
  /** From when it was placed until its last leg had ended. */
  readonly seconds: number;
  /** The same of each of its legs, summed up. */
  readonly legSeconds: number;
}

/** A request as it is stored. */
export interface StoredRequest extends CallRequest {
  readonly state: RequestState;
  /** Node that it is meant for, or that places it. */
  readonly node?: string | undefined;
  /** Of a call that is over, when it was placed. */
  readonly use?: CallUse | undefined;
  /** Length of what is stored, where it was read from the store. */
  readonly bytes?: number | undefined;
  /** Number of this state: what changes it has to name it. */
  readonly revision: number;
}

/** Where calls are asked for. Methods reject with CallRequestError. */
export interface CallRequests {
  /**
   * Stores a request; it is placed when its turn comes, whatever happens to this process.
   * @throws CallRequestError `full`, `unavailable` (it may be stored), `exists`
   */
  submit(request: CallRequest): Promise<void>;
  /** Takes a request back. Undefined: it is not there, or it is being dialled. @throws CallRequestError `unavailable` */
  cancel(accountSid: string, callSid: string): Promise<StoredRequest | undefined>;
}

/** The same for who places the calls. Changes are compare-and-swap: undefined or false when something else came first. */
export interface CallRequestStore extends CallRequests {
  /** Brings a request into another state. */
  move(request: StoredRequest, state: RequestState, node?: string): Promise<StoredRequest | undefined>;
  /** It is over, in whatever state it is. @param use what it took, when it was placed */
  remove(accountSid: string, callSid: string, use?: CallUse): Promise<void>;
  /** Nobody has to know any more that it is over. */
  forget(over: StoredRequest): Promise<void>;
  /** As it is now, also when it is over and not forgotten. */
  get(accountSid: string, callSid: string): Promise<StoredRequest | undefined>;
  /** All that are not over. */
  all(): Promise<StoredRequest[]>;
  /**
   * All there are and every change from then on, until the signal aborts; of changes in quick succession the last. Ends or
   * throws when the store is lost.
   *
   * @param caughtUp called once, when those that there were at the beginning have been read
   */
  follow(signal: AbortSignal, caughtUp?: () => void): AsyncIterable<StoredRequest>;
}

/**
 * How a node answered a request to place a call. `refused`: it takes none now. `gone`: somebody else has it. `no-channel`: no trunk
 * has a channel for it; nothing was done.
 */
export type PlaceOutcome = 'placed' | 'refused' | 'gone' | 'no-channel';
