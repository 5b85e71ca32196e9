import { randomHex } from '../../kernel/index.ts';
import type { Timer } from '../../kernel/index.ts';
import { Dialog } from '../dialog/index.ts';
import { createRequest, reasonPhrase } from '../message/index.ts';
import type { HeaderPair, SipRequest, SipResponse } from '../message/index.ts';
import type { ClientTransaction } from '../transaction/index.ts';
import type {
  CallFailure,
  InviteOptions,
  OutgoingCall,
  OutgoingCallListener,
  ReinviteFailure,
  SipReason,
} from './api.ts';
import type { Core, LiveCall } from './core.ts';
import { DigestClient } from './digest.ts';
import { acknowledgeAndEnd } from './exchange.ts';
import { failureOf, reasonHeader } from './facts.ts';
import { prepareInvite } from './prepare.ts';
import type { PreparedInvite } from './prepare.ts';
import { Session } from './session.ts';

const DEFAULT_TIMEOUT_MS = 180_000;

/** How far the INVITE is. Answered calls live on in their {@link Session}. */
type Phase =
  | { readonly name: 'calling' }
  /** A final failure was decided here; the CANCEL is out or waits for a provisional response. */
  | {
      readonly name: 'cancelling';
      readonly failure: CallFailure;
      readonly headers: readonly HeaderPair[];
      sent: boolean;
    }
  | { readonly name: 'answered'; readonly session: Session; readonly remoteTag: string }
  | { readonly name: 'over' };

/** A call of ours. */
export class PlacedCall implements OutgoingCall, LiveCall {
  readonly callId: string;
  readonly #core: Core;
  readonly #options: InviteOptions;
  readonly #listener: OutgoingCallListener;
  readonly #localTag: string;
  readonly #digest: DigestClient | undefined;
  readonly #forks = new Map<string, () => void>();
  #phase: Phase = { name: 'calling' };
  #transaction: ClientTransaction | undefined;
  #proceeding = false;
  /** The listener has heard that the call failed. */
  #told = false;
  #sequence = 0;
  /** Ring time-out, then the limit of waiting for the answer to a CANCEL. */
  #timer: Timer | undefined;

  constructor(core: Core, options: InviteOptions, listener: OutgoingCallListener) {
    this.#core = core;
    this.#options = options;
    this.#listener = listener;
    this.callId = randomHex(core.random, 16);
    this.#localTag = core.newTag();
    this.#digest = options.credentials === undefined ? undefined : new DigestClient(options.credentials, core.random);
    core.calls.add(this);
  }

  start(): void {
    const prepared = prepareInvite(this.#core, this.#options);
    if ('problem' in prepared) {
      // Later, so that the caller holds the call before it hears of its end.
      queueMicrotask(() => {
        this.#fail(localFailure(400, prepared.problem));
      });
      return;
    }
    this.#timer = this.#core.clock.setTimer(this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS, () => {
      const failure = localFailure(408);
      this.#cancel(failure, undefined);
      // Nobody has said a word: there is no answer to a CANCEL to wait for. What comes late is dealt with all the same.
      if (!this.#proceeding) this.#tellFailed(failure);
    });
    this.#invite(prepared, []);
  }

  cancel(reason?: SipReason): void {
    this.#cancel(localFailure(487), reason);
  }

  bye(reason?: SipReason): void {
    if (this.#phase.name === 'answered') this.#phase.session.bye(reason);
    else this.cancel(reason);
  }

  reinvite(sdp: string): Promise<{ ok: true; sdp: string | undefined } | ReinviteFailure> {
    if (this.#phase.name === 'answered') return this.#phase.session.reinvite(sdp);
    return Promise.resolve({ ok: false, status: 481, reason: 'The Call Is Not Answered' });
  }

  info(contentType: string, body: string): Promise<number> {
    return this.#phase.name === 'answered' ? this.#phase.session.info(contentType, body) : Promise.resolve(481);
  }

  shutDown(): void {
    if (this.#phase.name === 'answered') this.#phase.session.shutDown();
    else {
      this.cancel();
      this.#fail(localFailure(487));
    }
  }

  #invite(prepared: PreparedInvite, authorization: readonly HeaderPair[]): void {
    this.#proceeding = false;
    this.#transaction = undefined;
    const request = createRequest(
      { method: 'INVITE', uri: prepared.uri },
      [
        ...prepared.routes,
        ['Max-Forwards', '70'],
        ['From', `${prepared.from};tag=${this.#localTag}`],
        ['To', prepared.to],
        ['Call-ID', this.callId],
        ['CSeq', `${++this.#sequence} INVITE`],
        ...authorization,
        ...prepared.headers,
      ],
      prepared.body,
    );
    const user = {
      onResponse: (response: SipResponse) => {
        this.#receive(prepared, request, response);
      },
      onTimeout: () => {
        this.#fail(this.#decided() ?? localFailure(408));
      },
      onTransportError: (error: Error) => {
        this.#fail(this.#decided() ?? localFailure(503, error.message));
      },
    };
    this.#core.send(request, prepared.nextHop, user, (transaction) => {
      this.#transaction = transaction;
      // Cancelled while the next hop was looked up: let it go out and be cancelled in order.
      if (this.#phase.name === 'over') transaction.close();
    });
  }

  #receive(prepared: PreparedInvite, request: SipRequest, response: SipResponse): void {
    if (response.status < 200) this.#provisional(response);
    else if (response.status < 300) this.#success(request, response);
    else if (response.status === 401 || response.status === 407) this.#challenged(prepared, request, response);
    else this.#failed(response);
  }

