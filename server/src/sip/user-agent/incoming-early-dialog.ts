import type { ReplacedState } from '../dialog/index.ts';
import type { ResponseParts, ServerTransaction } from '../transaction/index.ts';
import type { CallControl, IncomingCallListener, SipReason } from './api.ts';
import type { CallDialog } from './call-dialog.ts';
import { SDP_TYPE } from './core.ts';
import type { DialogUsage } from './core.ts';
import { reasonOf } from './facts.ts';
import { Infos } from './infos.ts';
import { ReliableResponses } from './reliable-responses.ts';
import type { Acknowledged } from './reliable-responses.ts';
import { optionsReply, refusedMethod, respondSafely, refusedInDialog } from './replies.ts';
import type { Updates } from './updates.ts';

export interface IncomingEarlyDialogOptions {
  readonly control: CallControl;
  readonly listener: () => IncomingCallListener;
  readonly updates: Updates;
  /** CANCEL, or BYE before the answer. */
  readonly cancelled: (reason: SipReason | undefined) => void;
  /** A reliable response was acknowledged, and its PRACK answered. */
  readonly acknowledged: () => void;
  /** A reliable response never was. */
  readonly givenUp: () => void;
}

/** The early dialog of an INVITE that reached us: the peer's requests in it, and our reliable responses. */
export class IncomingEarlyDialog implements DialogUsage {
  readonly #call: CallDialog;
  readonly #options: IncomingEarlyDialogOptions;
  readonly #transaction: ServerTransaction;
  readonly #infos: Infos;
  #reliable: ReliableResponses | undefined;

  constructor(call: CallDialog, transaction: ServerTransaction, options: IncomingEarlyDialogOptions) {
    this.#call = call;
    this.#options = options;
    this.#transaction = transaction;
    this.#infos = new Infos(call, { listener: options.listener, gone: () => undefined });
    transaction.user = {
      onCancel: (cancel) => {
        options.cancelled(reasonOf(cancel));
      },
    };
    call.core.dialogs.set(call.dialog.key, this);
  }

  /** The 2xx has to wait for a PRACK. */
  get holdsBack(): boolean {
    return this.#reliable?.holdsBack === true;
  }

  /** Sends a provisional response reliably. */
  send(parts: ResponseParts): void {
    this.#reliable ??= new ReliableResponses(this.#call.core, this.#transaction, this.#options.givenUp);
    this.#reliable.send(parts);
  }

  /** The INVITE gets its final response. */
  close(): void {
    this.#reliable?.stop();
    const { core, dialog } = this.#call;
    if (core.dialogs.get(dialog.key) === this) core.dialogs.delete(dialog.key);
  }

  /** A PRACK that the answer has overtaken: it is taken all the same (RFC 3262 section 3). */
  handleLatePrack(transaction: ServerTransaction): void {
    const taken = this.#reliable?.take(transaction.request) ?? 481;
    transaction.respond({ status: typeof taken === 'number' ? taken : 200 });
  }

  replaceable(): { readonly state: ReplacedState; readonly call: CallControl } {
    return { state: 'early-incoming', call: this.#options.control };
  }

  /** An ACK before there is an answer belongs to nothing. */
  handleAck(): void {
    return undefined;
  }

  handleRequest(transaction: ServerTransaction): void {
    const { request } = transaction;
    const { core, dialog } = this.#call;
    const refused = refusedInDialog(core, dialog, request);
    if (refused !== undefined) {
      transaction.respond(refused);
      return;
    }
    switch (request.method) {
      case 'PRACK':
        this.#prack(transaction);
        return;
      case 'UPDATE':
        this.#options.updates.handle(transaction);
        return;
      case 'INFO':
        this.#infos.handle(transaction);
        return;
      case 'OPTIONS':
        transaction.respond(optionsReply(core, transaction.source));
        return;
      case 'BYE':
        // Section 15: a caller may end an early dialog by BYE.
        transaction.respond({ status: 200 });
        this.#options.cancelled(reasonOf(request));
        return;
      case 'INVITE':
        // Section 14.2: the first INVITE is still open.
        transaction.respond({ status: 500, headers: [['Retry-After', '5']] });
        return;
      case 'NOTIFY':
        transaction.respond({ status: 481 });
        return;
      case 'REFER':
        transaction.respond({ status: 603 });
        return;
      default:
        transaction.respond(refusedMethod(core, request.method));
    }
  }

  #prack(transaction: ServerTransaction): void {
    const { request } = transaction;
    const taken = this.#reliable?.take(request) ?? 481;
    if (typeof taken === 'number') {
      transaction.respond({ status: taken });
      return;
    }
    // The answer to our offer comes with the PRACK of the response that held it, and no other.
    if (taken === 'described' && this.#call.offerAnswer === 'offered') {
      this.#call.note(request.sdp === undefined ? 'drop' : 'receive-answer');
      transaction.respond({ status: 200 });
      this.#tell(taken, request.sdp);
    } else if (request.sdp === undefined) {
      transaction.respond({ status: 200 });
      this.#tell(taken, undefined);
    } else this.#answerOffer(transaction, taken, request.sdp);
  }

  /** Section 5: a PRACK may bring an offer of its own once the first one was answered. */
  #answerOffer(transaction: ServerTransaction, taken: Acknowledged, offer: string): void {
    const status = this.#call.note('receive-offer');
    if (status !== undefined) {
      transaction.respond({ status: status === 500 ? 500 : 491, headers: [['Retry-After', '1']] });
      this.#tell(taken, undefined);
      return;
    }
    const { core } = this.#call;
    void this.#options.updates
      .answerOffer(offer)
      .catch((error: unknown) => {
        core.log.error({ err: error }, 'a SIP call listener failed in onUpdate');
        return { status: 500 };
      })
      .then((reply) => {
        if ('sdp' in reply) {
          this.#call.note('send-answer');
          const headers = [['Content-Type', SDP_TYPE] as const];
          respondSafely(core, transaction, { status: 200, headers, body: Buffer.from(reply.sdp) });
        } else {
          this.#call.note('drop');
          respondSafely(core, transaction, reply);
        }
        this.#tell(taken, undefined);
      });
  }

  #tell(taken: Acknowledged, sdp: string | undefined): void {
    if (taken === 'described')
      this.#call.core.guard('onProgressed', () => this.#options.listener().onProgressed?.({ sdp }));
    this.#options.acknowledged();
  }
}
