import { dialogKey } from '../dialog/index.ts';
import type { ReplacedState } from '../dialog/index.ts';
import type { SipRequest } from '../message/index.ts';
import type { ResponseParts, ServerTransaction } from '../transaction/index.ts';
import type {
  CallControl,
  CallEnd,
  CallListener,
  ReferOptions,
  ReferResult,
  ReinviteResult,
  SipReason,
} from './api.ts';
import type { CallDialog } from './call-dialog.ts';
import type { CallHooks } from './call-hooks.ts';
import type { Core, DialogUsage } from './core.ts';
import { Acknowledgement, PendingAnswer, sendBye } from './exchange.ts';
import type { Acceptance } from './exchange.ts';
import { reasonOf } from './facts.ts';
import { IncomingReinvites } from './incoming-reinvites.ts';
import { Infos } from './infos.ts';
import { OutgoingReinvite } from './reinvite.ts';
import { OUT_OF_ORDER, optionsReply, refusedMethod, unsupported } from './replies.ts';
import { Transfers } from './transfers.ts';
import type { Updates } from './updates.ts';
import { EXPIRED, SHUTTING_DOWN } from './default-reasons.ts';

export interface SessionOptions {
  readonly call: CallDialog;
  /** The call as the application knows it. */
  readonly control: CallControl;
  /** Read at each event: the application may set its listener late. */
  readonly listener: () => CallListener;
  readonly updates: Updates;
  /** The 2xx to our INVITE, still to be acknowledged. */
  readonly acceptance?: Acceptance;
  /** Takes PRACKs of reliable responses from before the answer. */
  readonly prack?: (transaction: ServerTransaction) => void;
  /** The call left the list of live ones. */
  readonly closed: () => void;
}

/** An answered call: a confirmed dialog, and what may happen in it put together. Lives until BYE, either side's. */
export class Session implements DialogUsage {
  readonly #core: Core;
  readonly #call: CallDialog;
  readonly #options: SessionOptions;
  readonly #updates: Updates;
  readonly #reinvites: IncomingReinvites;
  readonly #infos: Infos;
  readonly #transfers: Transfers;
  /** Our 2xx that waits for its ACK. */
  #answer: PendingAnswer | undefined;
  /** The first INVITE is acknowledged. */
  #answered: boolean;
  #outgoing: OutgoingReinvite | undefined;
  /** The peer's 2xx before we have acknowledged it. */
  #acceptance: Acceptance | undefined;
  #acknowledgement: Acknowledgement | undefined;
  #byeWaiting: { readonly reason: SipReason | undefined } | undefined;
  #ended = false;
  /** Our BYE was answered, or the peer's was. */
  #left = false;

