import type { Timer } from '../../kernel/index.ts';
import type { Dialog } from '../dialog/index.ts';
import type { HeaderPair, SipRequest } from '../message/index.ts';
import type { ResponseParts, ServerTransaction } from '../transaction/index.ts';
import type { Endpoint } from '../transport/index.ts';
import type {
  HeaderField,
  IncomingCall,
  IncomingCallListener,
  Party,
  ReinviteFailure,
  RequestFacts,
  SipReason,
} from './api.ts';
import { ALLOW, SDP_TYPE } from './core.ts';
import type { Core, DialogUsage, LiveCall } from './core.ts';
import { extraHeaders, reasonHeader, reasonOf } from './facts.ts';
import { Session, respondSafely } from './session.ts';

/** Section 13.3.1.1: a provisional response every minute keeps proxies from giving up. */
const PROVISIONAL_REFRESH_MS = 60_000;

/** An INVITE of a peer from its arrival to its final response; an answered one hands over to a {@link Session}. */
export class ReceivedCall<C> implements IncomingCall<C>, DialogUsage, LiveCall {
  readonly context: C;
  readonly method = 'INVITE';
  readonly callId: string;
  readonly from: Party;
  readonly to: Party;
  readonly requestUri: Party;
  readonly source: Endpoint;
  readonly remoteOffer: string | undefined;
  readonly #facts: RequestFacts;
  readonly #core: Core;
  readonly #transaction: ServerTransaction;
  readonly #dialog: Dialog;
  #listener: IncomingCallListener = {};
  #refresh: Timer | undefined;
  #session: Session | undefined;
  /** A final response is out. */
  #decided = false;

  constructor(
    core: Core,
    incoming: { readonly transaction: ServerTransaction; readonly dialog: Dialog },
    facts: RequestFacts,
    context: C,
  ) {
    this.context = context;
    this.callId = facts.callId;
    this.from = facts.from;
    this.to = facts.to;
    this.requestUri = facts.requestUri;
    this.source = facts.source;
    this.#facts = facts;
    this.#core = core;
    this.#transaction = incoming.transaction;
    this.#dialog = incoming.dialog;
    this.remoteOffer = incoming.transaction.request.sdp;
    core.dialogs.set(this.#dialog.key, this);
    core.calls.add(this);
    incoming.transaction.user = {
      onCancel: (cancel) => {
        this.#cancelled(cancel);
      },
    };
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
    this.#provisional({ status: 180 });
  }

  progress(sdp: string): void {
    this.#provisional({ status: 183, headers: [['Content-Type', SDP_TYPE]], body: Buffer.from(sdp) });
  }

  answer(sdp: string, headers?: readonly HeaderField[]): void {
    if (!this.#decide()) return;
    const session = new Session(this.#core, {
      dialog: this.#dialog,
      listener: () => this.#listener,
      caller: false,
      closed: () => {
        this.#core.calls.delete(this);
      },
    });
    this.#session = session;
    session.accept(this.#transaction, {
      status: 200,
      toTag: this.#dialog.localTag,
      headers: [
        ...this.#core.selfHeaders(),
        ['Server', this.#core.name],
        ['Content-Type', SDP_TYPE],
        ...this.#usable(headers),
      ],
      body: Buffer.from(sdp),
    });
  }

  reject(
    status: number,
    options: { reason?: string; headers?: readonly HeaderField[]; sipReason?: SipReason } = {},
  ): void {
    const headers = [...reasonHeader(options.sipReason), ...this.#usable(options.headers)];
    const usable = Number.isInteger(status) && status >= 300 && status < 700 ? status : 500;
    this.#refuse({ status: usable, headers, ...(options.reason === undefined ? {} : { reason: options.reason }) });
  }

  redirect(contacts: readonly string[]): void {
    const headers = contacts.map((uri, index): HeaderPair => {
      const q = Math.max(0, 1 - index / 10).toFixed(1);
      return ['Contact', `<${uri}>;q=${q}`];
    });
    this.#refuse({ status: 302, headers });
  }

  bye(reason?: SipReason): void {
    if (this.#session === undefined) this.reject(480, reason === undefined ? {} : { sipReason: reason });
    else this.#session.bye(reason);
  }

  reinvite(sdp: string): Promise<{ ok: true; sdp: string | undefined } | ReinviteFailure> {
    return (
      this.#session?.reinvite(sdp) ?? Promise.resolve({ ok: false, status: 481, reason: 'The Call Is Not Answered' })
    );
  }

  info(contentType: string, body: string): Promise<number> {
    return this.#session?.info(contentType, body) ?? Promise.resolve(481);
  }

  shutDown(): void {
    if (this.#session === undefined) this.#refuse({ status: 503 });
    else this.#session.shutDown();
  }

  /** An ACK before there is a session belongs to nothing. */
  handleAck(): void {
    return undefined;
  }

  /** Requests in the early dialog. */
  handleRequest(transaction: ServerTransaction): void {
    if (!this.#dialog.acceptSequence(transaction.request)) {
      transaction.respond({ status: 500, headers: [['Retry-After', '0']] });
      return;
    }
    switch (transaction.request.method) {
      case 'BYE':
        // Section 15: a caller may end an early dialog by BYE.
        transaction.respond({ status: 200 });
        this.#cancelled(transaction.request);
        return;
      case 'INVITE':
        // Section 14.2: the first INVITE is still open.
        transaction.respond({ status: 500, headers: [['Retry-After', '5']] });
        return;
      default:
        transaction.respond({ status: 405, headers: [['Allow', ALLOW]] });
    }
  }

  #cancelled(request: SipRequest): void {
    if (!this.#refuse({ status: 487 })) return;
    this.#core.guard('onCancelled', () => this.#listener.onCancelled?.(reasonOf(request)));
  }

  #provisional(parts: ResponseParts): void {
    if (this.#decided) return;
    this.#refresh?.cancel();
    const headers = [...this.#core.selfHeaders(), ...(parts.headers ?? [])];
    respondSafely(this.#core, this.#transaction, { ...parts, toTag: this.#dialog.localTag, headers });
    this.#refresh = this.#core.clock.setTimer(PROVISIONAL_REFRESH_MS, () => {
      this.#provisional(parts);
    });
  }

  #refuse(parts: ResponseParts): boolean {
    if (!this.#decide()) return false;
    this.#core.dialogs.delete(this.#dialog.key);
    this.#core.calls.delete(this);
    respondSafely(this.#core, this.#transaction, { ...parts, toTag: this.#dialog.localTag });
    return true;
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
