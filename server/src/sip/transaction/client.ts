import { MachineRunner, TimerSet } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';
import { serialize } from '../message/index.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import type { Endpoint, Transport } from '../transport/index.ts';
import { ackFor } from './build.ts';
import { inviteClientMachine } from './invite-client.ts';
import type { ClientEffect, ClientInput, InviteClientTimer } from './invite-client.ts';
import { nonInviteClientMachine } from './non-invite-client.ts';
import type { NonInviteClientTimer } from './non-invite-client.ts';
import type { TransactionTimers } from './timers.ts';

/** The transaction user of a client transaction. */
export interface ClientUser {
  /** Provisional responses, one final; further 2xx to an INVITE too. */
  onResponse(response: SipResponse): void;
  /** No final response came in time (timer B or F): the same as a 408 (section 8.1.3.1). */
  onTimeout(): void;
  /** The request could not be sent: the same as a 503. */
  onTransportError(error: Error): void;
}

export interface TransactionContext {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: TransactionTimers;
}

type TimerName = InviteClientTimer | NonInviteClientTimer;
type Effect = ClientEffect<TimerName>;
type Input = ClientInput<TimerName>;

interface Runner {
  readonly state: { readonly name: string };
  dispatch(input: Input): void;
}

/** Runs one of the two client machines. */
export class ClientTransaction {
  readonly request: SipRequest;
  readonly destination: Endpoint;
  readonly #context: TransactionContext;
  readonly #bytes: Buffer;
  readonly #user: ClientUser;
  readonly #timers: TimerSet<TimerName>;
  readonly #runner: Runner;
  readonly #terminated: () => void;

  constructor(
    context: TransactionContext,
    outgoing: { readonly request: SipRequest; readonly destination: Endpoint },
    user: ClientUser,
    terminated: () => void,
  ) {
    this.request = outgoing.request;
    this.destination = outgoing.destination;
    this.#context = context;
    this.#bytes = serialize(outgoing.request);
    this.#user = user;
    this.#terminated = terminated;
    this.#timers = new TimerSet(context.clock, (name) => {
      this.dispatch({ kind: 'timer', name });
    });
    this.#runner = this.#createRunner();
  }

  get state(): string {
    return this.#runner.state.name;
  }

  dispatch(input: Input): void {
    this.#runner.dispatch(input);
    if (this.state === 'terminated') this.close();
  }

  /** Ends without telling the user. Idempotent. */
  close(): void {
    this.#timers.close();
    this.#terminated();
  }

  #createRunner(): Runner {
    const config = { timers: this.#context.timers, reliable: this.#context.transport.reliable };
    const perform = (effect: Effect): void => {
      this.#perform(effect);
    };
    // The two machines share inputs and effects but for the names of their timers.
    if (this.request.method === 'INVITE')
      return new MachineRunner({ machine: inviteClientMachine(config), initial: { name: 'initial' }, perform });
    return new MachineRunner({ machine: nonInviteClientMachine(config), initial: { name: 'initial' }, perform });
  }

  #perform(effect: Effect): void {
    if (this.#timers.perform(effect)) return;
    switch (effect.kind) {
      case 'send-request':
        this.#send(this.#bytes);
        return;
      case 'send-ack':
        this.#send(serialize(ackFor(this.request, effect.response)));
        return;
      case 'deliver':
        this.#user.onResponse(effect.response);
        return;
      case 'timeout':
        this.#user.onTimeout();
        return;
      case 'transport-error':
        this.#user.onTransportError(effect.error);
        return;
    }
  }

  #send(bytes: Buffer): void {
    this.#context.transport.send(bytes, this.destination, (error) => {
      this.dispatch({ kind: 'transport-error', error });
    });
  }
}
