import { DomainError } from '../../kernel/index.ts';

export type TransportErrorReason =
  /** Nothing came in time: no connection, no pong, no end of a message. */
  | 'timeout'
  /** More waits to be sent than is allowed. */
  | 'overflow'
  /** More connections than are allowed. */
  | 'limit'
  /** There is no transport of that protocol and address family. */
  | 'no-transport'
  /** The network says that nobody listens there, or that there is no way. */
  | 'unreachable'
  /** The peer's certificate is not for the name that was asked for, or nobody vouches for it. */
  | 'certificate';

/** Why a message could not be sent. */
export class TransportError extends DomainError<TransportErrorReason> {}

/** The connection that a message was to travel by, or had travelled by, is gone. A fresh one may do. */
export class FlowClosedError extends DomainError<'gone' | 'closed' | 'closed-by-peer' | 'idle'> {}
