import type { ClientFrame, Filter, Grants, HubErrorName, Position, Rewind } from '@hookswitch/shared';
import type { OutboundFrame } from '../hub/index.ts';
import type { Unsubscribe } from '../kernel/index.ts';

export type { DeadLetter, NewWebhook, Webhook, Webhooks } from './sinks/ports.ts';

/** A refusal: what is over its limit, and when to try again at the earliest. */
export interface OverQuota {
  readonly message: string;
  readonly retryAfterMs: number;
}

/** The rates at which accounts publish, whichever way they do. */
export interface PublishQuota {
  /** Takes one event with so many bytes of data. Undefined: it may be published. */
  publish(accountSid: string, bytes: number): OverQuota | undefined;
}

/** What an account uses of one gateway. */
export interface AccountUseReport {
  readonly accountSid: string;
  readonly connections: number;
  readonly subscriptions: number;
  /** Published, a second. */
  readonly events: number;
  /** Of their data, a second. */
  readonly bytes: number;
}

/** What a gateway tells the others. */
export interface UseReport {
  readonly node: string;
  readonly accounts: readonly AccountUseReport[];
}

/** From gateway to gateway; one that is lost is followed by the next. */
export interface UseReports {
  publish(report: UseReport): void;
  /** Own reports too. Must not throw. */
  onReport(listener: (report: UseReport) => void): Unsubscribe;
}

/** What an account uses of the other gateways together. */
export interface UseOfOthers extends Omit<AccountUseReport, 'accountSid'> {
  /** Gateways that it publishes at. */
  readonly publishers: number;
}

export interface UseElsewhere {
  of(accountSid: string): UseOfOthers;
}

/** A client's connection as a message extension sees it. */
export interface ExtensionConnection {
  readonly id: string;
  /** Of the token in force now; changes when the client refreshes it. */
  readonly grants: Grants;
  /** Queues an `extension` frame as control traffic: never dropped, an overflow closes the connection. */
  push(body: unknown): void;
}

/** The refusal of a request, sent to the client as an `error` frame. */
export interface ExtensionRefusal {
  readonly error: HubErrorName;
  /** Replaces the table's message when given. */
  readonly message?: string;
}

/**
 * Commands that the hub does not know, such as the softphone's, are registered by name at start. The gateway checks
 * frame shape and authentication, then hands the body over; hub and gateway hold no telephony.
 */
export interface MessageExtension {
  /** As in the `extension` member of frames. */
  readonly name: string;
  /** Answers one request. Requests of a connection may overlap; a rejection is answered as `internal` and logged. */
  handle(connection: ExtensionConnection, body: unknown): Promise<{ readonly result: unknown } | ExtensionRefusal>;
  /** The connection is gone. Called once for every connection that ever sent a request. */
  connectionClosed(connection: ExtensionConnection, reason: string): void;
}

/**
 * Several subscriptions that begin together, from one position: their events come in one rising order, so that the
 * position of the last one is where all of them are resumed. Answered by one `subscribed` for each topic, in their order,
 * or by one `error`; then none is subscribed. Made by transports without commands of their own; not on the wire.
 */
export interface SubscribeAllFrame {
  readonly type: 'subscribe-all';
  readonly id: number;
  readonly topics: readonly string[];
  readonly position?: Position | undefined;
  readonly rewind?: Rewind | undefined;
  readonly filter?: Filter | undefined;
}

/**
 * A frame as it came in: text still to be parsed, a value that the transport has parsed already, or one that the transport
 * made itself and that is known to be well-formed.
 */
export type ReceivedFrame =
  { readonly text: string } | { readonly value: unknown } | { readonly frame: ClientFrame | SubscribeAllFrame };

/** One client's transport. The gateway closes it; it tells {@link TransportEvents.closed} once, however it ended. */
export interface ClientTransport {
  /** Label of metrics and logs. */
  readonly name: 'ws' | 'socketio' | 'sse';
  readonly remoteAddress: string;
  /** Bytes written that the operating system has not taken yet. */
  readonly bufferedBytes: number;
  /** Writes the frames in order, in as few writes as possible. Ignored once closing. Never throws. */
  send(frames: readonly OutboundFrame[]): void;
  /** Closes after what was sent. */
  close(code: number, reason: string): void;
  /** Closes at once. */
  terminate(): void;
}

/** What a transport reports to the gateway. Calls after `closed` are ignored. */
export interface TransportEvents {
  received(frame: ReceivedFrame): void;
  /** `bufferedBytes` fell (to zero, or nearly). */
  drained(): void;
  closed(reason: string): void;
}

/** A client that asks to be let in. One of the two is called, once: at once or when it is its turn. */
export interface Entrant {
  enter(): void;
  /** It may try again after this time. */
  refuse(retryAfterMs: number): void;
}

/** Takes a new client. The gateway owns the transport from now on. */
export interface ConnectionAcceptor {
  accept(transport: ClientTransport): TransportEvents;
  /** Asked before anything is done for a client, an upgrade say. Left out: everybody is let in at once. */
  admit?(entrant: Entrant): void;
}
