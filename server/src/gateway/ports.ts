import type { Grants, HubErrorName } from '@hookswitch/shared';
import type { OutboundFrame } from '../hub/index.ts';

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

/** A frame as it came in: text still to be parsed, or a value that the transport has parsed already. */
export type ReceivedFrame = { readonly text: string } | { readonly value: unknown };

/** One client's transport. The gateway closes it; it tells {@link TransportEvents.closed} once, however it ended. */
export interface ClientTransport {
  /** Label of metrics and logs. */
  readonly name: 'ws' | 'socketio';
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

/** Takes a new client. The gateway owns the transport from now on. */
export interface ConnectionAcceptor {
  accept(transport: ClientTransport): TransportEvents;
}
