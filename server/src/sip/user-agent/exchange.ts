import { MachineRunner, TimerSet } from '../../kernel/index.ts';
import { retransmit2xxMachine } from '../dialog/index.ts';
import type {
  Dialog,
  Retransmit2xxEffect,
  Retransmit2xxInput,
  Retransmit2xxState,
  Retransmit2xxTimer,
} from '../dialog/index.ts';
import type { HeaderPair, SipRequest, SipResponse } from '../message/index.ts';
import { responseTo } from '../transaction/index.ts';
import type { ClientTransaction, ClientUser, ResponseParts, ServerTransaction } from '../transaction/index.ts';
import type { Endpoint } from '../transport/index.ts';
import type { SipReason } from './api.ts';
import type { Core } from './core.ts';
import { SDP_TYPE } from './core.ts';
import { reasonHeader } from './facts.ts';
import type { DigestClient } from '../digest/index.ts';
import { NORMAL_CLEARING } from './default-reasons.ts';

/** A 2xx of ours to an INVITE that waits for its ACK (RFC 3261 section 13.3.1.4). */
export class PendingAnswer {
  /** CSeq number of the INVITE, which its ACK repeats. */
  readonly sequence: number;
  readonly #timers: TimerSet<Retransmit2xxTimer>;
  readonly #runner: MachineRunner<Retransmit2xxState, Retransmit2xxInput, Retransmit2xxEffect>;

  constructor(
    core: Core,
    answer: { readonly transaction: ServerTransaction; readonly parts: ResponseParts },
    on: { readonly acknowledged: () => void; readonly givenUp: () => void },
  ) {
    const { transaction } = answer;
    const response = responseTo(transaction.request, answer.parts);
    this.sequence = transaction.request.cseq?.number ?? 0;
    this.#timers = new TimerSet(core.clock, (name) => {
      this.#runner.dispatch({ kind: 'timer', name });
    });
    this.#runner = new MachineRunner({
      machine: retransmit2xxMachine(core.layer.timers),
      initial: { name: 'initial' },
      perform: (effect) => {
        if (this.#timers.perform(effect)) return;
        if (effect.kind === 'send') transaction.retransmit(response);
        else if (effect.kind === 'acknowledged') on.acknowledged();
        else on.givenUp();
      },
    });
    this.#runner.dispatch({ kind: 'start' });
  }

  ack(): void {
    this.#runner.dispatch({ kind: 'ack' });
  }

  abandon(): void {
    this.#runner.dispatch({ kind: 'abandon' });
    this.#timers.close();
  }
}

/** The user of a CANCEL: what matters is the answer to the INVITE. */
export const UNHEARD: ClientUser = {
  onResponse: () => undefined,
  onTimeout: () => undefined,
  onTransportError: () => undefined,
};

/** Outcome of a request of ours: the final response, or the status that stands for none (section 8.1.3.1). */
export interface Outcome {
  readonly status: number;
  readonly response: SipResponse | undefined;
  /** The request that it answers: the last one, when challenges were answered. */
  readonly request: SipRequest;
}

/** A request to be sent inside a dialog. */
export interface InDialogRequest {
  readonly method: string;
  readonly headers?: readonly HeaderPair[];
  readonly body?: Buffer;
  readonly digest?: DigestClient | undefined;
  /** Its transaction has begun; again for each answer to a challenge. */
  readonly started?: (transaction: ClientTransaction) => void;
  readonly onProvisional?: (response: SipResponse) => void;
}

/**
 * Sends a request in a dialog and answers challenges. `done` runs for each final response: once, but for repeated 2xx
 * to an INVITE.
 */
