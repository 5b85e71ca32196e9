import type { Dialog } from '../dialog/index.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import type { ResponseParts, ServerTransaction } from '../transaction/index.ts';
import type { CallEnd, CallListener, ReinviteFailure, ReinviteReply, SipReason } from './api.ts';
import { ALLOW, SDP_TYPE } from './core.ts';
import type { Core, DialogUsage } from './core.ts';
import type { DigestClient } from './digest.ts';
import { PendingAnswer, acknowledge, sendInDialog } from './exchange.ts';
import { reasonHeader, reasonOf } from './facts.ts';
import { OutgoingReinvite } from './reinvite.ts';
import { optionsReply, unsupported } from './replies.ts';

export interface SessionOptions {
  readonly dialog: Dialog;
  /** Read at each event: the application may set its listener late. */
  readonly listener: () => CallListener;
  readonly digest?: DigestClient | undefined;
  /** True for the side that sent the first INVITE: it owns the Call-ID (RFC 3261 section 14.1). */
  readonly caller: boolean;
  /** The call left the list of live ones. */
  readonly closed: () => void;
}

/** An answered call: a confirmed dialog and what may happen in it. Lives until BYE, either side's. */
export class Session implements DialogUsage {
  readonly #core: Core;
  readonly #options: SessionOptions;
  readonly #dialog: Dialog;
  /** Our 2xx that waits for its ACK. */
  #answer: PendingAnswer | undefined;
  /** The first INVITE is acknowledged. */
  #answered: boolean;
  /** The peer's re-INVITE that the application has not answered yet. */
  #incoming: ServerTransaction | undefined;
  #outgoing: OutgoingReinvite | undefined;
  #repeatAck: (() => void) | undefined;
  #byeWaiting: { reason: SipReason | undefined } | undefined;
  #ended = false;

