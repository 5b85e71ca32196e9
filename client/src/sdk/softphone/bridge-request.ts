import type { BridgeOffer, BridgeRequestEnd } from '@hookswitch/shared';
import { Emitter, clientError } from '../kit/index.ts';
import type { Clock, Timer, Unsubscribe } from '../kit/index.ts';
import type { Call } from './call.ts';

/** `ignored`: here, by `ignore()`; others may still accept it. */
export type BridgeRequestStatus = 'pending' | 'ignored' | BridgeRequestEnd;

export interface BridgeRequestEvents {
  /** It can be accepted no more: `status` says why. Once. */
  closed: BridgeRequestStatus;
}

/** Something that is no call (a message, a callback that was asked for), and may be answered by one. */
export class BridgeRequest {
  readonly sid: string;
  readonly from: string;
  /** Whom `accept()` calls. */
  readonly to: string;
  /** Whatever the backend says of it: a JSON value. */
  readonly data: unknown;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly #emitter = new Emitter<BridgeRequestEvents>();
  readonly #call: () => Call;
  #status: BridgeRequestStatus = 'pending';

  /** Made by Device. */
  constructor({ requestSid, from, to, data, expiresAt }: BridgeOffer, call: () => Call) {
    this.sid = requestSid;
    this.from = from;
    this.to = to;
    this.data = data;
    this.expiresAt = expiresAt;
    this.#call = call;
  }

  get status(): BridgeRequestStatus {
    return this.#status;
  }

  on<K extends keyof BridgeRequestEvents>(event: K, listener: (payload: BridgeRequestEvents[K]) => void): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  /**
   * Opens this device's leg and has `to` called; the call's events tell the rest. When another device was faster, the call
   * ends with the error `alreadyAnswered`. When the microphone is refused, the request may be accepted again.
   *
   * @throws HookswitchError `invalidState`: it is closed, or there is a call already
   */
  accept(): Call {
    if (this.#status !== 'pending') {
      throw clientError('invalidState', { message: `the bridge request is ${this.#status}` });
    }
    return this.#call();
  }

  /** Is shown here no more; nobody is told. */
  ignore(): void {
    this.close('ignored');
  }

  // ------------------------------------------------------------------------------------- for the device that owns it

  close(status: Exclude<BridgeRequestStatus, 'pending'>): void {
    if (this.#status !== 'pending') return;
    this.#status = status;
    this.#emitter.emit('closed', status);
    this.#emitter.clear();
  }
}

export interface BridgeRequestsOptions {
  readonly clock: Clock;
  /** Begins a call that answers with this token. */
  readonly call: (token: string, to: string) => Call;
  readonly offered: (request: BridgeRequest) => void;
}

/** The requests that a device knows of. Its owner closes it. */
export class BridgeRequests {
  readonly #options: BridgeRequestsOptions;
  readonly #known = new Map<string, BridgeRequest>();
  readonly #expiries = new Map<string, Timer>();

  constructor(options: BridgeRequestsOptions) {
    this.#options = options;
  }

  get pending(): BridgeRequest[] {
    return [...this.#known.values()].filter(({ status }) => status === 'pending');
  }

  /** What is offered now, all of it: others are over. */
  registered(offers: readonly BridgeOffer[]): void {
    const sids = new Set(offers.map(({ requestSid }) => requestSid));
    for (const sid of [...this.#known.keys()]) if (!sids.has(sid)) this.closed(sid, 'expired');
    for (const offer of offers) this.offered(offer);
  }

  offered(offer: BridgeOffer): void {
    const { requestSid: sid, token, to, expiresAt } = offer;
    if (this.#known.has(sid)) return;
    const { clock, call } = this.#options;
    const request = new BridgeRequest(offer, () => call(token, to));
    this.#known.set(sid, request);
    const expiry = clock.setTimer(Math.max(0, expiresAt - clock.now()), () => {
      this.closed(sid, 'expired');
    });
    this.#expiries.set(sid, expiry);
    this.#options.offered(request);
  }

  closed(sid: string, status: BridgeRequestEnd): void {
    const request = this.#known.get(sid);
    this.#known.delete(sid);
    this.#expiries.get(sid)?.cancel();
    this.#expiries.delete(sid);
    request?.close(status);
  }

  close(): void {
    for (const expiry of this.#expiries.values()) expiry.cancel();
    this.#expiries.clear();
    this.#known.clear();
  }
}
