import type { Filter } from '@hookswitch/shared';
import type { Unsubscribe } from '../../kernel/index.ts';
import type { DeadLetter, SinkCursor, Webhook, WebhookPause } from './records.ts';

export type { DeadLetter, SinkCursor, Webhook, WebhookPause } from './records.ts';

/**
 * Where sinks, their cursors and their dead letters are kept. Every process has all sinks in view; the rest is read when
 * needed. Promises reject with SinkError `unavailable`.
 */
export interface SinkStore {
  /** Resolves when the view is complete. */
  readonly ready: Promise<void>;
  get(sid: string): Webhook | undefined;
  entries(): Iterable<Webhook>;
  /** A sink was made, changed or removed. */
  onChange(listener: (sid: string) => void): Unsubscribe;
  add(webhook: Webhook): Promise<void>;
  /** Changes what is stored now, whoever else does so. Undefined: there is none. */
  update(sid: string, change: (webhook: Webhook) => Webhook): Promise<Webhook | undefined>;
  /** With its cursor and dead letters. */
  remove(sid: string): Promise<void>;
  cursor(sid: string): Promise<SinkCursor | undefined>;
  /** False, and nothing written, when a later holder of the shard wrote it already. */
  saveCursor(sid: string, cursor: SinkCursor): Promise<boolean>;
  /** One with the same id is replaced; of more than `MAX_DEAD_LETTERS` the oldest goes. */
  addDeadLetter(sid: string, letter: DeadLetter): Promise<void>;
  /** Oldest first. */
  deadLetters(sid: string): Promise<DeadLetter[]>;
  removeDeadLetter(sid: string, id: string): Promise<void>;
  close(): void;
}

export interface WebhookPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What became of a POST. Without a status nobody answered. */
export interface PostOutcome {
  readonly status: number | undefined;
  readonly retryAfterMs?: number | undefined;
  /** What was wrong, for people; undefined after 2xx. */
  readonly problem: string | undefined;
}

/** Sends one request. Never rejects; an aborted one has an outcome too. Redirects are not followed. */
export interface WebhookPoster {
  post(request: WebhookPost): Promise<PostOutcome>;
  close(): Promise<void>;
}

export interface NewWebhook {
  readonly url: string;
  readonly name: string;
  readonly topics: readonly string[];
  readonly filter?: Filter | undefined;
  readonly batchEvents: number;
  readonly batchWindowMs: number;
  readonly orderBy: Webhook['orderBy'];
  /** `whsec_` and base64; made here when left out. */
  readonly secret?: string | undefined;
}

export interface TestOutcome extends PostOutcome {
  readonly durationMs: number;
}

/** What the API does with webhooks. All reject with SinkError. */
export interface Webhooks {
  /** Events published after this resolved are sent. @returns the secret too, for this once */
  create(accountSid: string, webhook: NewWebhook): Promise<{ webhook: Webhook; secret: string }>;
  /** Undefined: there is none of the account. */
  get(accountSid: string, sid: string): Webhook | undefined;
  /** Newest first. */
  list(accountSid: string): Webhook[];
  /** A new topic begins where the sink stands. */
  update(webhook: Webhook, changes: Partial<NewWebhook>): Promise<Webhook>;
  pause(webhook: Webhook): Promise<Webhook>;
  /** Goes on from where it stopped. */
  resume(webhook: Webhook): Promise<Webhook>;
  remove(webhook: Webhook): Promise<void>;
  /** One made-up event, sent at once and once, past everything else. */
  test(webhook: Webhook): Promise<TestOutcome>;
  deadLetters(webhook: Webhook): Promise<DeadLetter[]>;
  /** Sends the dead letters again, oldest first; those that are taken are removed. */
  redrive(webhook: Webhook): Promise<void>;
  removeDeadLetter(webhook: Webhook, id: string): Promise<void>;
}

/** Hears of what happens to sinks. */
export type SinkEvents = (
  happened:
    | { readonly kind: 'paused'; readonly webhook: Webhook; readonly pause: WebhookPause }
    | { readonly kind: 'lost'; readonly webhook: Webhook },
) => void;

/** One shard of the sinks, while this process does it; `SingleDoer` of cluster/membership deals them. */
export interface ShardDuty {
  readonly shard: number;
  /** Rises with every change of hands. */
  readonly fence: number;
  /** Aborts when the shard has to be given up. */
  readonly signal: AbortSignal;
}

export interface ShardedTask {
  readonly name: string;
  readonly shards: number;
  /** Returns when nothing of the shard is running any more. */
  run(duty: ShardDuty): Promise<void>;
}