  constructor(core: Core, options: SessionOptions) {
    this.#core = core;
    this.#options = options;
    this.#dialog = options.dialog;
    this.#answered = options.caller;
    core.dialogs.set(options.dialog.key, this);
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

  /** Acknowledges the 2xx to an INVITE of ours. */
  acknowledge(response: SipResponse, sdp?: string): void {
    this.#repeatAck = acknowledge(this.#core, this.#dialog, response, sdp);
  }

  /** The 2xx came again: so does the ACK. */
  repeatAck(): void {
    this.#repeatAck?.();
  }

  handleAck(ack: SipRequest): void {
    if (this.#answer === undefined || ack.cseq?.number !== this.#answer.sequence) return;
    const initial = !this.#answered;
    this.#answered = true;
    this.#answer.ack();
    this.#core.guard('onAcked', () => {
      this.#options.listener().onAcked?.({ sdp: ack.sdp, initial });
    });
    // Section 15: the callee's BYE waits for the ACK of its 2xx.
    if (this.#byeWaiting !== undefined && !this.#ended) this.#sendBye(this.#byeWaiting.reason);
  }

  handleRequest(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (this.#ended) {
      // Our BYE crossed the peer's: answer it, refuse the rest.
      transaction.respond({ status: request.method === 'BYE' ? 200 : 481 });
      return;
    }
    // Section 12.2.2.
    if (!this.#dialog.acceptSequence(request)) {
      transaction.respond({ status: 500, reason: 'CSeq Out Of Order', headers: [['Retry-After', '0']] });
      return;
    }
    const refused = unsupported(request);
    if (refused !== undefined) {
      transaction.respond(refused);
      return;
    }
    switch (request.method) {
      case 'BYE':
        this.#handleBye(transaction);
        return;
      case 'INVITE':
        this.#handleReinvite(transaction);
        return;
      case 'INFO':
        this.#handleInfo(transaction);
        return;
      case 'OPTIONS':
        transaction.respond(optionsReply(this.#core));
        return;
      default:
        transaction.respond({ status: 405, headers: [['Allow', ALLOW]] });
    }
  }

  bye(reason: SipReason | undefined): void {
    if (this.#ended || this.#byeWaiting !== undefined) return;
    // Section 15: the callee's BYE waits for the ACK of its 2xx.
    if (this.#answer !== undefined && !this.#answered) this.#byeWaiting = { reason };
    else this.#sendBye(reason);
  }

  reinvite(sdp: string): Promise<{ ok: true; sdp: string | undefined } | ReinviteFailure> {
    const refuse = (status: number, reason: string): Promise<ReinviteFailure> =>
      Promise.resolve({ ok: false, status, reason });
    if (this.#ended) return refuse(481, 'The Call Is Over');
    // Section 14.1: not while another INVITE is open in either direction.
    if (this.#outgoing !== undefined || this.#incoming !== undefined || this.#answer !== undefined)
      return refuse(491, 'Request Pending');
    const outgoing = new OutgoingReinvite(this.#core, {
      dialog: this.#dialog,
      sdp,
      digest: this.#options.digest,
      caller: this.#options.caller,
      done: () => {
        if (this.#outgoing === outgoing) this.#outgoing = undefined;
      },
      dialogGone: (status) => {
        this.#gone(status);
      },
    });
    this.#outgoing = outgoing;
    outgoing.start();
    return outgoing.result;
  }

  info(contentType: string, body: string): Promise<number> {
    if (this.#ended) return Promise.resolve(481);
    return new Promise((resolve) => {
      const outgoing = {
        method: 'INFO',
        headers: [['Content-Type', contentType] as const],
        body: Buffer.from(body),
        digest: this.#options.digest,
      };
      try {
        sendInDialog(this.#core, this.#dialog, outgoing, ({ status }) => {
          resolve(status);
          // Section 12.2.1.2.
          if (status === 481 || status === 408) this.#gone(status);
        });
      } catch (error) {
        this.#core.log.warn({ err: error }, 'cannot write an INFO request');
        resolve(400);
      }
    });
  }

  /** The user agent closes: BYE at once, whatever is open. */
  shutDown(): void {
    this.#leave({ by: 'local', cause: 'closed' }, undefined);
  }

  #handleBye(transaction: ServerTransaction): void {
    transaction.respond({ status: 200 });
    const reason = reasonOf(transaction.request);
    this.#core.dialogs.delete(this.#dialog.key);
    this.#end({ by: 'remote', cause: 'bye', ...(reason === undefined ? {} : { reason }) });
  }

  #handleReinvite(transaction: ServerTransaction): void {
    // Section 14.2: a second INVITE before the first has its final response.
    if (this.#incoming !== undefined) {
      const seconds = String(this.#core.random.int(11));
      transaction.respond({ status: 500, headers: [['Retry-After', seconds]] });
      return;
    }
    if (this.#outgoing?.pending === true || this.#answer !== undefined) {
      transaction.respond({ status: 491 });
      return;
    }
    this.#incoming = transaction;
    transaction.user = {
      onCancel: () => {
        this.#finishReinvite(transaction, { status: 487 });
      },
    };
    this.#askReinvite(transaction.request.sdp)
      .then((reply) => {
        this.#finishReinvite(transaction, reply);
      })
      .catch((error: unknown) => {
        this.#core.log.error({ err: error }, 'a SIP call listener failed in onReinvite');
        this.#finishReinvite(transaction, { status: 500 });
      });
  }

  async #askReinvite(offer: string | undefined): Promise<ReinviteReply> {
    const listener = this.#options.listener();
    return (await listener.onReinvite?.(offer)) ?? { status: 488 };
  }

  #finishReinvite(transaction: ServerTransaction, reply: ReinviteReply): void {
    if (this.#incoming !== transaction) return;
    this.#incoming = undefined;
    if (this.#ended) return;
    if ('sdp' in reply) {
      this.#dialog.refreshTarget(transaction.request.contact);
      const headers = [...this.#core.selfHeaders(), ['Content-Type', SDP_TYPE] as const];
      this.accept(transaction, { status: 200, headers, body: Buffer.from(reply.sdp) });
    } else {
      const warning = reply.warning === undefined ? [] : [['Warning', reply.warning] as const];
      respondSafely(this.#core, transaction, { ...reply, headers: warning });
    }
  }

  #handleInfo(transaction: ServerTransaction): void {
    const listener = this.#options.listener();
    if (listener.onInfo === undefined) {
      transaction.respond({ status: 415 });
      return;
    }
    transaction.respond({ status: 200 });
    const { contentType, body } = transaction.request;
    this.#core.guard('onInfo', () => listener.onInfo?.({ contentType, body }));
  }

  #sendBye(reason: SipReason | undefined): void {
    this.#leave({ by: 'local', cause: 'bye', ...(reason === undefined ? {} : { reason }) }, reason);
  }

  /** The peer says it knows no such dialog, or is silent: it ends (section 12.2.1.2), with a BYE in case it lives. */
  #gone(status: number): void {
    this.#leave({ by: 'network', cause: 'dialog-gone', sipStatus: status }, undefined);
  }

  #leave(end: CallEnd, reason: SipReason | undefined): void {
    if (this.#ended) return;
    const outgoing = { method: 'BYE', headers: reasonHeader(reason), digest: this.#options.digest };
    this.#end(end);
    sendInDialog(this.#core, this.#dialog, outgoing, () => {
      this.#core.dialogs.delete(this.#dialog.key);
    });
  }

  #end(end: CallEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#answer?.abandon();
    this.#answer = undefined;
    // Section 15.1.2: pending requests of the dialog are answered with 487.
    this.#incoming?.respond({ status: 487 });
    this.#incoming = undefined;
    this.#outgoing?.abandon();
    this.#options.closed();
    this.#core.guard('onEnded', () => this.#options.listener().onEnded?.(end));
  }
}

/** Answers with what the application chose; 500 when that cannot be written. */
export function respondSafely(core: Core, transaction: ServerTransaction, parts: ResponseParts): void {
  try {
    transaction.respond(parts);
  } catch (error) {
    core.log.warn({ err: error, status: parts.status }, 'a SIP response could not be written; answered 500');
    transaction.respond({ status: 500, toTag: parts.toTag });
  }
}
