import type { Grants, HubErrorName } from '@hookswitch/shared';

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
