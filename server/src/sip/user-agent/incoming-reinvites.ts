import type { SipRequest } from '../message/index.ts';
import type { ResponseParts, ServerTransaction } from '../transaction/index.ts';
import type { ReinviteReply } from './api.ts';
import type { CallDialog } from './call-dialog.ts';
import type { CallHooks } from './call-hooks.ts';
import { SDP_TYPE } from './core.ts';
import { respondSafely } from './replies.ts';

export interface IncomingReinvitesOptions extends CallHooks {
  /** A change of ours is out, or a 2xx of ours waits for its ACK: glare. */
  readonly busy: () => boolean;
  /** Sends a 2xx and repeats it until the ACK. */
  readonly accept: (transaction: ServerTransaction, parts: ResponseParts) => void;
}

/** The peer's re-INVITEs in an answered call, one at a time (RFC 3261 section 14.2). */
export class IncomingReinvites {
  readonly #call: CallDialog;
  readonly #options: IncomingReinvitesOptions;
  /** The one that the application has not answered yet. */
  #open: ServerTransaction | undefined;
  /** Our 2xx holds an offer, which the ACK is to answer. */
  #offered = false;

  constructor(call: CallDialog, options: IncomingReinvitesOptions) {
    this.#call = call;
    this.#options = options;
  }

  get pending(): boolean {
    return this.#open !== undefined;
  }

  handle(transaction: ServerTransaction): void {
    const { core, timer } = this.#call;
    // Section 14.2: a second INVITE before the first has its final response.
    if (this.#open !== undefined) {
      transaction.respond({ status: 500, headers: [['Retry-After', String(core.random.int(11))]] });
      return;
    }
    const { request } = transaction;
    const offer = request.sdp;
    const refused = this.#options.busy() ? { status: 491 } : timer.refusal(request);
    const status = refused === undefined && offer !== undefined ? this.#call.note('receive-offer') : undefined;
    if (refused !== undefined || status !== undefined) {
      transaction.respond(refused ?? { status: status === 500 ? 500 : 491, headers: [['Retry-After', '1']] });
      return;
    }
    this.#open = transaction;
    transaction.user = {
      onCancel: () => {
        this.#finish(transaction, { status: 487 });
      },
    };
    this.#ask(offer)
      .then((reply) => {
        this.#finish(transaction, reply);
      })
      .catch((error: unknown) => {
        core.log.error({ err: error }, 'a SIP call listener failed in onReinvite');
        this.#finish(transaction, { status: 500 });
      });
  }

  /** The ACK of a 2xx of ours. Returns the answer to the offer in it. */
  acked(ack: SipRequest): string | undefined {
    if (!this.#offered) return undefined;
    this.#offered = false;
    this.#call.note(ack.sdp === undefined ? 'drop' : 'receive-answer');
    return ack.sdp;
  }

  /** The call ended: section 15.1.2, pending requests of the dialog are answered with 487. */
  close(): void {
    this.#open?.respond({ status: 487 });
    this.#open = undefined;
  }

  async #ask(offer: string | undefined): Promise<ReinviteReply> {
    return (await this.#options.listener().onReinvite?.(offer)) ?? { status: 488 };
  }

  #finish(transaction: ServerTransaction, reply: ReinviteReply): void {
    const { request } = transaction;
    const offered = request.sdp === undefined;
    if (this.#open !== transaction) {
      // Cancelled meanwhile: an offer that was made for it goes nowhere.
      if (offered && 'sdp' in reply) this.#dropped();
      return;
    }
    this.#open = undefined;
    const { core, dialog, timer, peer } = this.#call;
    if ('sdp' in reply && (!offered || this.#call.note('send-offer') === undefined)) {
      dialog.refreshTarget(request.contact);
      peer.learn(request);
      this.#offered = offered;
      if (!offered) this.#call.note('send-answer');
      const headers = [
        ...core.selfHeaders(transaction.source),
        ...timer.accept(request),
        ['Content-Type', SDP_TYPE] as const,
      ];
      this.#options.accept(transaction, { status: 200, headers, body: Buffer.from(reply.sdp) });
      return;
    }
    if (!offered) this.#call.note('drop');
    if ('sdp' in reply) {
      this.#dropped();
      transaction.respond({ status: 491 });
      return;
    }
    const warning = reply.warning === undefined ? [] : [['Warning', reply.warning] as const];
    respondSafely(core, transaction, { ...reply, headers: warning });
  }

  #dropped(): void {
    this.#call.core.guard('onOfferDropped', () => this.#options.listener().onOfferDropped?.());
  }
}
