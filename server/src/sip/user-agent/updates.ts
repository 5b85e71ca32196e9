import type { Timer } from '../../kernel/index.ts';
import { reasonPhrase } from '../message/index.ts';
import type { SipResponse } from '../message/index.ts';
import type { HeaderPair } from '../message/index.ts';
import type { ServerTransaction } from '../transaction/index.ts';
import type { ReinviteReply, ReinviteResult } from './api.ts';
import type { CallDialog } from './call-dialog.ts';
import type { CallHooks } from './call-hooks.ts';
import { SDP_TYPE } from './core.ts';
import { MAX_ATTEMPTS, glareDelay } from './glare.ts';
import { respondSafely } from './replies.ts';

/** Section 5.2: an UPDATE is answered at once or with 504; before the peer's timer F runs out. */
const ANSWER_LIMIT_MS = 10_000;

/** UPDATE in both directions, before and after the answer (RFC 3311). One of each direction at a time. */
export class Updates {
  readonly #call: CallDialog;
  #hooks: CallHooks;
  /** The fork, while there may be others. */
  #earlyDialog: string | undefined;
  #confirmed = false;
  #incoming: ServerTransaction | undefined;
  #outgoing: { readonly resolve: (result: ReinviteResult) => void; attempts: number } | undefined;
  #retry: Timer | undefined;
  #deadline: Timer | undefined;
  #closed = false;

  constructor(call: CallDialog, hooks: CallHooks, earlyDialog?: string) {
    this.#call = call;
    this.#hooks = hooks;
    this.#earlyDialog = earlyDialog;
  }

  /** The call was answered: UPDATEs refresh the session from now on (RFC 4028). */
  confirm(hooks: CallHooks): void {
    this.#hooks = hooks;
    this.#confirmed = true;
    this.#earlyDialog = undefined;
  }

  get pending(): boolean {
    return this.#outgoing !== undefined;
  }

