import { MachineRunner, TimerSet } from '../../kernel/index.ts';
import { retransmit2xxMachine } from '../dialog/index.ts';
import type {
  Dialog,
  Retransmit2xxEffect,
  Retransmit2xxInput,
  Retransmit2xxState,
  Retransmit2xxTimer,
} from '../dialog/index.ts';
import type { HeaderPair, SipResponse } from '../message/index.ts';
import { responseTo } from '../transaction/index.ts';
import type { ResponseParts, ServerTransaction } from '../transaction/index.ts';
import type { Endpoint } from '../transport/index.ts';
import type { Core } from './core.ts';
import { SDP_TYPE } from './core.ts';
import type { DigestClient } from './digest.ts';

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

/** Outcome of a request of ours: the final response, or the status that stands for none (section 8.1.3.1). */
export interface Outcome {
  readonly status: number;
  readonly response: SipResponse | undefined;
}

/** A request to be sent inside a dialog. */
export interface InDialogRequest {
  readonly method: string;
  readonly headers?: readonly HeaderPair[];
  readonly body?: Buffer;
  readonly digest?: DigestClient | undefined;
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
    core.send(request, dialog.nextHop, {
      onResponse: (response) => {
        if (response.status < 200) return;
        const challenged = response.status === 401 || response.status === 407;
        const credentials = challenged ? outgoing.digest?.answer(request, response) : undefined;
        if (credentials !== undefined) attempt(credentials);
        else {
          if (!challenged) outgoing.digest?.succeeded();
          done({ status: response.status, response });
        }
      },
      onTimeout: () => {
        done({ status: 408, response: undefined });
      },
      onTransportError: () => {
        done({ status: 503, response: undefined });
      },
    });
  };
  attempt([]);
}

/** Acknowledges a 2xx (section 13.2.2.4). The result sends the same ACK again, for when the 2xx is retransmitted. */
export function acknowledge(core: Core, dialog: Dialog, response: SipResponse, sdp?: string): () => void {
  const request = dialog.createRequest('ACK', {
    headers: sdp === undefined ? [] : [['Content-Type', SDP_TYPE]],
    ...(sdp === undefined ? {} : { body: Buffer.from(sdp) }),
    sequence: response.cseq?.number ?? 0,
  });
  let sent: { bytes: Buffer; destination: Endpoint } | undefined;
  core.locate(
    dialog.nextHop,
    (destination) => {
      sent = { bytes: core.layer.sendAck(request, destination), destination };
    },
    (error) => {
      core.log.warn({ err: error, callId: dialog.callId }, 'cannot send the ACK of a SIP call');
    },
  );
  return () => {
    if (sent !== undefined) core.layer.repeatAck(sent.bytes, sent.destination);
  };
}

/** Ends a dialog that nobody wants: the 2xx of a fork, or one that came after CANCEL (sections 13.2.2.4, 9.1). */
export function acknowledgeAndEnd(core: Core, dialog: Dialog, response: SipResponse): () => void {
  const repeat = acknowledge(core, dialog, response);
  sendInDialog(core, dialog, { method: 'BYE' }, () => undefined);
  return repeat;
}
