import type { Timer } from '../../kernel/index.ts';
import type { Dialog, DialogId } from '../dialog/index.ts';
import { formatUri } from '../message/index.ts';
import type { HeaderPair } from '../message/index.ts';
import type { ResponseParts, ServerTransaction } from '../transaction/index.ts';
import type { Endpoint } from '../transport/index.ts';
import type {
  CallControl,
  HeaderField,
  IncomingCall,
  IncomingCallListener,
  Party,
  ReferOptions,
  ReferResult,
  ReinviteResult,
  RequestFacts,
  SipReason,
} from './api.ts';
import { CallDialog } from './call-dialog.ts';
import { SDP_TYPE } from './core.ts';
import type { Core, DialogUsage, LiveCall } from './core.ts';
import { NEVER_ACKNOWLEDGED, REPLACED } from './default-reasons.ts';
import { NOT_ANSWERED, extraHeaders, reasonHeader } from './facts.ts';
import { IncomingEarlyDialog } from './incoming-early-dialog.ts';
import { knowsOption, optionTags } from './peer-facts.ts';
import { respondSafely } from './replies.ts';
import { Session } from './session.ts';
import { SessionTimer } from './session-timer.ts';
import { Updates } from './updates.ts';

/** Section 13.3.1.1: a provisional response every minute keeps proxies from giving up. */
const PROVISIONAL_REFRESH_MS = 60_000;

export interface ReceivedInvite {
  readonly transaction: ServerTransaction;
  readonly dialog: Dialog;
  /** The call whose place this one takes (RFC 3891). */
  readonly replaces?: CallControl | undefined;
}

/** An INVITE of a peer from its arrival to its final response; an answered one hands over to a {@link Session}. */
export class ReceivedCall<C> implements IncomingCall<C>, LiveCall {
  readonly context: C;
  readonly method = 'INVITE';
  readonly callId: string;
  readonly from: Party;
  readonly to: Party;
  readonly requestUri: Party;
  readonly source: Endpoint;
  readonly maxForwards: number | undefined;
  readonly remoteOffer: string | undefined;
  readonly replaces: CallControl | undefined;
  readonly reliable: boolean;
  readonly #facts: RequestFacts;
  readonly #core: Core;
  readonly #transaction: ServerTransaction;
  readonly #call: CallDialog;
  readonly #updates: Updates;
  readonly #early: IncomingEarlyDialog;
  /** The caller insists: every provisional response is reliable. */
  readonly #alwaysReliable: boolean;
  #listener: IncomingCallListener = {};
  #refresh: Timer | undefined;
  #session: Session | undefined;
  /** What is to become of the call is known. */
  #decided = false;
  /** A 2xx that waits for a PRACK. */
  #waiting: (() => void) | undefined;

