import { randomHex } from '../../kernel/index.ts';
import type { Timer } from '../../kernel/index.ts';
import type { DialogId } from '../dialog/index.ts';
import { DigestClient } from '../digest/index.ts';
import { createRequest, formatUri } from '../message/index.ts';
import type { HeaderPair, SipRequest, SipResponse } from '../message/index.ts';
import type { ClientTransaction } from '../transaction/index.ts';
import type {
  CallControl,
  CallFailure,
  InviteOptions,
  OutgoingCall,
  OutgoingCallListener,
  ReferOptions,
  ReferResult,
  ReinviteResult,
  SipReason,
} from './api.ts';
import type { Core, LiveCall } from './core.ts';
import { ELSEWHERE, GIVEN_UP, NO_ANSWER, SHUTTING_DOWN } from './default-reasons.ts';
import { UNHEARD } from './exchange.ts';
import type { Acceptance } from './exchange.ts';
import { NOT_ANSWERED, failureOf, localFailure, reasonHeader } from './facts.ts';
import { Forks } from './forks.ts';
import type { AnsweredFork } from './forks.ts';
import { prepareInvite } from './prepare.ts';
import type { PreparedInvite } from './prepare.ts';
import { sessionOf, tellAnswer } from './placed-answer.ts';
import type { PlacedAnswer } from './placed-answer.ts';
import { RingLimit } from './ring-limit.ts';
import type { Session } from './session.ts';
import { SessionTimer } from './session-timer.ts';

/** Most repetitions of an INVITE for a longer session interval (422). */
const MAX_RAISES = 3;

/** How far the INVITE is. Answered calls live on in their {@link Session}. */
type Phase =
  | { readonly name: 'calling' }
  /** A final failure was decided here; the CANCEL is out or waits for a provisional response. */
  | { readonly name: 'cancelling'; readonly failure: CallFailure; readonly reason: SipReason; sent: boolean }
  | { readonly name: 'answered'; readonly session: Session; readonly fork: AnsweredFork }
  | { readonly name: 'over' };

/** A call of ours. */
export class PlacedCall implements OutgoingCall, LiveCall {
  readonly callId: string;
  readonly #core: Core;
  readonly #options: InviteOptions;
  readonly #listener: OutgoingCallListener;
  readonly #localTag: string;
  readonly #digest: DigestClient | undefined;
  readonly #sessionTimer: SessionTimer;
  readonly #forks: Forks;
  readonly #limit: RingLimit;
  #phase: Phase = { name: 'calling' };
  #transaction: ClientTransaction | undefined;
  #proceeding = false;
  /** The listener has heard that the call failed. */
  #told = false;
  #sequence = 0;
  #raises = 0;
  /** How long the answer to a CANCEL is waited for. */
  #timer: Timer | undefined;
  /** A cancelled INVITE that a closing user agent waits for. */
  #farewell: (() => void) | undefined;