  #provisional(response: SipResponse): void {
    this.#proceeding = true;
    if (this.#phase.name === 'cancelling') this.#sendCancel();
    if (this.#phase.name !== 'calling' || response.status === 100) return;
    const { status, reason, sdp } = response;
    const event = { status, reason, sdp, earlyDialog: response.toTag ?? '' };
    this.#core.guard('onProvisional', () => this.#listener.onProvisional?.(event));
  }

  #success(request: SipRequest, response: SipResponse): void {
    const remoteTag = response.toTag ?? '';
    const phase = this.#phase;
    if (phase.name === 'answered' && phase.remoteTag === remoteTag) {
      phase.session.repeatAck();
      return;
    }
    const repeat = this.#forks.get(remoteTag);
    if (repeat !== undefined) {
      repeat();
      return;
    }
    const dialog = Dialog.ofResponse(request, response, { localTag: this.#localTag, contact: this.#core.contact });
    if (dialog === undefined) {
      this.#fail(localFailure(502, 'the 2xx holds an unusable Record-Route'));
      return;
    }
    if (phase.name === 'calling') this.#answered(dialog, response);
    else {
      // Another fork (section 13.2.2.4), or the answer crossed our CANCEL (section 9.1).
      this.#forks.set(remoteTag, acknowledgeAndEnd(this.#core, dialog, response));
      if (phase.name === 'cancelling') this.#fail(phase.failure);
    }
  }

  #answered(dialog: Dialog, response: SipResponse): void {
    this.#timer?.cancel();
    const session = new Session(this.#core, {
      dialog,
      listener: () => this.#listener,
      digest: this.#digest,
      caller: true,
      closed: () => {
        this.#core.calls.delete(this);
      },
    });
    this.#phase = { name: 'answered', session, remoteTag: dialog.remoteTag };
    this.#digest?.succeeded();
    const { status, sdp } = response;
    if (this.#options.sdp !== undefined) {
      session.acknowledge(response);
      this.#core.guard('onAnswered', () => this.#listener.onAnswered?.({ status, sdp }));
      return;
    }
    this.#answerLateOffer(sdp)
      .then((answer) => {
        session.acknowledge(response, answer);
        if (!session.ended) this.#core.guard('onAnswered', () => this.#listener.onAnswered?.({ status, sdp }));
      })
      .catch((error: unknown) => {
        // Section 13.2.2.4: an offer that cannot be taken is acknowledged all the same, then ended.
        this.#core.log.warn(
          { err: error, callId: this.callId },
          'the offer in a 2xx could not be answered: ending the call',
        );
        session.acknowledge(response);
        session.bye(undefined);
      });
  }

  async #answerLateOffer(offer: string | undefined): Promise<string> {
    if (offer === undefined) throw new Error('the 2xx to an INVITE without SDP holds no offer');
    if (this.#listener.onLateOffer === undefined) throw new Error('no onLateOffer listener');
    return this.#listener.onLateOffer(offer);
  }

  #challenged(prepared: PreparedInvite, request: SipRequest, response: SipResponse): void {
    const credentials = this.#phase.name === 'calling' ? this.#digest?.answer(request, response) : undefined;
    if (credentials === undefined) this.#failed(response);
    else this.#invite(prepared, credentials);
  }

  #failed(response: SipResponse): void {
    // What we decided ourselves, a time-out for example, says more than the 487 it led to.
    const cancelled = response.status === 487 ? this.#decided() : undefined;
    this.#fail(cancelled === undefined ? failureOf(response) : { ...cancelled, received: cancelled.status === 487 });
  }

  #cancel(failure: CallFailure, reason: SipReason | undefined): void {
    if (this.#phase.name !== 'calling') return;
    this.#phase = { name: 'cancelling', failure, headers: reasonHeader(reason), sent: false };
    this.#timer?.cancel();
    // Section 9.1: without a final response within 64*T1 the call counts as cancelled.
    this.#timer = this.#core.clock.setTimer(64 * this.#core.layer.timers.t1, () => {
      this.#transaction?.close();
      this.#fail(failure);
    });
    // Section 9.1: not before a provisional response.
    if (this.#proceeding) this.#sendCancel();
  }

  #sendCancel(): void {
    const phase = this.#phase;
    if (phase.name !== 'cancelling' || phase.sent || this.#transaction === undefined) return;
    phase.sent = true;
    this.#core.layer.cancel(this.#transaction, phase.headers, {
      onResponse: () => undefined,
      onTimeout: () => undefined,
      onTransportError: () => undefined,
    });
  }

  /** The failure that was decided before the network had its say. */
  #decided(): CallFailure | undefined {
    return this.#phase.name === 'cancelling' ? this.#phase.failure : undefined;
  }

  #fail(failure: CallFailure): void {
    if (this.#phase.name === 'over' || this.#phase.name === 'answered') return;
    this.#phase = { name: 'over' };
    this.#timer?.cancel();
    this.#core.calls.delete(this);
    this.#tellFailed(failure);
  }

  #tellFailed(failure: CallFailure): void {
    if (this.#told) return;
    this.#told = true;
    this.#core.guard('onFailed', () => this.#listener.onFailed?.(failure));
  }
}

function localFailure(status: number, reason = reasonPhrase(status)): CallFailure {
  return { status, reason, received: false, contacts: [] };
}