  constructor(core: Core, incoming: ReceivedInvite, facts: RequestFacts, context: C) {
    const { transaction, dialog } = incoming;
    const { request } = transaction;
    this.context = context;
    this.callId = facts.callId;
    this.from = facts.from;
    this.to = facts.to;
    this.requestUri = facts.requestUri;
    this.source = facts.source;
    this.maxForwards = facts.maxForwards;
    this.replaces = incoming.replaces;
    this.#facts = facts;
    this.#core = core;
    this.#transaction = transaction;
    this.remoteOffer = request.sdp;
    this.reliable = core.features.reliable !== 'off' && knowsOption(request, '100rel');
    this.#alwaysReliable = this.reliable && optionTags(request, 'require').has('100rel');
    this.#call = new CallDialog(core, {
      dialog,
      digest: undefined,
      timer: new SessionTimer(core),
      caller: false,
      offerAnswer: this.remoteOffer === undefined ? { name: 'idle' } : { name: 'asked', before: 'idle' },
    });
    this.#call.peer.learn(request);
    const listener = (): IncomingCallListener => this.#listener;
    this.#updates = new Updates(this.#call, { listener, gone: () => undefined });
    this.#early = new IncomingEarlyDialog(this.#call, transaction, {
      control: this,
      listener,
      updates: this.#updates,
      cancelled: (reason) => {
        this.#cancelled({ status: 487 }, reason);
      },
      acknowledged: () => {
        this.#proceed();
      },
      givenUp: () => {
        this.#cancelled({ status: 504, headers: reasonHeader(NEVER_ACKNOWLEDGED) }, NEVER_ACKNOWLEDGED);
      },
    });
    core.calls.add(this);
  }

  /** What is registered for the dialog before the answer. */
  get usage(): DialogUsage {
    return this.#early;
  }

  get dialogId(): DialogId {
    return this.#call.dialog.id;
  }

  get remoteTarget(): string {
    return formatUri(this.#call.dialog.remoteTarget);
  }

  header(name: string): string | undefined {
    return this.#facts.header(name);
  }

  headers(): readonly HeaderField[] {
    return this.#facts.headers();
  }

  listen(listener: IncomingCallListener): void {
    this.#listener = listener;
  }

  ring(): void {
    this.#provisional({ status: 180 }, this.#alwaysReliable);
  }

  progress(sdp: string): void {
    if (this.#decided) return;
    const parts = { status: 183, headers: [['Content-Type', SDP_TYPE]] as const, body: Buffer.from(sdp) };
    const { offerAnswer } = this.#call;
    if (!this.reliable) {
      // Without a PRACK there is nothing that could answer an offer (section 13.2.1).
      if (this.remoteOffer !== undefined) this.#provisional(parts, false);
      return;
    }
    if (offerAnswer === 'idle') this.#call.note('send-offer');
    else if (offerAnswer === 'asked') this.#call.note('send-answer');
    // Described already: what is in force does not change by a provisional response.
    else {
      this.#provisional({ status: 183 }, this.#alwaysReliable);
      return;
    }
    this.#provisional(parts, true);
  }

  answer(sdp: string, headers?: readonly HeaderField[]): void {
    if (!this.#decide()) return;
    const usable = this.#usable(headers);
    this.#waiting = () => {
      this.#accept(sdp, usable);
    };
    // RFC 3262 section 3: not before the PRACK of a response with SDP.
    if (!this.#early.holdsBack) this.#proceed();
  }

  reject(
    status: number,
    options: { reason?: string; headers?: readonly HeaderField[]; sipReason?: SipReason } = {},
  ): void {
    const headers = [...reasonHeader(options.sipReason), ...this.#usable(options.headers)];
    const usable = Number.isInteger(status) && status >= 300 && status < 700 ? status : 500;
    if (!this.#decide()) return;
    this.#refuse({ status: usable, headers, ...(options.reason === undefined ? {} : { reason: options.reason }) });
  }

  redirect(contacts: readonly string[]): void {
    const headers = contacts.map((uri, index): HeaderPair => {
      const q = Math.max(0, 1 - index / 10).toFixed(1);
      return ['Contact', `<${uri}>;q=${q}`];
    });
    if (this.#decide()) this.#refuse({ status: 302, headers });
  }

  bye(reason?: SipReason): void {
    if (this.#session !== undefined) this.#session.bye(reason);
    else if (this.#waiting !== undefined) {
      this.#waiting = undefined;
      this.#refuse({ status: 480, headers: reasonHeader(reason) });
    } else this.reject(480, reason === undefined ? {} : { sipReason: reason });
  }

  reinvite(sdp: string): Promise<ReinviteResult> {
    return this.#session?.reinvite(sdp) ?? Promise.resolve(NOT_ANSWERED);
  }

  update(sdp?: string): Promise<ReinviteResult> {
    if (this.#session !== undefined) return this.#session.update(sdp);
    // RFC 3311 section 5.1: our answer has to be acknowledged first.
    return this.#decided || this.#early.holdsBack ? Promise.resolve(NOT_ANSWERED) : this.#updates.send(sdp);
  }

  info(contentType: string, body: string): Promise<number> {
    return this.#session?.info(contentType, body) ?? Promise.resolve(481);
  }

  refer(target: string | CallControl, options: ReferOptions = {}): Promise<ReferResult> {
    const { status, reason } = NOT_ANSWERED;
    return this.#session?.refer(target, options) ?? Promise.resolve({ kind: 'refused', status, reason });
  }

  shutDown(): void {
    if (this.#session !== undefined) this.#session.shutDown();
    else if (this.#decide() || this.#waiting !== undefined) {
      this.#waiting = undefined;
      this.#refuse({ status: 503 });
    }
  }

  /** Sends the 2xx that nothing holds back any more. */
  #proceed(): void {
    if (this.#early.holdsBack) return;
    const proceed = this.#waiting;
    this.#waiting = undefined;
    proceed?.();
  }

  #accept(sdp: string, headers: readonly HeaderPair[]): void {
    this.#early.close();
    const { request } = this.#transaction;
    const { offerAnswer } = this.#call;
    // What a reliable response has described is not said again (RFC 6337 section 3.1.1).
    const described = offerAnswer === 'agreed' || offerAnswer === 'offered';
    if (offerAnswer === 'asked') this.#call.note('send-answer');
    else if (offerAnswer === 'idle') this.#call.note('send-offer');
    const session = new Session({
      call: this.#call,
      control: this,
      listener: () => this.#listener,
      updates: this.#updates,
      prack: (prack) => {
        this.#early.handleLatePrack(prack);
      },
      closed: () => {
        this.#core.calls.delete(this);
      },
    });
    this.#session = session;
    session.accept(this.#transaction, {
      status: 200,
      toTag: this.#call.dialog.localTag,
      headers: [
        ...this.#core.selfHeaders(this.source),
        ['Server', this.#core.name],
        ...this.#call.timer.accept(request),
        ...(request.headers.has('recv-info') ? [['Recv-Info', ''] as const] : []),
        ...(described ? [] : [['Content-Type', SDP_TYPE] as const]),
        ...headers,
      ],
      ...(described ? {} : { body: Buffer.from(sdp) }),
    });
    this.replaces?.bye(REPLACED);
  }

  #cancelled(parts: ResponseParts, reason: SipReason | undefined): void {
    if (!this.#decide() && this.#waiting === undefined) return;
    this.#waiting = undefined;
    this.#refuse(parts);
    this.#core.guard('onCancelled', () => this.#listener.onCancelled?.(reason));
  }

  #provisional(parts: ResponseParts, reliable: boolean): void {
    if (this.#decided) return;
    this.#refresh?.cancel();
    const headers = [...this.#core.selfHeaders(this.source), ...(parts.headers ?? [])];
    const complete = { ...parts, toTag: this.#call.dialog.localTag, headers };
    if (reliable) this.#early.send(complete);
    else respondSafely(this.#core, this.#transaction, complete);
    this.#refresh = this.#core.clock.setTimer(PROVISIONAL_REFRESH_MS, () => {
      // A reliable description was acknowledged, and is not repeated.
      this.#provisional(reliable ? { status: parts.status } : parts, this.#alwaysReliable);
    });
  }

  #refuse(parts: ResponseParts): void {
    this.#early.close();
    this.#updates.close();
    this.#core.calls.delete(this);
    respondSafely(this.#core, this.#transaction, { ...parts, toTag: this.#call.dialog.localTag });
  }

  /** True for the one who gives the final response. */
  #decide(): boolean {
    if (this.#decided) return false;
    this.#decided = true;
    this.#refresh?.cancel();
    return true;
  }

  #usable(headers: readonly HeaderField[] | undefined): HeaderPair[] {
    const { pairs, refused } = extraHeaders(headers);
    if (refused.length > 0) this.#core.log.warn({ refused, callId: this.callId }, 'headers left out of a SIP response');
    return pairs;
  }
}