  handle(transaction: ServerTransaction): void {
    const { request } = transaction;
    const { core, timer } = this.#call;
    const later: HeaderPair = ['Retry-After', String(core.random.int(11))];
    // Section 5.2: before the one before it was answered.
    if (this.#incoming !== undefined) {
      transaction.respond({ status: 500, headers: [later] });
      return;
    }
    const small = this.#confirmed ? timer.refusal(request) : undefined;
    if (small !== undefined) {
      transaction.respond(small);
      return;
    }
    const offer = request.sdp;
    if (offer === undefined) {
      this.#accept(transaction, undefined);
      return;
    }
    const status = this.#call.note('receive-offer');
    if (status !== undefined) {
      transaction.respond(status === 500 ? { status, headers: [later] } : { status: 491 });
      return;
    }
    this.#incoming = transaction;
    this.#deadline = core.clock.setTimer(ANSWER_LIMIT_MS, () => {
      this.#finish(transaction, { status: 504 });
    });
    this.answerOffer(offer)
      .then((reply) => {
        this.#finish(transaction, reply);
      })
      .catch((error: unknown) => {
        core.log.error({ err: error }, 'a SIP call listener failed in onUpdate');
        this.#finish(transaction, { status: 500 });
      });
  }

  /** Asks the application about an offer; that it is open was noted already. */
  async answerOffer(offer: string): Promise<ReinviteReply> {
    const listener = this.#hooks.listener();
    const from = { earlyDialog: this.#earlyDialog };
    const asked = listener.onUpdate === undefined ? listener.onReinvite?.(offer) : listener.onUpdate(offer, from);
    return (await asked) ?? { status: 488 };
  }

  /** Offers `sdp`, or refreshes target and session without. Never rejects. */
  send(sdp: string | undefined): Promise<ReinviteResult> {
    if (this.#closed) return Promise.resolve(refusal(481, 'The Call Is Over'));
    if (!this.#call.peer.allows('UPDATE')) return Promise.resolve(refusal(405, 'The Peer Does Not Allow UPDATE'));
    if (this.#outgoing !== undefined || (sdp !== undefined && !this.#mayOffer()))
      return Promise.resolve(refusal(491, 'Request Pending'));
    return new Promise((resolve) => {
      this.#outgoing = { resolve, attempts: 0 };
      this.#attempt(sdp);
    });
  }

  /** The dialog is over. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#retry?.cancel();
    this.#deadline?.cancel();
    this.#incoming?.respond({ status: 487 });
    this.#incoming = undefined;
    this.#settle(refusal(481, 'The Call Is Over'));
  }

  #mayOffer(): boolean {
    const { offerAnswer } = this.#call;
    // Section 5.1: before the answer not until the first offer was answered reliably.
    return offerAnswer === 'agreed' || (offerAnswer === 'idle' && this.#confirmed);
  }

  #attempt(sdp: string | undefined): void {
    const outgoing = this.#outgoing;
    if (outgoing === undefined) return;
    const { core, timer } = this.#call;
    outgoing.attempts++;
    if (sdp !== undefined && this.#call.note('send-offer') !== undefined) {
      this.#later(sdp, undefined);
      return;
    }
    const headers: HeaderPair[] = [
      ...core.selfHeaders(),
      ...(this.#confirmed ? timer.requestHeaders() : []),
      ...(sdp === undefined ? [] : [['Content-Type', SDP_TYPE] as const]),
    ];
    const body = sdp === undefined ? {} : { body: Buffer.from(sdp) };
    this.#call.send({ method: 'UPDATE', headers, ...body }, ({ status, response }) => {
      if (response !== undefined && status < 300) this.#accepted(sdp, response);
      else {
        if (sdp !== undefined) this.#call.note('drop');
        this.#refused(sdp, status, response);
      }
    });
  }

  #accepted(sdp: string | undefined, response: SipResponse): void {
    const { dialog, timer, peer } = this.#call;
    peer.learn(response);
    dialog.refreshTarget(response.contact);
    if (sdp !== undefined) this.#call.note(response.sdp === undefined ? 'drop' : 'receive-answer');
    if (this.#confirmed) timer.accepted(response);
    this.#settle({ ok: true, sdp: sdp === undefined ? undefined : response.sdp });
  }

  #refused(sdp: string | undefined, status: number, response: SipResponse | undefined): void {
    if (this.#outgoing === undefined) return;
    const raised = status === 422 && response !== undefined && this.#call.timer.raise(response);
    if (raised && this.#outgoing.attempts < MAX_ATTEMPTS) {
      this.#attempt(sdp);
      return;
    }
    if (status === 491) {
      this.#later(sdp, response);
      return;
    }
    this.#settle(refusal(status, response?.reason));
    if (status === 481 || status === 408) this.#hooks.gone(status);
  }

  /** Section 5.3: glare is waited out as with re-INVITE. */
  #later(sdp: string | undefined, response: SipResponse | undefined): void {
    const { core, caller } = this.#call;
    if (this.#outgoing === undefined || this.#outgoing.attempts >= MAX_ATTEMPTS) {
      this.#settle(refusal(491, response?.reason));
      return;
    }
    this.#retry = core.clock.setTimer(glareDelay(core, caller), () => {
      this.#attempt(sdp);
    });
  }

  #settle(result: ReinviteResult): void {
    const outgoing = this.#outgoing;
    this.#outgoing = undefined;
    outgoing?.resolve(result);
  }

  #finish(transaction: ServerTransaction, reply: ReinviteReply): void {
    if (this.#incoming !== transaction) return;
    this.#incoming = undefined;
    this.#deadline?.cancel();
    if ('sdp' in reply) {
      this.#call.note('send-answer');
      this.#accept(transaction, reply.sdp);
      return;
    }
    this.#call.note('drop');
    const warning = reply.warning === undefined ? [] : [['Warning', reply.warning] as const];
    respondSafely(this.#call.core, transaction, { ...reply, headers: warning });
  }

  #accept(transaction: ServerTransaction, sdp: string | undefined): void {
    const { core, dialog, timer, peer } = this.#call;
    const { request } = transaction;
    dialog.refreshTarget(request.contact);
    peer.learn(request);
    const headers: HeaderPair[] = [
      ...core.selfHeaders(transaction.source),
      ...(this.#confirmed ? timer.accept(request) : []),
      ...(sdp === undefined ? [] : [['Content-Type', SDP_TYPE] as const]),
    ];
    transaction.respond({ status: 200, headers, ...(sdp === undefined ? {} : { body: Buffer.from(sdp) }) });
  }
}

function refusal(status: number, reason = reasonPhrase(status)): ReinviteResult {
  return { ok: false, status, reason };
}
