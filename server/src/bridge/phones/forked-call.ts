import type {
  CallControl,
  CallFailure,
  InviteOptions,
  OutgoingCall,
  OutgoingCallListener,
  ReferOptions,
  ReferResult,
  ReinviteFailure,
  ReinviteResult,
  SipReason,
  UserAgent,
} from '../../sip/index.ts';

interface Branch {
  readonly call: OutgoingCall;
  failure: CallFailure | undefined;
  /** The last media description of a provisional response: the 2xx may come without one. */
  sdp: string | undefined;
}

/** Told to the phones that did not get the call (RFC 3326). */
const ELSEWHERE: SipReason = { protocol: 'SIP', cause: 200, text: 'Call completed elsewhere' };

/**
 * One call to several phones at once. The first 2xx wins and the others are cancelled; when all have failed, the best of
 * their answers is the call's (RFC 3261 section 16.7 step 6). Early media of several phones cannot be heard at once:
 * a response with it counts as ringing.
 */
export class ForkedCall implements OutgoingCall {
  readonly #branches: Branch[] = [];
  readonly #listener: OutgoingCallListener;
  readonly #onWinner: (index: number) => void;
  #winner: OutgoingCall | undefined;
  #over = false;
  /** All branches are out: failures that come at once do not end a call whose other branches are still to be placed. */
  #placed = false;

  /** @param parts.onWinner runs right before `onAnswered`, with the place of the phone that answered in `options` */
  constructor(
    userAgent: Pick<UserAgent, 'invite'>,
    options: readonly InviteOptions[],
    parts: { readonly listener: OutgoingCallListener; readonly onWinner: (index: number) => void },
  ) {
    this.#listener = parts.listener;
    this.#onWinner = parts.onWinner;
    for (const [index, one] of options.entries()) {
      const call = userAgent.invite(one, this.#listen(index));
      this.#branches.push({ call, failure: undefined, sdp: undefined });
    }
    this.#placed = true;
  }

  get callId(): string {
    return (this.#winner ?? this.#branches[0]?.call)?.callId ?? '';
  }
  /** Of every phone rung. */
  get callIds(): readonly string[] {
    return this.#branches.map(({ call }) => call.callId);
  }
  get dialogId(): CallControl['dialogId'] {
    return this.#winner?.dialogId;
  }
  get remoteTarget(): string | undefined {
    return this.#winner?.remoteTarget;
  }

  cancel(reason?: SipReason): void {
    if (this.#winner !== undefined) return;
    for (const { call } of this.#branches) call.cancel(reason);
  }

  bye(reason?: SipReason): void {
    if (this.#winner === undefined) this.cancel(reason);
    else this.#winner.bye(reason);
  }

  dropFork(earlyDialog: string, reason?: SipReason): void {
    const [index, dialog] = split(earlyDialog);
    this.#branches[index]?.call.dropFork(dialog, reason);
  }

  reinvite(sdp: string): Promise<ReinviteResult> {
    return this.#winner?.reinvite(sdp) ?? Promise.resolve(UNANSWERED);
  }
  update(sdp?: string): Promise<ReinviteResult> {
    return this.#winner?.update(sdp) ?? Promise.resolve(UNANSWERED);
  }
  refer(target: string | CallControl, options?: ReferOptions): Promise<ReferResult> {
    return this.#winner?.refer(target, options) ?? Promise.resolve({ ...UNANSWERED, kind: 'refused' });
  }
  info(contentType: string, body: string): Promise<number> {
    return this.#winner?.info(contentType, body) ?? Promise.resolve(481);
  }

  #listen(index: number): OutgoingCallListener {
    const listener = this.#listener;
    const ours = (): boolean => this.#winner !== undefined && this.#winner === this.#branches[index]?.call;
    return {
      onProvisional: (event) => {
        const branch = this.#branches[index];
        if (branch === undefined || this.#over) return;
        branch.sdp = event.sdp ?? branch.sdp;
        const status = event.sdp === undefined ? event.status : 180;
        const earlyDialog = `${String(index)} ${event.earlyDialog}`;
        listener.onProvisional?.({ ...event, status, sdp: undefined, earlyDialog });
      },
      onForkEnded: ({ earlyDialog }) => listener.onForkEnded?.({ earlyDialog: `${String(index)} ${earlyDialog}` }),
      onAnswered: (event) => {
        this.#answered(index, event);
      },
      onFailed: (failure) => {
        // Never before the constructor has returned: the user agent tells later.
        this.#failed(index, failure);
      },
      onReinvite: (offer) => (ours() ? (listener.onReinvite?.(offer) ?? { status: 488 }) : { status: 488 }),
      onAcked: (event) => {
        if (ours()) listener.onAcked?.(event);
      },
      onOfferDropped: () => {
        if (ours()) listener.onOfferDropped?.();
      },
      onInfo: (info) => {
        if (ours()) listener.onInfo?.(info);
      },
      onRefer: (refer) => {
        if (ours() && listener.onRefer !== undefined) listener.onRefer(refer);
        else refer.reject(603);
      },
      onEnded: (end) => {
        if (ours()) listener.onEnded?.(end);
      },
    };
  }

  #answered(index: number, event: { readonly status: number; readonly sdp: string | undefined }): void {
    const branch = this.#branches[index];
    if (branch === undefined) return;
    if (this.#over) {
      // It crossed our CANCEL (section 9.1): the call exists and has to be ended.
      branch.call.bye(ELSEWHERE);
      return;
    }
    this.#over = true;
    this.#winner = branch.call;
    for (const other of this.#branches) if (other !== branch) other.call.cancel(ELSEWHERE);
    this.#onWinner(index);
    this.#listener.onAnswered?.({ ...event, sdp: event.sdp ?? branch.sdp });
  }

  #failed(index: number, failure: CallFailure): void {
    const branch = this.#branches[index];
    if (branch === undefined || branch.failure !== undefined) return;
    branch.failure = failure;
    if (this.#over) return;
    // Step 5: a 6xx of one phone is the user's word for all of them.
    if (failure.status >= 600) for (const other of this.#branches) if (other !== branch) other.call.cancel();
    const failures = this.#branches.map((one) => one.failure);
    if (!this.#placed || !failures.every((one) => one !== undefined)) return;
    this.#over = true;
    this.#listener.onFailed?.(bestFailure(failures));
  }
}

const UNANSWERED: ReinviteFailure = { ok: false, status: 481, reason: 'The Call Is Not Answered' };

function split(earlyDialog: string): [number, string] {
  const space = earlyDialog.indexOf(' ');
  return [Number(earlyDialog.slice(0, space)), earlyDialog.slice(space + 1)];
}

/** Statuses of class 4xx that say what the caller can do about it. */
const TELLING = [401, 407, 415, 420, 484];

/**
 * RFC 3261 section 16.7 step 6: a 6xx first, then the lowest class, within 4xx what the caller can mend. What was made
 * here (time-out, no way) says less than any answer.
 */
export function bestFailure(failures: readonly CallFailure[]): CallFailure {
  const rank = ({ status, received }: CallFailure): number => {
    if (!received) return status === 408 ? 1000 : 1001;
    if (status >= 600) return 0;
    return Math.floor(status / 100) * 100 + (TELLING.includes(status) ? 0 : status === 487 ? 50 : 10);
  };
  const [best] = [...failures].sort((a, b) => rank(a) - rank(b));
  return best ?? { status: 480, reason: 'Temporarily Unavailable', received: false, contacts: [] };
}