  constructor(options: SessionOptions) {
    const { call } = options;
    this.#core = call.core;
    this.#call = call;
    this.#options = options;
    this.#updates = options.updates;
    this.#answered = call.caller;
    this.#acceptance = options.acceptance;
    const hooks: CallHooks = {
      listener: options.listener,
      gone: (status) => {
        this.#leave({ by: 'network', cause: 'dialog-gone', sipStatus: status }, undefined);
      },
    };
    this.#updates.confirm(hooks);
    this.#infos = new Infos(call, hooks);
    this.#transfers = new Transfers(call, hooks, () => {
      this.#forget();
    });
    this.#reinvites = new IncomingReinvites(call, {
      ...hooks,
      busy: () => this.#outgoing?.pending === true || this.#answer !== undefined,
      accept: (transaction, parts) => {
        this.accept(transaction, parts);
      },
    });
    call.timer.attach({
      refresh: () => {
        this.#refresh();
      },
      expired: () => {
        this.#leave({ by: 'network', cause: 'session-expired' }, EXPIRED);
      },
    });
    this.#core.dialogs.set(call.dialog.key, this);
    if (options.acceptance !== undefined) call.timer.accepted(options.acceptance.response);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Sends our 2xx to an INVITE or re-INVITE and retransmits it until the ACK. */
  accept(transaction: ServerTransaction, parts: ResponseParts): void {
    this.#answer = new PendingAnswer(
      this.#core,
      { transaction, parts },
      {
        acknowledged: () => {
          this.#answer = undefined;
        },
        givenUp: () => {
          this.#answer = undefined;
          this.#leave({ by: 'network', cause: 'ack-timeout' }, undefined);
        },
      },
    );
  }

  /** Acknowledges the 2xx to our first INVITE. A second time does nothing. */
  acknowledge(sdp?: string): void {
    if (this.#acceptance === undefined) return;
    this.#acknowledgement = new Acknowledgement(this.#core, this.#call.dialog, this.#acceptance, sdp);
    this.#acceptance = undefined;
  }

  /** The 2xx came again: so does the ACK. */
  repeatAck(): void {
    this.#acknowledgement?.repeat();
  }

  replaceable(): { readonly state: ReplacedState; readonly call: CallControl } {
    return { state: this.#ended ? 'ended' : 'confirmed', call: this.#options.control };
  }

  handleAck(ack: SipRequest): void {
    if (this.#answer === undefined || ack.cseq?.number !== this.#answer.sequence) return;
    const initial = !this.#answered;
    this.#answered = true;
    this.#answer.ack();
    const sdp = initial ? this.#firstAnswer(ack) : this.#reinvites.acked(ack);
    this.#core.guard('onAcked', () => {
      this.#options.listener().onAcked?.({ sdp, initial });
    });
    // Section 15: the callee's BYE waits for the ACK of its 2xx.
    if (this.#byeWaiting !== undefined && !this.#ended) this.#sendBye(this.#byeWaiting.reason);
  }

  handleRequest(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (!this.#call.dialog.acceptSequence(request)) {
      transaction.respond(OUT_OF_ORDER);
      return;
    }
    if (this.#ended) {
      this.#handleLate(transaction);
      return;
    }
    const refused = unsupported(this.#core, request);
    if (refused === undefined) this.#handle(transaction);
    else transaction.respond(refused);
  }

  bye(reason: SipReason | undefined): void {
    if (this.#ended || this.#byeWaiting !== undefined) return;
    // Section 15: the callee's BYE waits for the ACK of its 2xx.
    if (this.#answer !== undefined && !this.#answered) this.#byeWaiting = { reason };
    else this.#sendBye(reason);
  }

  reinvite(sdp: string): Promise<ReinviteResult> {
    const refuse = (status: number, reason: string): Promise<ReinviteResult> =>
      Promise.resolve({ ok: false, status, reason });
    if (this.#ended) return refuse(481, 'The Call Is Over');
    // Section 14.1: not while another INVITE, or another offer, is open in either direction.
    const { offerAnswer } = this.#call;
    const busy = this.#outgoing !== undefined || this.#reinvites.pending || this.#answer !== undefined;
    if (busy || this.#acceptance !== undefined || offerAnswer === 'offered' || offerAnswer === 'asked')
      return refuse(491, 'Request Pending');
    const outgoing = new OutgoingReinvite(this.#call, {
      sdp,
      done: () => {
        if (this.#outgoing === outgoing) this.#outgoing = undefined;
      },
      dialogGone: (status) => {
        this.#leave({ by: 'network', cause: 'dialog-gone', sipStatus: status }, undefined);
      },
    });
    this.#outgoing = outgoing;
    outgoing.start();
    return outgoing.result;
  }

  update(sdp: string | undefined): Promise<ReinviteResult> {
    return this.#updates.send(sdp);
  }

  info(contentType: string, body: string): Promise<number> {
    return this.#ended ? Promise.resolve(481) : this.#infos.send(contentType, body);
  }

  refer(target: string | CallControl, options: ReferOptions): Promise<ReferResult> {
    if (this.#ended) return Promise.resolve({ kind: 'refused', status: 481, reason: 'The Call Is Over' });
    if (typeof target === 'string') return this.#transfers.refer(target, options);
    const id = target.dialogId;
    const uri = target.remoteTarget;
    if (
      id === undefined ||
      uri === undefined ||
      !this.#core.dialogs.has(dialogKey(id.callId, id.localTag, id.remoteTag))
    )
      return Promise.resolve({ kind: 'refused', status: 481, reason: 'The Other Call Is Over' });
    return this.#transfers.refer(uri, options, id);
  }

  /** The user agent closes: BYE at once, whatever is open. */
  shutDown(): void {
    this.#leave({ by: 'local', cause: 'closed' }, SHUTTING_DOWN);
    this.#transfers.close();
  }

  #handle(transaction: ServerTransaction): void {
    switch (transaction.request.method) {
      case 'BYE':
        this.#handleBye(transaction);
        return;
      case 'INVITE':
        this.#reinvites.handle(transaction);
        return;
      case 'UPDATE':
        this.#updates.handle(transaction);
        return;
      case 'INFO':
        this.#infos.handle(transaction);
        return;
      case 'REFER':
        this.#transfers.handleRefer(transaction);
        return;
      case 'NOTIFY':
        this.#transfers.handleNotify(transaction);
        return;
      case 'OPTIONS':
        transaction.respond(optionsReply(this.#core, transaction.source));
        return;
      case 'PRACK':
        // For a response of ours that the answer has overtaken.
        if (this.#options.prack === undefined) transaction.respond({ status: 481 });
        else this.#options.prack(transaction);
        return;
      default:
        transaction.respond(refusedMethod(this.#core, transaction.request.method));
    }
  }

  /** After the end: our BYE crossed the peer's, or a transfer that the peer runs for us is reported still. */
  #handleLate(transaction: ServerTransaction): void {
    const { method } = transaction.request;
    if (method === 'BYE') transaction.respond({ status: 200 });
    else if (method === 'NOTIFY' && this.#transfers.active) this.#transfers.handleNotify(transaction);
    else transaction.respond({ status: 481 });
  }

  #handleBye(transaction: ServerTransaction): void {
    transaction.respond({ status: 200 });
    const reason = reasonOf(transaction.request);
    this.#end({ by: 'remote', cause: 'bye', ...(reason === undefined ? {} : { reason }) });
    this.#left = true;
    this.#forget();
  }

  /** The answer in the ACK of our first 2xx, when that held our offer. */
  #firstAnswer(ack: SipRequest): string | undefined {
    if (this.#call.offerAnswer !== 'offered') return undefined;
    this.#call.note(ack.sdp === undefined ? 'drop' : 'receive-answer');
    return ack.sdp;
  }

  /** RFC 4028 section 7.4: by UPDATE where the peer takes it, else by a re-INVITE with what is in force. */
  #refresh(): void {
    const settle = ({ ok }: ReinviteResult): void => {
      if (!ok) this.#call.timer.failed();
    };
    if (this.#call.peer.allows('UPDATE')) void this.#updates.send(undefined).then(settle);
    else void this.#refreshByReinvite().then(settle);
  }

  async #refreshByReinvite(): Promise<ReinviteResult> {
    const listener = this.#options.listener();
    let dropped = false;
    try {
      const reply = await listener.onReinvite?.(undefined);
      if (reply === undefined || !('sdp' in reply)) return { ok: false, status: 488, reason: 'Nothing To Offer' };
      dropped = true;
      const result = await this.reinvite(reply.sdp);
      dropped = !result.ok || result.sdp === undefined;
      if (result.ok && result.sdp !== undefined) listener.onAcked?.({ sdp: result.sdp, initial: false });
      return result;
    } catch (error) {
      this.#core.log.error({ err: error }, 'a SIP call listener failed in a session refresh');
      return { ok: false, status: 500, reason: 'Listener Failed' };
    } finally {
      if (dropped) this.#core.guard('onOfferDropped', () => listener.onOfferDropped?.());
    }
  }

  #sendBye(reason: SipReason | undefined): void {
    this.#leave({ by: 'local', cause: 'bye', ...(reason === undefined ? {} : { reason }) }, reason);
  }

  #leave(end: CallEnd, reason: SipReason | undefined): void {
    if (this.#ended) return;
    // The peer's 2xx is acknowledged first, whatever the answer to its offer would have been.
    this.acknowledge();
    this.#end(end);
    const leave = (): void => {
      sendBye(this.#core, this.#call.dialog, { reason, digest: this.#call.digest }, () => {
        this.#left = true;
        this.#forget();
      });
    };
    if (this.#acknowledgement === undefined) leave();
    else this.#acknowledgement.whenSent(leave);
  }

  /** Takes the dialog off the table once nothing is to come in it. */
  #forget(): void {
    if (!this.#left || this.#transfers.active) return;
    const { key } = this.#call.dialog;
    if (this.#core.dialogs.get(key) === this) this.#core.dialogs.delete(key);
  }

  #end(end: CallEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#answer?.abandon();
    this.#answer = undefined;
    this.#reinvites.close();
    this.#updates.close();
    this.#outgoing?.abandon();
    this.#call.timer.close();
    this.#options.closed();
    this.#core.guard('onEnded', () => this.#options.listener().onEnded?.(end));
  }
}
