import type { Timer } from '../../kernel/index.ts';
import { reasonPhrase } from '../message/index.ts';
import type { SipResponse } from '../message/index.ts';
import type { ClientTransaction } from '../transaction/index.ts';
import type { ReinviteResult } from './api.ts';
import type { CallDialog } from './call-dialog.ts';
import { SDP_TYPE } from './core.ts';
import { Acknowledgement, UNHEARD } from './exchange.ts';
import type { Outcome } from './exchange.ts';
import { reasonHeader } from './facts.ts';
import { MAX_ATTEMPTS, glareDelay } from './glare.ts';
import { CHANGE_GIVEN_UP } from './default-reasons.ts';

export interface ReinviteOptions {
  readonly sdp: string;
  /** Over, whatever the result. */
  readonly done: () => void;
  /** 481, 408 or silence. */
  readonly dialogGone: (status: number) => void;
}

/** A re-INVITE that rings somewhere for longer is cancelled. */
const LIMIT_MS = 60_000;

/** One change offered by us, over as many re-INVITEs as glare takes (RFC 3261 section 14.1). */
export class OutgoingReinvite {
  readonly result: Promise<ReinviteResult>;
  readonly #call: CallDialog;
  readonly #options: ReinviteOptions;
  readonly #resolve: (result: ReinviteResult) => void;
  #attempts = 0;
  #pending = false;
  #over = false;
  #proceeding = false;
  #cancelled = false;
  #cancelSent = false;
  /** Between two attempts, then the limit of one. */
  #timer: Timer | undefined;
  #transaction: ClientTransaction | undefined;
  #acknowledgement: Acknowledgement | undefined;

  constructor(call: CallDialog, options: ReinviteOptions) {
    this.#call = call;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<ReinviteResult>();
    this.result = promise;
    this.#resolve = resolve;
  }

  /** A re-INVITE is out and not answered: one of the peer would be glare. */
  get pending(): boolean {
    return this.#pending;
  }

  start(): void {
    const call = this.#call;
    // Between two attempts the peer may have made an offer of its own: as good as glare.
    if (call.note('send-offer') !== undefined) {
      this.#again(491, undefined);
      return;
    }
    this.#pending = true;
    this.#proceeding = false;
    this.#attempts++;
    this.#acknowledgement = undefined;
    this.#timer = call.core.clock.setTimer(LIMIT_MS, () => {
      this.#giveUp();
    });
    const outgoing = {
      method: 'INVITE',
      headers: [...call.core.selfHeaders(), ...call.timer.requestHeaders(), ['Content-Type', SDP_TYPE] as const],
      body: Buffer.from(this.#options.sdp),
      started: (transaction: ClientTransaction) => {
        this.#transaction = transaction;
      },
      onProvisional: () => {
        this.#proceeding = true;
        if (this.#cancelled) this.#cancel();
      },
    };
    call.send(outgoing, (outcome) => {
      this.#finished(outcome);
    });
  }

  /** The call ends: what is open is cancelled. */
  abandon(): void {
    this.#timer?.cancel();
    if (this.#pending) {
      this.#cancel();
      const { core } = this.#call;
      this.#timer = core.clock.setTimer(64 * core.layer.timers.t1, () => {
        this.#transaction?.close();
      });
    }
    this.#finish({ ok: false, status: 481, reason: 'The Call Is Over' });
  }

  #finished(outcome: Outcome): void {
    const { status, response } = outcome;
    if (response !== undefined && status < 300) this.#accepted(outcome, response);
    else if (this.#pending) {
      this.#pending = false;
      this.#timer?.cancel();
      // Section 14.1: what was in force before still is.
      this.#call.note('drop');
      this.#refused(status, response);
    }
  }

  #accepted(outcome: Outcome, response: SipResponse): void {
    if (this.#acknowledgement !== undefined) {
      this.#acknowledgement.repeat();
      return;
    }
    this.#pending = false;
    this.#timer?.cancel();
    const { dialog, timer, core, peer } = this.#call;
    peer.learn(response);
    dialog.refreshTarget(response.contact);
    this.#call.note(response.sdp === undefined ? 'drop' : 'receive-answer');
    // Acknowledged even when the call ended meanwhile: the peer would repeat its 2xx otherwise.
    this.#acknowledgement = new Acknowledgement(core, dialog, { request: outcome.request, response });
    timer.accepted(response);
    this.#finish({ ok: true, sdp: response.sdp });
  }

  #refused(status: number, response: SipResponse | undefined): void {
    if (this.#over) return;
    if (status === 422 && response !== undefined && this.#attempts < MAX_ATTEMPTS && this.#call.timer.raise(response)) {
      this.start();
      return;
    }
    if (status === 491 && !this.#cancelled) {
      this.#again(status, response);
      return;
    }
    this.#fail(status, response);
  }

  #again(status: number, response: SipResponse | undefined): void {
    if (this.#attempts >= MAX_ATTEMPTS) {
      this.#fail(status, response);
      return;
    }
    const { core, caller } = this.#call;
    this.#timer = core.clock.setTimer(glareDelay(core, caller), () => {
      this.start();
    });
  }

  #fail(status: number, response: SipResponse | undefined): void {
    this.#finish({ ok: false, status, reason: response?.reason ?? reasonPhrase(status) });
    if (status === 481 || status === 408) this.#options.dialogGone(status);
  }

  /** The peer neither takes nor refuses: CANCEL, and 64*T1 later it counts as silence. */
  #giveUp(): void {
    this.#cancel();
    const { core } = this.#call;
    this.#timer = core.clock.setTimer(64 * core.layer.timers.t1, () => {
      this.#transaction?.close();
      this.#pending = false;
      this.#call.note('drop');
      this.#fail(408, undefined);
    });
  }

  #cancel(): void {
    this.#cancelled = true;
    // Section 9.1: not before a provisional response.
    if (!this.#proceeding || this.#cancelSent || this.#transaction === undefined) return;
    this.#cancelSent = true;
    const headers = reasonHeader(CHANGE_GIVEN_UP);
    this.#call.core.layer.cancel(this.#transaction, headers, UNHEARD);
  }

  #finish(result: ReinviteResult): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.done();
    this.#resolve(result);
  }
}