export function sendInDialog(
  core: Core,
  dialog: Dialog,
  outgoing: InDialogRequest,
  done: (outcome: Outcome) => void,
): void {
  const attempt = (authorization: readonly HeaderPair[]): void => {
    const headers = [...(outgoing.headers ?? []), ...authorization, ['User-Agent', core.name] as const];
    const request = dialog.createRequest(outgoing.method, {
      headers,
      ...(outgoing.body === undefined ? {} : { body: outgoing.body }),
    });
    const user: ClientUser = {
      onResponse: (response) => {
        if (response.status < 200) {
          outgoing.onProvisional?.(response);
          return;
        }
        const challenged = response.status === 401 || response.status === 407;
        const credentials = challenged ? outgoing.digest?.answer(request, response) : undefined;
        if (credentials !== undefined) attempt(credentials);
        else {
          if (!challenged) outgoing.digest?.succeeded();
          done({ status: response.status, response, request });
        }
      },
      onTimeout: () => {
        done({ status: 408, response: undefined, request });
      },
      onTransportError: () => {
        done({ status: 503, response: undefined, request });
      },
    };
    core.send(request, dialog.nextHop, user, outgoing.started);
  };
  attempt([]);
}

/** Sends a BYE; a closing user agent waits for its answer. `done` runs once, whatever came. */
export function sendBye(
  core: Core,
  dialog: Dialog,
  bye: { readonly reason: SipReason | undefined; readonly digest: DigestClient | undefined },
  done: () => void,
): void {
  const finished = core.farewells.begin();
  const headers = reasonHeader(bye.reason ?? NORMAL_CLEARING);
  sendInDialog(core, dialog, { method: 'BYE', headers, digest: bye.digest }, () => {
    finished();
    done();
  });
}

/** A 2xx of the peer to an INVITE of ours, and that INVITE. */
export interface Acceptance {
  readonly request: SipRequest;
  readonly response: SipResponse;
}

/** The ACK of a 2xx (section 13.2.2.4), sent now and again for each copy of the 2xx. */
export class Acknowledgement {
  readonly #core: Core;
  #sent: { readonly bytes: Buffer; readonly destination: Endpoint } | undefined;
  #waiting: (() => void)[] | undefined = [];

  constructor(core: Core, dialog: Dialog, { request, response }: Acceptance, sdp?: string) {
    this.#core = core;
    const ack = dialog.createRequest('ACK', {
      headers: [...credentialsOf(request), ...(sdp === undefined ? [] : [['Content-Type', SDP_TYPE] as const])],
      ...(sdp === undefined ? {} : { body: Buffer.from(sdp) }),
      sequence: response.cseq?.number ?? 0,
    });
    core.locate(
      dialog.nextHop,
      ([destination]) => {
        this.#sent = { bytes: core.layer.sendAck(ack, destination), destination };
        this.#settle();
      },
      (error) => {
        core.log.warn({ err: error, callId: dialog.callId }, 'cannot send the ACK of a SIP call');
        this.#settle();
      },
    );
  }

  repeat(): void {
    if (this.#sent !== undefined) this.#core.layer.repeatAck(this.#sent.bytes, this.#sent.destination);
  }

  /** Runs `then` once the ACK is out, or cannot be sent: nothing of the dialog may overtake it. */
  whenSent(then: () => void): void {
    if (this.#waiting === undefined) then();
    else this.#waiting.push(then);
  }

  #settle(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const run of waiting) run();
  }
}

/** Section 22.1: the ACK carries the credentials that its INVITE was accepted with. */
function credentialsOf(request: SipRequest): HeaderPair[] {
  return ['Authorization', 'Proxy-Authorization'].flatMap((name) =>
    request.headers.all(name).map((value): HeaderPair => [name, value]),
  );
}

/** Ends a dialog that nobody wants: the 2xx of a fork, or one that came after CANCEL (sections 13.2.2.4, 9.1). */
export function acknowledgeAndEnd(
  core: Core,
  dialog: Dialog,
  acceptance: Acceptance,
  bye: { readonly reason: SipReason; readonly digest: DigestClient | undefined },
): Acknowledgement {
  const acknowledgement = new Acknowledgement(core, dialog, acceptance);
  acknowledgement.whenSent(() => {
    sendBye(core, dialog, bye, () => undefined);
  });
  return acknowledgement;
}
