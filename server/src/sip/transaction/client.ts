import { MachineRunner, TimerSet } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';
import { serialize } from '../message/index.ts';
import type { AnyMessage, SipRequest, SipResponse } from '../message/index.ts';
import type { Endpoint } from '../transport/index.ts';
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
  /** The transport as the layer sees it: everything that goes through it is tapped and counted. */
  readonly wire: Wire;
  readonly clock: Clock;
  readonly timers: TransactionTimers;
}

/** How transactions send. */
export interface Wire {
  isReliable(destination: Endpoint): boolean;
  /** @returns the flow it went over, where there is one */
  send(outgoing: Outgoing): string | undefined;
  /** {@link Transport.probe} */
  probe(destination: Endpoint, refused: (error: Error) => void): void;
}

export interface Outgoing {
  readonly message: AnyMessage;
  readonly bytes: Buffer;
  readonly destination: Endpoint;
  /** The same message went out before. */
  readonly again?: boolean;
  readonly failed?: (error: Error) => void;
}

/** What is kept of a client transaction that has done its work. */
export interface CompletedClient {
  readonly key: string;
  /** The ACK of a 300-699, sent again when that comes again. */
  readonly ack: { readonly bytes: Buffer; readonly destination: Endpoint } | undefined;
  /** Who hears of further 2xx. */
  readonly user: ClientUser | undefined;
}

/** The layer, as a client transaction sees it. */
export interface ClientOwner {
  /** The transaction goes on without its timers and table entry; what is left of it is kept for so long. */
  readonly completed: (left: Pick<CompletedClient, 'ack' | 'user'>, keepMs: number) => void;
  /** It is over. May be called more than once. */
  readonly terminated: () => void;
}

type TimerName = InviteClientTimer | NonInviteClientTimer;
type Effect = ClientEffect<TimerName>;
type Input = ClientInput<TimerName>;

interface Runner {
  readonly state: { readonly name: string };
  dispatch(input: Input): void;
}

/** Timers in whose time nothing happens but that repetitions are answered, passed on or absorbed. */
const COMPLETED: ReadonlySet<TimerName> = new Set(['D', 'K', 'M']);

/**
 * Runs one of the two client machines, until it waits for nothing but timer D, K or M: then the layer keeps a
 * {@link CompletedClient} in its place.
 */
export class ClientTransaction {
  readonly request: SipRequest;
  readonly destination: Endpoint;
  readonly #context: TransactionContext;
  readonly #bytes: Buffer;
  readonly #user: ClientUser;
  readonly #timers: TimerSet<TimerName>;
  readonly #runner: Runner;
  readonly #owner: ClientOwner;
  #sent = false;
  #probed = false;
  #ack: Buffer | undefined;
  #flow: string | undefined;

  constructor(
    context: TransactionContext,
    outgoing: { readonly request: SipRequest; readonly destination: Endpoint },
    user: ClientUser,
    owner: ClientOwner,
  ) {
    this.request = outgoing.request;
    this.destination = outgoing.destination;
    this.#context = context;
    this.#bytes = serialize(outgoing.request);
    this.#user = user;
    this.#owner = owner;
    this.#timers = new TimerSet(context.clock, (name) => {
      this.dispatch({ kind: 'timer', name });
    });
    this.#runner = this.#createRunner();
  }

  get state(): string {
    return this.#runner.state.name;
  }

  /** The connection that the request went over; undefined over UDP. */
  get flow(): string | undefined {
    return this.#flow;
  }

  dispatch(input: Input): void {
    this.#runner.dispatch(input);
    if (this.state === 'terminated') this.close();
  }

  /** Ends without telling the user. Idempotent. */
  close(): void {
    this.#timers.close();
    this.#owner.terminated();
  }

  #createRunner(): Runner {
    const config = { timers: this.#context.timers, reliable: this.#context.wire.isReliable(this.destination) };
    const perform = (effect: Effect): void => {
      this.#perform(effect);
    };
    // The two machines share inputs and effects but for the names of their timers.
    if (this.request.method === 'INVITE')
      return new MachineRunner({ machine: inviteClientMachine(config), initial: { name: 'initial' }, perform });
    return new MachineRunner({ machine: nonInviteClientMachine(config), initial: { name: 'initial' }, perform });
  }

  #perform(effect: Effect): void {
    if (effect.kind === 'start-timer' && COMPLETED.has(effect.name)) {
      const ack = this.#ack === undefined ? undefined : { bytes: this.#ack, destination: this.destination };
      this.#owner.completed({ ack, user: effect.name === 'M' ? this.#user : undefined }, effect.delayMs);
      return;
    }
    if (this.#timers.perform(effect)) return;
    switch (effect.kind) {
      case 'send-request':
        this.#sendRequest();
        return;
      case 'send-ack':
        this.#acknowledge(effect.response);
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

  #acknowledge(response: SipResponse): void {
    const ack = ackFor(this.request, response);
    this.#ack = serialize(ack);
    this.#send(ack, this.#ack);
  }

  #sendRequest(): void {
    const again = this.#sent;
    this.#sent = true;
    this.#send(this.request, this.#bytes, again);
    // No answer within T1: where nobody listens at all, that need not take 64 of them.
    if (again && !this.#probed && !this.#context.wire.isReliable(this.destination)) {
      this.#probed = true;
      this.#context.wire.probe(this.destination, (error) => {
        this.dispatch({ kind: 'transport-error', error });
      });
    }
  }

  #send(message: SipRequest, bytes: Buffer, again = false): void {
    const flow = this.#context.wire.send({
      message,
      bytes,
      destination: this.destination,
      again,
      failed: (error) => {
        this.dispatch({ kind: 'transport-error', error });
      },
    });
    if (flow !== undefined) this.#flow = flow;
  }
}