  constructor(core: Core, options: InviteOptions, listener: OutgoingCallListener) {
    this.#core = core;
    this.#options = options;
    this.#listener = listener;
    this.callId = randomHex(core.random, 16);
    this.#localTag = core.newTag();
    this.#digest = options.credentials === undefined ? undefined : new DigestClient(options.credentials, core.random);
    this.#sessionTimer = new SessionTimer(core, options.sessionTimer);
    this.#forks = new Forks(core, {
      localTag: this.#localTag,
      digest: this.#digest,
      timer: this.#sessionTimer,
      flow: options.destination,
      offered: options.sdp !== undefined,
      hooks: {
        control: this,
        listener: () => listener,
        ended: (tag) => {
          this.#forkEnded(tag);
        },
        unusable: (error) => {
          core.log.warn({ err: error, callId: this.callId }, 'the offer in a 18x could not be answered: giving up');
          this.#cancel(localFailure(488), GIVEN_UP);
        },
      },
    });
    this.#limit = new RingLimit(core.clock, {
      timeoutMs: options.timeoutMs,
      firstResponseMs: options.firstResponseMs,
      // A second INVITE went out because the first was answered (401, 422).
      heard: () => this.#proceeding || this.#sequence > 1,
      giveUp: () => {
        const failure = localFailure(408);
        this.#cancel(failure, NO_ANSWER);
        // Nobody has said a word: there is no answer to a CANCEL to wait for. What comes late is dealt with all the same.
        if (!this.#proceeding) this.#tellFailed(failure);
      },
    });
    core.calls.add(this);
  }

  start(): void {
    const prepared = prepareInvite(this.#core, this.#options);
    if ('problem' in prepared) {
      // Later, so that the caller holds the call before it hears of its end.
      queueMicrotask(() => {
        this.#fail(localFailure(prepared.status ?? 400, prepared.problem));
      });
      return;
    }
    this.#limit.start();
    this.#invite(prepared, []);
  }

  /** The user agent takes no calls any more. */
  refuse(): void {
    this.#fail(localFailure(487));
  }

  get dialogId(): DialogId | undefined {
    return this.#dialog?.id;
  }

  get remoteTarget(): string | undefined {
    const dialog = this.#dialog;
    return dialog === undefined ? undefined : formatUri(dialog.remoteTarget);
  }

  cancel(reason?: SipReason): void {
    this.#cancel(localFailure(487), reason ?? GIVEN_UP);
  }

  bye(reason?: SipReason): void {
    if (this.#phase.name === 'answered') this.#phase.session.bye(reason);
    else this.cancel(reason);
  }

  dropFork(earlyDialog: string, reason?: SipReason): void {
    if (this.#phase.name === 'calling') this.#forks.end(earlyDialog, { reason: reason ?? GIVEN_UP });
  }

  reinvite(sdp: string): Promise<ReinviteResult> {
    if (this.#phase.name === 'answered') return this.#phase.session.reinvite(sdp);
    return Promise.resolve(NOT_ANSWERED);
  }

  update(sdp?: string): Promise<ReinviteResult> {
    if (this.#phase.name === 'answered') return this.#phase.session.update(sdp);
    const early = this.#phase.name === 'calling' ? (this.#forks.agreed ?? this.#forks.single) : undefined;
    return early?.updates.send(sdp) ?? Promise.resolve(NOT_ANSWERED);
  }

  info(contentType: string, body: string): Promise<number> {
    return this.#phase.name === 'answered' ? this.#phase.session.info(contentType, body) : Promise.resolve(481);
  }

  refer(target: string | CallControl, options: ReferOptions = {}): Promise<ReferResult> {
    if (this.#phase.name === 'answered') return this.#phase.session.refer(target, options);
    return Promise.resolve({ kind: 'refused', status: NOT_ANSWERED.status, reason: NOT_ANSWERED.reason });
  }

  shutDown(): void {
    if (this.#phase.name === 'answered') {
      this.#phase.session.shutDown();
      return;
    }
    this.cancel(SHUTTING_DOWN);
    this.#tellFailed(localFailure(487));
    this.#core.calls.delete(this);
  }

  get #dialog() {
    return this.#phase.name === 'answered' ? this.#phase.fork.call.dialog : this.#forks.single?.call.dialog;
  }

  #invite(prepared: PreparedInvite, authorization: readonly HeaderPair[]): void {
    this.#proceeding = false;
    this.#transaction = undefined;
    this.#forks.reset();
    const request = createRequest(
      { method: 'INVITE', uri: prepared.uri },
      [
        ...prepared.routes,
        ['Max-Forwards', String(prepared.maxForwards)],
        ['From', `${prepared.from};tag=${this.#localTag}`],
        ['To', prepared.to],
        ['Call-ID', this.callId],
        ['CSeq', `${++this.#sequence} INVITE`],
        ...authorization,
        ...prepared.headers,
        ...this.#sessionTimer.requestHeaders(),
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
      // Cancelled while the next hop was looked up: nobody is to ring for it.
      mayTryNext: () => this.#phase.name === 'calling',
    };
    this.#core.send(request, prepared.nextHop, user, (transaction) => {
      this.#transaction = transaction;
      // Another address is asked, which has said nothing yet.
      this.#proceeding = false;
    });
  }

  #receive(prepared: PreparedInvite, request: SipRequest, response: SipResponse): void {
    if (response.status < 200) this.#provisional(request, response);
    else if (response.status < 300) this.#success({ request, response });
    else if (response.status === 401 || response.status === 407) this.#challenged(prepared, request, response);
    else if (response.status === 422) this.#tooSmall(prepared, response);
    else this.#failed(response);
  }

  #provisional(request: SipRequest, response: SipResponse): void {
    this.#proceeding = true;
    if (this.#phase.name === 'cancelling') this.#sendCancel();
    if (response.status === 100 || (this.#phase.name !== 'calling' && this.#phase.name !== 'cancelling')) return;
    const news = this.#forks.provisional(request, response);
    if (this.#phase.name !== 'calling') return;
    const { status, reason } = response;
    const earlyDialog = response.toTag ?? '';
    // RFC 6228: this fork has failed, others go on.
    if (status === 199) this.#forkEnded(earlyDialog);
    else if (news !== undefined) {
      const event = { status, reason, sdp: news.sdp, earlyDialog };
      this.#core.guard('onProvisional', () => this.#listener.onProvisional?.(event));
    }
  }

  #forkEnded(tag: string): void {
    if (this.#forks.end(tag)) this.#core.guard('onForkEnded', () => this.#listener.onForkEnded?.({ earlyDialog: tag }));
  }

  #success(acceptance: Acceptance): void {
    const remoteTag = acceptance.response.toTag ?? '';
    const phase = this.#phase;
    if (phase.name === 'answered' && phase.fork.call.dialog.remoteTag === remoteTag) {
      phase.session.repeatAck();
      return;
    }
    if (this.#forks.repeat(remoteTag)) return;
    if (phase.name !== 'calling') {
      // Another fork (section 13.2.2.4), or the answer crossed our CANCEL (section 9.1).
      this.#forks.refuse(acceptance, phase.name === 'cancelling' ? phase.reason : ELSEWHERE);
      if (phase.name === 'cancelling') this.#fail(phase.failure);
      return;
    }
    const fork = this.#forks.answered(acceptance);
    if (fork === undefined) this.#fail(localFailure(502, 'the 2xx holds an unusable Record-Route'));
    else this.#answered(fork, acceptance);
  }

  #answered(fork: AnsweredFork, acceptance: Acceptance): void {
    this.#limit.cancel();
    this.#forks.close(fork.call);
    const answer: PlacedAnswer = {
      control: this,
      options: this.#options,
      listener: this.#listener,
      fork,
      acceptance,
      closed: () => {
        this.#core.calls.delete(this);
      },
    };
    const session = sessionOf(answer);
    this.#phase = { name: 'answered', session, fork };
    this.#digest?.succeeded();
    tellAnswer(this.#core, session, answer);
  }

  #challenged(prepared: PreparedInvite, request: SipRequest, response: SipResponse): void {
    const credentials = this.#phase.name === 'calling' ? this.#digest?.answer(request, response) : undefined;
    if (credentials === undefined) this.#failed(response);
    else this.#invite(prepared, credentials);
  }

  /** RFC 4028 section 7.3: the same call with a longer interval. */
  #tooSmall(prepared: PreparedInvite, response: SipResponse): void {
    const again = this.#phase.name === 'calling' && this.#raises < MAX_RAISES && this.#sessionTimer.raise(response);
    this.#raises++;
    if (again) this.#invite(prepared, []);
    else this.#failed(response);
  }

  #failed(response: SipResponse): void {
    // What we decided ourselves, a time-out for example, says more than the 487 it led to.
    const cancelled = response.status === 487 ? this.#decided() : undefined;
    this.#fail(cancelled === undefined ? failureOf(response) : { ...cancelled, received: cancelled.status === 487 });
  }

  #cancel(failure: CallFailure, reason: SipReason): void {
    if (this.#phase.name !== 'calling') return;
    this.#phase = { name: 'cancelling', failure, reason, sent: false };
    this.#limit.cancel();
    this.#farewell = this.#core.farewells.begin();
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
    this.#core.layer.cancel(this.#transaction, reasonHeader(phase.reason), UNHEARD);
  }

  /** The failure that was decided before the network had its say. */
  #decided(): CallFailure | undefined {
    return this.#phase.name === 'cancelling' ? this.#phase.failure : undefined;
  }

  #fail(failure: CallFailure): void {
    if (this.#phase.name === 'over' || this.#phase.name === 'answered') return;
    this.#phase = { name: 'over' };
    this.#limit.cancel();
    this.#timer?.cancel();
    this.#forks.close();
    this.#farewell?.();
    this.#core.calls.delete(this);
    this.#tellFailed(failure);
  }

  #tellFailed(failure: CallFailure): void {
    if (this.#told) return;
    this.#told = true;
    this.#core.guard('onFailed', () => this.#listener.onFailed?.(failure));
  }
}
