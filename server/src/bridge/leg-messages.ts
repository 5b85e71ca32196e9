import type { SoftphonePush } from '@hookswitch/shared';
import { describeError } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';

/** The documented bounds of one leg's messages. Beyond them a message or subscription is refused. */
export const MESSAGE_LIMITS = {
  /** Messages in any second, each way. */
  perSecond: 20,
  /** Messages of the client that wait for the application, the one under way included. */
  waiting: 20,
  /** Messages and idempotency keys that are remembered, the newest. */
  remembered: 100,
  subscriptions: 10,
} as const;

/** Where the application wants to be told. */
export interface MessageSubscription {
  readonly sid: string;
  readonly url: string;
  readonly method: 'GET' | 'POST';
}

/** A message of the client that was taken. */
export interface TakenMessage {
  readonly messageSid: string;
  /** Resolves when the event is stored, or was refused. */
  readonly stored: Promise<'stored' | 'refused'>;
  /** What the client was told, once it was. */
  answer: Extract<SoftphonePush, { type: 'message-answer' }> | undefined;
}

/** What a request of the application made. */
export interface Made {
  readonly sid: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly stored: Promise<'stored' | 'refused'>;
}

/** What is remembered of one leg's messages. Ends with the leg. */
export class LegMessages {
  readonly subscriptions = new Map<string, MessageSubscription>();
  /** By the id that the client chose. */
  readonly taken = new Remembered<TakenMessage>();
  /** What REST requests made, by idempotency key. */
  readonly keys = new Remembered<Made>();
  readonly fromClient: Rate;
  readonly toClient: Rate;
  readonly #log: Log;
  #waiting = 0;
  #last = Promise.resolve();

  constructor(clock: Clock, log: Log) {
    this.#log = log;
    this.fromClient = new Rate(clock);
    this.toClient = new Rate(clock);
  }

  get isFull(): boolean {
    return this.#waiting >= MESSAGE_LIMITS.waiting;
  }

  /** Runs after everything given before: the application hears of messages one at a time, in their order. */
  inOrder(work: () => Promise<void>): void {
    this.#waiting++;
    this.#last = this.#last
      .then(work)
      .catch((error: unknown) => {
        this.#log.error({ err: error }, `handing on a message failed: ${describeError(error)}`);
      })
      .finally(() => {
        this.#waiting--;
      });
  }
}

/** The newest entries by key. Overflow forgets the oldest. */
class Remembered<T> {
  readonly #entries = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: T): void {
    this.#entries.set(key, value);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MESSAGE_LIMITS.remembered && oldest !== undefined) this.#entries.delete(oldest);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}

/** So many in any second. */
class Rate {
  readonly #clock: Clock;
  readonly #times: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one; false when it is one too many, which is not counted. */
  take(): boolean {
    const now = this.#clock.monotonic();
    while ((this.#times[0] ?? Infinity) <= now - 1000) this.#times.shift();
    if (this.#times.length >= MESSAGE_LIMITS.perSecond) return false;
    this.#times.push(now);
    return true;
  }
}
