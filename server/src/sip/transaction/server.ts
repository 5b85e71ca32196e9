import { MachineRunner, TimerSet } from '../../kernel/index.ts';
import { serialize } from '../message/index.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import { responseDestination } from '../transport/index.ts';
import type { Endpoint } from '../transport/index.ts';
import { responseTo } from './build.ts';
import type { ResponseParts } from './build.ts';
import type { TransactionContext } from './client.ts';
import { inviteServerMachine } from './invite-server.ts';
import type { InviteServerTimer, ServerEffect, ServerInput } from './invite-server.ts';
import { nonInviteServerMachine } from './non-invite-server.ts';
import type { NonInviteServerTimer } from './non-invite-server.ts';

/** The transaction user of a server transaction, set once the request has been understood. */
export interface ServerUser {
  /** A CANCEL matched this INVITE; it was answered with 200 already (section 9.2). */
  onCancel?(cancel: SipRequest): void;
  /** Our 300-699 was never acknowledged. */
  onTimeout?(): void;
  onTransportError?(error: Error): void;
}

type TimerName = InviteServerTimer | NonInviteServerTimer;
type Effect = ServerEffect<TimerName>;
type Input = ServerInput<TimerName>;

interface Runner {
  readonly state: { readonly name: string };
  dispatch(input: Input): void;
}

/** Runs one of the two server machines. */
export class ServerTransaction {
  readonly request: SipRequest;
  readonly source: Endpoint;
  /** Who hears of CANCEL and failures. */
  user: ServerUser = {};
  readonly #context: TransactionContext;
  readonly #timers: TimerSet<TimerName>;
  readonly #runner: Runner;
  readonly #destination: Endpoint;
  readonly #ended: { readonly terminated: () => void; readonly acked: (ack: SipRequest) => void };
  #ack: SipRequest | undefined;
  #finalStatus: number | undefined;

  constructor(
    context: TransactionContext,
    incoming: { readonly request: SipRequest; readonly source: Endpoint },
    ended: { readonly terminated: () => void; readonly acked: (ack: SipRequest) => void },
  ) {
    this.request = incoming.request;
    this.source = incoming.source;
    this.#context = context;
    this.#ended = ended;
    const via = incoming.request.via;
    this.#destination = via === undefined ? incoming.source : responseDestination(via, incoming.source);
    this.#timers = new TimerSet(context.clock, (name) => {
      this.dispatch({ kind: 'timer', name });
    });
    this.#runner = this.#createRunner();
    this.dispatch({ kind: 'start' });
  }

  get state(): string {
    return this.#runner.state.name;
  }

  /** The final status sent, if any. */
  get finalStatus(): number | undefined {
    return this.#finalStatus;
  }

  /** Answers. Ignored after a final response, but for retransmissions of a 2xx to an INVITE. */
  respond(parts: ResponseParts): SipResponse {
    const response = responseTo(this.request, parts);
    this.retransmit(response);
    return response;
  }

  /** Sends a response that was built before. */
  retransmit(response: SipResponse): void {
    if (response.status >= 200) this.#finalStatus ??= response.status;
    this.dispatch({ kind: 'respond', response });
  }

  receiveAck(ack: SipRequest): void {
    this.#ack = ack;
    this.dispatch({ kind: 'ack' });
  }

  dispatch(input: Input): void {
    this.#runner.dispatch(input);
    if (this.state === 'terminated') this.close();
  }

  /** Ends without telling the user. Idempotent. */
  close(): void {
    this.#timers.close();
    this.#ended.terminated();
  }

  #createRunner(): Runner {
    const config = { timers: this.#context.timers, reliable: this.#context.transport.reliable };
    const perform = (effect: Effect): void => {
      this.#perform(effect);
    };
    if (this.request.method === 'INVITE')
      return new MachineRunner({ machine: inviteServerMachine(config), initial: { name: 'initial' }, perform });
    return new MachineRunner({ machine: nonInviteServerMachine(config), initial: { name: 'initial' }, perform });
  }

  #perform(effect: Effect): void {
    if (this.#timers.perform(effect)) return;
    switch (effect.kind) {
      case 'send':
        this.#send(effect.response);
        return;
      case 'send-trying':
        this.#send(responseTo(this.request, { status: 100 }));
        return;
      case 'deliver-ack':
        if (this.#ack !== undefined) this.#ended.acked(this.#ack);
        return;
      case 'timeout':
        this.user.onTimeout?.();
        return;
      case 'transport-error':
        this.user.onTransportError?.(effect.error);
        return;
    }
  }

  #send(response: SipResponse): void {
    this.#context.transport.send(serialize(response), this.#destination, (error) => {
      this.dispatch({ kind: 'transport-error', error });
    });
  }
}
