import type { DigestClient } from '../digest/index.ts';
import { offerAnswerMachine } from '../dialog/index.ts';
import type { Dialog, OfferAnswerInput, OfferAnswerState } from '../dialog/index.ts';
import type { Core } from './core.ts';
import { sendInDialog } from './exchange.ts';
import type { InDialogRequest, Outcome } from './exchange.ts';
import { PeerFacts } from './peer-facts.ts';
import type { SessionTimer } from './session-timer.ts';

export interface CallDialogParts {
  readonly dialog: Dialog;
  readonly digest: DigestClient | undefined;
  readonly timer: SessionTimer;
  /** True for the side that sent the first INVITE: it owns the Call-ID (RFC 3261 section 14.1). */
  readonly caller: boolean;
  /** Where offer and answer stand at the start. */
  readonly offerAnswer: OfferAnswerState;
}

/** One dialog of a call from its first provisional response to its end: what all requests in it share. */
export class CallDialog {
  readonly core: Core;
  readonly dialog: Dialog;
  readonly digest: DigestClient | undefined;
  readonly timer: SessionTimer;
  readonly caller: boolean;
  readonly peer = new PeerFacts();
  #offerAnswer: OfferAnswerState;

  constructor(core: Core, parts: CallDialogParts) {
    this.core = core;
    this.dialog = parts.dialog;
    this.digest = parts.digest;
    this.timer = parts.timer;
    this.caller = parts.caller;
    this.#offerAnswer = parts.offerAnswer;
  }

  get offerAnswer(): OfferAnswerState['name'] {
    return this.#offerAnswer.name;
  }

  /** Notes an offer or answer. The result says why it must not be: a status for offers, `unexpected` for answers. */
  note(kind: OfferAnswerInput['kind']): 491 | 500 | 'unexpected' | undefined {
    const { state, effects } = offerAnswerMachine(this.#offerAnswer, { kind });
    this.#offerAnswer = state;
    const [effect] = effects;
    if (effect === undefined) return undefined;
    return effect.kind === 'refused' ? effect.status : 'unexpected';
  }

  /** Sends a request in the dialog, with the call's credentials where the peer asks for them. */
  send(outgoing: Omit<InDialogRequest, 'digest'>, done: (outcome: Outcome) => void): void {
    sendInDialog(this.core, this.dialog, { ...outgoing, digest: this.digest }, done);
  }
}
