import type { Position, Rewind } from '@hookswitch/shared';
import type { EventFilter } from './event-filter.ts';

/** The answer to a subscriber. */
export interface Subscribed {
  /** Events after this position are delivered live; older ones asked for come before them. */
  readonly position: Position;
  /** Events after this position come first: there is history to come. */
  readonly start: Position | undefined;
  /**
   * False: the position asked for could not be honoured, or retention has passed a part of the time asked for; what
   * comes begins after `start`, without it after `position`.
   */
  readonly recovered: boolean;
  /**
   * Events flow from when `tell` was called, once: the client is to be told then. That is at once, or as soon as subscriptions
   * that overlap it and were asked for earlier begin too. Also called when it ends without having begun.
   */
  begin(tell?: () => void): void;
}

/** Where a subscription begins. Without any of these: with what is published from now on. */
export interface SubscribeOptions {
  /** The last event the client has. */
  readonly position?: Position | undefined;
  /** How much of the past comes first; beside a position only when that cannot be honoured. */
  readonly rewind?: Rewind | undefined;
  /** Only these events (default: everything that the pattern matches); of the hub's `filters`. */
  readonly filter?: EventFilter | undefined;
}
