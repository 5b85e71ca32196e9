import { orderOf, parseRSeq } from '../dialog/index.ts';
import type { HeaderPair, SipRequest, SipResponse } from '../message/index.ts';
import type { ServerTransaction } from '../transaction/index.ts';
import type { CallControl, OutgoingCallListener } from './api.ts';
import type { CallDialog } from './call-dialog.ts';
import { SDP_TYPE } from './core.ts';
import type { DialogUsage } from './core.ts';
import { sendBye } from './exchange.ts';
import { Infos } from './infos.ts';
import { optionTags } from './peer-facts.ts';
import { optionsReply, refusedMethod, refusedInDialog } from './replies.ts';
import { Updates } from './updates.ts';
import type { SipReason } from './api.ts';
import type { ReplacedState } from '../dialog/index.ts';

export interface EarlyDialogHooks {
  readonly control: CallControl;
  readonly listener: () => OutgoingCallListener;
  /** The peer ended this fork. */
  readonly ended: (tag: string) => void;
  /** The offer of a reliable response could not be answered: the call cannot go on. */
  readonly unusable: (error: unknown) => void;
}

/** What a provisional response means to the application. */
export interface ProvisionalNews {
  /** The answer to our offer, or a preview of it. */
  readonly sdp: string | undefined;
}

/** One fork of an INVITE of ours before its answer (RFC 3261 section 12.1.2), with an offer/answer state of its own. */
export class EarlyDialog implements DialogUsage {
  readonly call: CallDialog;
  readonly updates: Updates;
  /** The newest description that the peer gave as answer, or as preview of it. */
  sdp: string | undefined;
  readonly #hooks: EarlyDialogHooks;
  readonly #infos: Infos;
  /** RSeq of the last reliable response that was used (RFC 3262 section 4). */
  #sequence: number | undefined;

  constructor(call: CallDialog, hooks: EarlyDialogHooks) {
    this.call = call;
    this.#hooks = hooks;
    // Silence about one fork is no word about the others.
    const callHooks = { listener: hooks.listener, gone: () => undefined };
    this.updates = new Updates(call, callHooks, this.tag);
    this.#infos = new Infos(call, callHooks);
    call.core.dialogs.set(call.dialog.key, this);
  }

  get tag(): string {
    return this.call.dialog.remoteTag;
  }

  /** A provisional response above 100. Undefined: a copy, or out of order (RFC 3262 section 4). */
  receive(request: SipRequest, response: SipResponse): ProvisionalNews | undefined {
    const sequence = optionTags(response, 'require').has('100rel')
      ? parseRSeq(response.headers.get('rseq'))
      : undefined;
    if (sequence !== undefined) {
      if (orderOf(this.#sequence, sequence) !== 'next') return undefined;
      this.#sequence = sequence;
    }
    this.call.peer.learn(response);
    this.call.dialog.refreshTarget(response.contact);
    const { offerAnswer } = this.call;
    const { sdp } = response;
    if (sequence !== undefined) this.#acknowledge(request, sequence, sdp);
    // A description after the reliable answer says nothing new (RFC 6337 section 3.1.1).
    if (sdp === undefined || offerAnswer !== 'offered') return { sdp: undefined };
    this.sdp = sdp;
    return { sdp };
  }

  handleAck(): void {
    return undefined;
  }

  replaceable(): { readonly state: ReplacedState; readonly call: CallControl } {
    return { state: 'early-outgoing', call: this.#hooks.control };
  }

  handleRequest(transaction: ServerTransaction): void {
    const { request } = transaction;
    const { core, dialog } = this.call;
    const refused = refusedInDialog(core, dialog, request);
    if (refused !== undefined) {
      transaction.respond(refused);
      return;
    }
    switch (request.method) {
      case 'UPDATE':
        this.updates.handle(transaction);
        return;
      case 'INFO':
        this.#infos.handle(transaction);
        return;
      case 'OPTIONS':
        transaction.respond(optionsReply(core, transaction.source));
        return;
      case 'BYE':
        // DEVIATION: section 15 forbids the callee a BYE before the answer; one that comes all the same means it.
        transaction.respond({ status: 200 });
        this.#hooks.ended(this.tag);
        return;
      case 'INVITE':
        transaction.respond({ status: 491 });
        return;
      case 'REFER':
        transaction.respond({ status: 603 });
        return;
      case 'PRACK':
      case 'NOTIFY':
        transaction.respond({ status: 481 });
        return;
      default:
        transaction.respond(refusedMethod(core, request.method));
    }
  }

  /** Ends this fork alone (section 15). */
  bye(reason: SipReason | undefined): void {
    this.close();
    sendBye(this.call.core, this.call.dialog, { reason, digest: this.call.digest }, () => undefined);
  }

  /** The fork is over: what comes in it from now on is 481. */
  close(): void {
    this.updates.close();
    this.leave();
  }

  /** Takes it off the table of dialogs. */
  leave(): void {
    const { core, dialog } = this.call;
    if (core.dialogs.get(dialog.key) === this) core.dialogs.delete(dialog.key);
  }

  #acknowledge(request: SipRequest, sequence: number, sdp: string | undefined): void {
    const rack = `${String(sequence)} ${String(request.cseq?.number ?? 0)} INVITE`;
    if (
      sdp !== undefined &&
      this.call.note('receive-answer') === 'unexpected' &&
      this.call.note('receive-offer') === undefined
    ) {
      this.#answer(sdp).then(
        (answer) => {
          this.call.note('send-answer');
          this.#prack(rack, answer);
        },
        (error: unknown) => {
          this.call.note('drop');
          this.#prack(rack, undefined);
          this.#hooks.unusable(error);
        },
      );
      return;
    }
    this.#prack(rack, undefined);
  }

  async #answer(offer: string): Promise<string> {
    const listener = this.#hooks.listener();
    if (listener.onLateOffer === undefined) throw new Error('no onLateOffer listener');
    return listener.onLateOffer(offer);
  }

  #prack(rack: string, sdp: string | undefined): void {
    const headers: HeaderPair[] = [['RAck', rack], ...(sdp === undefined ? [] : [['Content-Type', SDP_TYPE] as const])];
    const body = sdp === undefined ? {} : { body: Buffer.from(sdp) };
    this.call.send({ method: 'PRACK', headers, ...body }, ({ status }) => {
      if (status >= 300) this.call.core.log.warn({ status, callId: this.call.dialog.callId }, 'a PRACK was refused');
    });
  }
}
