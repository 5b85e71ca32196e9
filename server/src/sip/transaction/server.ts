import { MachineRunner, TimerSet } from '../../kernel/index.ts';
import { serialize } from '../message/index.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import { responseDestination, responseFallback } from '../transport/index.ts';
import type { Endpoint } from '../transport/index.ts';
import { responseTo } from './build.ts';
import type { ResponseParts } from './build.ts';
import type { TransactionContext } from './client.ts';
import { inviteServerMachine } from './invite-server.ts';
import type { InviteServerTimer, ServerEffect, ServerInput } from './invite-server.ts';
import { nonInviteServerMachine } from './non-invite-server.ts';
import type { NonInviteServerTimer } from './non-invite-server.ts';

/** What is kept of a server transaction that has done its work. */
export interface CompletedServer {
  readonly key: string;
  /** {@link mergeKey}: a copy that comes over another path is still to be recognised. */
  readonly merge: string | undefined;
  /** Sent again when the request comes again; undefined: that is absorbed. */
  readonly answer: Buffer | undefined;
  /** Whether an ACK is the user's business (that of a 2xx) or absorbed. */
  readonly passesAck: boolean;
  /** {@link ServerTransaction.localTag} */
  readonly localTag: string | undefined;
}

/** The layer, as a server transaction sees it. */
export interface ServerOwner {
  /** The transaction goes on without its timers and table entry; what is left of it is kept for so long. */
  readonly completed: (left: Pick<CompletedServer, 'answer' | 'passesAck' | 'localTag'>, keepMs: number) => void;
  /** It is over. May be called more than once. */
  readonly terminated: () => void;
  readonly acked: (ack: SipRequest) => void;
  /** Something else than 100 was sent. Called every time. */
  readonly answered: () => void;
}

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

/** Timers in whose time nothing happens but that repetitions are answered or absorbed. */
const COMPLETED: ReadonlySet<TimerName> = new Set(['I', 'J', 'L']);

/**
 * Runs one of the two server machines, until it waits for nothing but timer I, J or L: then the layer keeps a
 * {@link CompletedServer} in its place, and it lives on only for who holds it, to repeat a 2xx.
 */
export class ServerTransaction {
  readonly request: SipRequest;
  readonly source: Endpoint;
  /** Who hears of CANCEL and failures. */
  user: ServerUser = {};
  /** The To tag of our responses, once it is known: that to a CANCEL has the same (section 9.2). */
  localTag: string | undefined;
  readonly #context: TransactionContext;
  readonly #timers: TimerSet<TimerName>;
  readonly #runner: Runner;
  readonly #destination: Endpoint;
  /** Where a response goes when the connection that the request came over is gone. */
  readonly #fallback: Endpoint | undefined;
  readonly #owner: ServerOwner;
  #ack: SipRequest | undefined;
  #last: SipResponse | undefined;
  #lastBytes: Buffer | undefined;
  #finalStatus: number | undefined;

  constructor(
    context: TransactionContext,
    incoming: { readonly request: SipRequest; readonly source: Endpoint },
    owner: ServerOwner,
  ) {
    this.request = incoming.request;
    this.source = incoming.source;
    this.#context = context;
    this.#owner = owner;
    const via = incoming.request.via;
    this.#destination = via === undefined ? incoming.source : responseDestination(via, incoming.source);
    this.#fallback = via === undefined ? undefined : responseFallback(via, incoming.source);
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
    if (response.status > 100) this.#owner.answered();
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
    this.#owner.terminated();
  }

  #createRunner(): Runner {
    const config = { timers: this.#context.timers, reliable: this.#context.wire.isReliable(this.source) };
    const perform = (effect: Effect): void => {
      this.#perform(effect);
    };
    if (this.request.method === 'INVITE')
      return new MachineRunner({ machine: inviteServerMachine(config), initial: { name: 'initial' }, perform });
    return new MachineRunner({ machine: nonInviteServerMachine(config), initial: { name: 'initial' }, perform });
  }

  #perform(effect: Effect): void {
    if (effect.kind === 'start-timer' && COMPLETED.has(effect.name)) {
      const answer = effect.name === 'J' ? this.#lastBytes : undefined;
      this.#owner.completed({ answer, passesAck: effect.name === 'L', localTag: this.localTag }, effect.delayMs);
      return;
    }
    if (this.#timers.perform(effect)) return;
    switch (effect.kind) {
      case 'send':
        this.#send(effect.response);
        return;
      case 'send-trying':
        this.#send(responseTo(this.request, { status: 100 }));
        return;
      case 'deliver-ack':
        if (this.#ack !== undefined) this.#owner.acked(this.#ack);
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
    const again = response === this.#last;
    const bytes = (again ? this.#lastBytes : undefined) ?? serialize(response);
    this.#last = response;
    this.#lastBytes = bytes;
    const outgoing = { message: response, bytes, again };
    const fail = (error: Error): void => {
      this.dispatch({ kind: 'transport-error', error });
    };
    const fallback = this.#fallback;
    const failed =
      fallback === undefined
        ? fail
        : (): void => {
            this.#context.wire.send({ ...outgoing, destination: fallback, failed: fail });
          };
    this.#context.wire.send({ ...outgoing, destination: this.#destination, failed });
  }
}
