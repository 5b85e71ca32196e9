import type { Position } from '@hookswitch/shared';
import type { Timer } from '../kernel/index.ts';
import type { LogSubscription, LoggedEvent } from './ports.ts';

/** Receives what matches one pattern of one account. Never throws. */
export interface FeedSink {
  /** One or more of the same topic, in rising sequence, all of them among the recent events already. */
  deliver(events: readonly LoggedEvent[]): void;
  /** Continuity is lost (stream recreated, retention passed while disconnected): events go on after `position`. */
  reset(position: Position): void;
}

export interface FeedSubscription {
  readonly pattern: string;
  /**
   * Every event after this position is delivered to the sink or can be had from {@link AccountFeed.recent}.
   * Rejects with EventLogError; the subscription is then closed already.
   */
  readonly ready: Promise<Position>;
  close(): void;
}

/** One pattern that a feed follows in the log, for all its subscriptions. */
export interface Followed {
  readonly pattern: string;
  /** Events after this sequence are seen by this process; undefined until the log subscription is ready. */
  since: number | undefined;
  ready: Promise<Position>;
}

/** As its feed sees it. */
export interface Pattern extends Followed {
  users: number;
  readonly subscription: LogSubscription;
  linger: Timer | undefined;
}

/** What gave out the subscriptions. */
interface Source<F> {
  unsubscribe(followed: F, sink: FeedSink): void;
}

/** Small, since every subscription of every client has one. */
export class PatternSubscription<F extends Followed> implements FeedSubscription {
  readonly #feed: Source<F>;
  readonly #followed: F;
  readonly #sink: FeedSink;
  #open = true;

  constructor(feed: Source<F>, followed: F, sink: FeedSink) {
    this.#feed = feed;
    this.#followed = followed;
    this.#sink = sink;
    if (followed.since === undefined) this.ready.catch(() => undefined);
  }

  get pattern(): string {
    return this.#followed.pattern;
  }

  get ready(): Promise<Position> {
    const ready = this.#followed.ready.catch((error: unknown) => {
      this.close();
      throw error;
    });
    ready.catch(() => undefined);
    return ready;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#feed.unsubscribe(this.#followed, this.#sink);
  }
}
