import type { KeyObject } from 'node:crypto';
import type { Grants, HookswitchEvent, Position } from '@hookswitch/shared';

/** An event as the log holds it. */
export interface LoggedEvent {
  readonly accountSid: string;
  /** Normalised, without the account. */
  readonly topic: string;
  readonly position: Position;
  readonly event: HookswitchEvent;
  /** `event` as stored: valid JSON that fits the envelope's schema, ready to be put into a frame. */
  readonly json: string;
  /** When it was stored, epoch milliseconds by the log's clock; known of history only. */
  readonly storedAt?: number;
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

export interface BackRequest {
  readonly accountSid: string;
  /** Normalised. */
  readonly pattern: string;
  readonly count: number;
  readonly before?: number;
}

/** One pass over a stream for any number of readers. */
export interface ScanRequest {
  /** All in one stream (`EventLog.streamOf`); at least one. With only one, others' events are not even read. */
  readonly accounts: readonly string[];
  /** With one account only: nothing else is read. */
  readonly pattern?: string;
  /** Exclusive. */
  readonly from: Position;
  /** Inclusive, same epoch. */
  readonly to: number;
}

/** An event that nobody has looked into yet. */
export interface ScannedEvent {
  readonly accountSid: string;
  readonly topic: string;
  readonly seq: number;
  /** Undefined when it is no event that may be given to anybody. */
  load(): LoggedEvent | undefined;
}

export interface ScanBatch {
  /** In rising `seq`. */
  readonly events: readonly ScannedEvent[];
  /** Everything up to here has come, of what was still kept. */
  readonly upTo: number;
  /** As in {@link LogBounds}, looked at after these events were read: what is above it is not missing among them. */
  readonly lowWater: (accountSid: string) => number;
}

/** What the log holds after a position. */
export interface NextEvent {
  readonly seq: number;
  /** Undefined when it is no event that may be given to anybody. */
  readonly event: LoggedEvent | undefined;
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
 * Ordering: a listener per pattern is called for each event that its pattern matches, at most once while the connection
 * holds; events are not lost silently: after a loss `regained` is emitted. They come in rising `seq`, save that events of
 * different publishers may change places: `hasSeen` and `next` tell whether one is still to come. `read` gives events in
 * rising `seq`, each once.
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
  /**
   * Whether every event of the account's stream with `after < seq < before` came live to this process. False: unknown, since
   * this process gets only what it subscribed.
   */
  hasSeen(accountSid: string, after: number, before: number): boolean;
  /** The first stored event after `after` that the pattern matches; undefined: there is none. One round trip. */
  next(accountSid: string, pattern: string, after: number): Promise<NextEvent | undefined>;
  bounds(accountSid: string): Promise<LogBounds>;
  /** Accounts with the same answer are in one stream, which one scan reads. */
  streamOf(accountSid: string): string;
  /**
   * Position after which everything lies that was stored at or after `time` (epoch milliseconds); sequence 0 when the log
   * does not reach back beyond that time.
   */
  positionAt(accountSid: string, time: number): Promise<Position>;
  /**
   * Position after which the newest `count` events of the pattern lie, those before sequence `before` if given; all that
   * are kept when there are fewer.
   */
  positionBack(request: BackRequest): Promise<Position>;
  /** Position of the newest event. */
  head(accountSid: string): Promise<Position>;
  /**
   * History. Lazily read: not asking for more is the back-pressure, leaving the loop releases what it holds.
   * Rejects with `expired` when part of the range is gone, `epoch-changed` when the stream was recreated.
   */
  read(request: HistoryRequest): AsyncIterable<LoggedEvent>;
  /**
   * History for many readers at once, by the batch; the last batch has `upTo` = `to`. Retention is told with each batch.
   * Rejects with `epoch-changed` when the stream was recreated.
   */
  scan(request: ScanRequest): AsyncIterable<ScanBatch>;
  on<K extends keyof EventLogEvents>(event: K, listener: (payload: EventLogEvents[K]) => void): () => void;
  /** Ends every subscription. Idempotent. */
  close(): Promise<void>;
}

/** Up to where the events of an account were purged, told before they are. */
export interface LowWaterMarks {
  /** Sequence; 0 when nothing was purged in this epoch. */
  of(accountSid: string, epoch: string): number;
  /** Resolves when `of` knows everything that was told before this call. Rejects when that cannot be known now. */
  sync(): Promise<void>;
}

/** The key that signs an account's tokens. */
export interface SigningKey {
  readonly secret: string;
  readonly accountSid: string;
  /** False when the account is suspended or closed: its tokens are refused. */
  readonly accountActive: boolean;
}

/** The public half of a key pair that an account signs tokens with (ES256). */
export interface PublicSigningKey {
  readonly sid: string;
  readonly accountSid: string;
  readonly accountActive: boolean;
  /** The same object as long as the key is the same: a signature that it checked is not checked again. */
  readonly key: KeyObject;
}

/** Looked up for every token: a revoked key is simply not there any more. Implemented by the tenants' directory. */
export interface KeySource {
  apiKey(keySid: string): SigningKey | undefined | Promise<SigningKey | undefined>;
  /** The account's own secret, which signs capability tokens. Left out: those are refused. */
  accountKey?(accountSid: string): SigningKey | undefined | Promise<SigningKey | undefined>;
  /** By the `kid` of the token's header. Left out: tokens signed with a key pair are refused. */
  publicKey?(accountSid: string, kid: string): PublicSigningKey | undefined | Promise<PublicSigningKey | undefined>;
  /** Told when tokens that were good are good no more: their key is gone, or their account is not active. */
  onEnded?(listener: (ended: EndedTokens) => void): () => void;
}

/** Tokens that ended before their time. */
export interface EndedTokens {
  /** Whether a token with these grants is among them. */
  hits(grants: Grants): boolean;
  /** How connections with such a token end. */
  readonly disconnect: 'tokenRevoked' | 'accountInactive';
}

/** What is taken back: one token by its `jti`, all of an identity, all of an API key, all of the account. */
export type RevocationKind = 'token' | 'identity' | 'key' | 'account';

/** Tokens that were made before a time are good no more. */
export interface Revocation {
  /** The same for the same target: revoking it again moves `before` on. */
  readonly sid: string;
  readonly accountSid: string;
  readonly kind: RevocationKind;
  /** The `jti`, the identity, or the sid of the key or account. */
  readonly value: string;
  /** Epoch milliseconds. A token that does not say when it was made counts as made before. */
  readonly before: number;
  readonly createdAt: number;
  /** When every token that it hits has expired, and it is forgotten. */
  readonly expiresAt: number;
  readonly reason?: string | undefined;
}

/**
 * The revocations in force, in every process alike: what one adds the others know within moments. Reads are from memory;
 * while the connection is lost they answer what was last known.
 */
export interface RevocationStore {
  /** Resolves when every first read is done. */
  readonly ready: Promise<void>;
  /** Resolves when it is stored and in force here. @throws RevocationError `unavailable`, `full` */
  add(revocation: Revocation): Promise<void>;
  /** False when there was none. @throws RevocationError `unavailable` */
  remove(accountSid: string, sid: string): Promise<boolean>;
  /** Of one account, newest first. */
  list(accountSid: string): Revocation[];
  /** One that a token with these grants falls under. */
  hit(grants: Grants): Revocation | undefined;
  /** Called after one was added, by whichever process. Returns what takes the listener back. */
  onAdded(listener: (revocation: Revocation) => void): () => void;
  close(): void;
}
