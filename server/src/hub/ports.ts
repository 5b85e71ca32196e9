import type { HookswitchEvent, Position } from '@hookswitch/shared';

/** An event as the log holds it. */
export interface LoggedEvent {
  readonly accountSid: string;
  /** Normalised, without the account. */
  readonly topic: string;
  readonly position: Position;
  readonly event: HookswitchEvent;
  /** `event` as stored: valid JSON that fits the envelope's schema, ready to be put into a frame. */
  readonly json: string;
}

/** What the log can still give of an account. */
export interface LogBounds {
  readonly epoch: string;
  /** Every event of the account with `seq` above this one can still be read (retention and purges considered). */
  readonly lowWater: number;
  /** Sequence of the newest event of the account's stream; 0 when it is empty. */
  readonly head: number;
}

export interface HistoryRequest {
  readonly accountSid: string;
  /** Normalised patterns; an event that several of them match is given once. */
  readonly patterns: readonly string[];
  /** Exclusive. */
  readonly from: Position;
  /** Inclusive, same epoch. */
  readonly to: Position;
}

export interface LogSubscription {
  /** Resolves when every event published from now on reaches the listener. Rejects when that cannot be had now. */
  readonly ready: Promise<void>;
  /** No call of the listener after this. Idempotent. */
  close(): void;
}

export interface EventLogEvents {
  /** Live delivery stopped. */
  lost: undefined;
  /**
   * Live delivery works (again), but events may have been missed since the last one delivered: re-read. Comes after a
   * reconnect and after the broker dropped messages because this process read too slowly.
   */
  regained: undefined;
}

/**
 * The durable log of events that the hub stands on: one ordered stream per account (accounts may share one).
 *
 * Ordering: listeners get events in rising `seq`. A listener per pattern is called for each event that its pattern
 * matches, at most once while the connection holds; events are not lost silently: after a loss `regained` is emitted.
 * `read` gives events in rising `seq`, each once.
 *
 * Errors: every promise rejects with {@link import('./errors.ts').EventLogError}.
 */
export interface EventLog {
  readonly connected: boolean;
  /**
   * Resolves when the event is stored durably. Publishing the same event id on the same topic again within the
   * de-duplication window stores nothing and resolves with the position of the first.
   */
  publish(accountSid: string, topic: string, event: HookswitchEvent): Promise<Position>;
  /** Live events matching a normalised pattern. Cheap to call again for a pattern that is subscribed already. */
  subscribe(accountSid: string, pattern: string, listener: (event: LoggedEvent) => void): LogSubscription;
  bounds(accountSid: string): Promise<LogBounds>;
  /** Position of the newest event. */
  head(accountSid: string): Promise<Position>;
  /**
   * History. Lazily read: not asking for more is the back-pressure, leaving the loop releases what it holds.
   * Rejects with `expired` when part of the range is gone, `epoch-changed` when the stream was recreated.
   */
  read(request: HistoryRequest): AsyncIterable<LoggedEvent>;
  on<K extends keyof EventLogEvents>(event: K, listener: (payload: EventLogEvents[K]) => void): () => void;
  /** Ends every subscription. Idempotent. */
  close(): Promise<void>;
}

/** The key that signs an account's tokens. */
export interface SigningKey {
  readonly secret: string;
  readonly accountSid: string;
  /** False when the account is suspended or closed: its tokens are refused. */
  readonly accountActive: boolean;
}

/** Looked up for every token: a revoked key is simply not there any more. Implemented by the tenants' directory. */
export interface KeySource {
  apiKey(keySid: string): SigningKey | undefined | Promise<SigningKey | undefined>;
}
