import type { Grants, HookswitchEvent, Position } from '@hookswitch/shared';
import { parseTopic, topicMatches } from '@hookswitch/shared';
import type { Clock, Log, Metrics } from '../kernel/index.ts';
import { AccountFeed } from './account-feed.ts';
import type { AccountFeedOptions } from './account-feed.ts';
import { Delivery } from './delivery.ts';
import type { Outlet } from './delivery.ts';
import { EventLogError } from './errors.ts';
import { Fanout } from './fanout.ts';
import type { Flushable } from './fanout.ts';
import type { EventLog, KeySource, LoggedEvent } from './ports.ts';
import { TokenVerifier } from './tokens.ts';

export interface HubOptions {
  readonly log: EventLog;
  readonly keys: KeySource;
  readonly clock: Clock;
  readonly logger: Log;
  readonly metrics: Metrics;
  readonly feed?: Pick<AccountFeedOptions, 'lingerMs' | 'ring' | 'maxHeldBack'>;
  readonly windowMs?: { readonly min: number; readonly max: number };
}

/** A subscription inside this process. */
export interface HubSubscription {
  /** Every event after this position reaches the listener. Rejects with EventLogError; then nothing is subscribed. */
  readonly ready: Promise<Position>;
  /** The listener is not called after this. Idempotent. */
  close(): void;
}

export interface Hub {
  /** Whether live events and history can be had now. */
  readonly connected: boolean;
  readonly fanout: Fanout;
  /** @throws TokenError */
  verifyToken(token: string): Promise<Grants>;
  /** Resolves when the event is stored. `topic` is normalised. @throws EventLogError */
  publish(accountSid: string, topic: string, event: HookswitchEvent): Promise<Position>;
  /**
   * Live events for a part of this process, in order, each once, those of a time without connection included.
   * `onGap` is called when events were lost for good; they go on after its position.
   * @param pattern a topic or pattern, normalised here
   * @throws EventLogError `invalid` for a pattern that is not valid
   */
  subscribe(
    accountSid: string,
    pattern: string,
    onEvent: (event: LoggedEvent) => void,
    onGap?: (position: Position) => void,
  ): HubSubscription;
  /** The subscriptions of one client. The caller closes it. */
  openDelivery(accountSid: string, outlet: Outlet & Flushable): Delivery;
  /** Accounts with subscriptions in this process, for leak checks. */
  readonly accounts: number;
  /** Ends every subscription; the log belongs to whoever made it. Idempotent. */
  close(): Promise<void>;
}

/** The hub of one process. It knows nothing of transports and nothing of telephony. */
export function createHub(options: HubOptions): Hub {
  return new LocalHub(options);
}

class LocalHub implements Hub {
  readonly fanout: Fanout;
  readonly #options: HubOptions;
  readonly #tokens: TokenVerifier;
  readonly #feeds = new Map<string, AccountFeed>();
  readonly #stopListening: () => void;
  readonly #published;
  #closed = false;

  constructor(options: HubOptions) {
    this.#options = options;
    const { clock, keys, log, metrics } = options;
    this.fanout = new Fanout(options.windowMs === undefined ? { clock } : { clock, windowMs: options.windowMs });
    this.#tokens = new TokenVerifier({ keys, clock });
    this.#published = metrics.counter('hookswitch_hub_published_total', 'Events published through the hub', [
      'outcome',
    ]);
    const regained = metrics.counter('hookswitch_hub_rereads_total', 'Times that missed events had to be re-read');
    const stop = [
      log.on('lost', () => {
        for (const feed of this.#feeds.values()) feed.lost();
      }),
      log.on('regained', () => {
        regained.inc();
        for (const feed of this.#feeds.values()) feed.regained();
      }),
    ];
    this.#stopListening = () => {
      for (const off of stop) off();
    };
  }

  get connected(): boolean {
    return this.#options.log.connected && !this.#closed;
  }

  get accounts(): number {
    return this.#feeds.size;
  }

  verifyToken(token: string): Promise<Grants> {
    return this.#tokens.verify(token);
  }

  async publish(accountSid: string, topic: string, event: HookswitchEvent): Promise<Position> {
    try {
      const position = await this.#options.log.publish(accountSid, topic, event);
      this.#published.inc({ outcome: 'stored' });
      return position;
    } catch (error) {
      this.#published.inc({ outcome: error instanceof EventLogError ? error.reason : 'failed' });
      throw error;
    }
  }

  subscribe(
    accountSid: string,
    pattern: string,
    onEvent: (event: LoggedEvent) => void,
    onGap: (position: Position) => void = () => undefined,
  ): HubSubscription {
    const parsed = parseTopic(pattern, { wildcards: true });
    if (!parsed.ok) throw new EventLogError('invalid', `'${pattern}': ${parsed.problem}`);
    const guard = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        this.#options.logger.error({ err: error, pattern }, 'a listener of hub events failed');
      }
    };
    /** Events up to here are not this listener's; undefined until the subscription is ready. */
    let after: number | undefined;
    let open = true;
    const feed = this.#feed(accountSid);
    const give = (event: LoggedEvent): void => {
      if (!open || after === undefined || event.position.seq <= after) return;
      after = event.position.seq;
      guard(() => {
        onEvent(event);
      });
    };
    const subscription = feed.subscribe(parsed.topic, {
      deliver: give,
      reset: (position) => {
        if (after === undefined) return;
        after = position.seq;
        guard(() => {
          onGap(position);
        });
      },
    });
    const ready = subscription.ready.then((position) => {
      after = position.seq;
      for (const event of feed.recent(position.seq)) if (topicMatches(parsed.topic, event.topic)) give(event);
      return position;
    });
    ready.catch(() => undefined);
    return {
      ready,
      close: () => {
        open = false;
        subscription.close();
      },
    };
  }

  openDelivery(accountSid: string, outlet: Outlet & Flushable): Delivery {
    const { fanout } = this;
    return new Delivery({
      feed: this.#feed(accountSid),
      frameOf: (event) => fanout.frameOf(event),
      clock: this.#options.clock,
      logger: this.#options.logger,
      outlet,
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
    this.fanout.close();
    await Promise.resolve();
  }

  #feed(accountSid: string): AccountFeed {
    const existing = this.#feeds.get(accountSid);
    if (existing !== undefined) return existing;
    const { log, clock, logger } = this.#options;
    const feed = new AccountFeed({
      accountSid,
      log,
      clock,
      logger,
      ...this.#options.feed,
      onIdle: () => {
        if (this.#feeds.get(accountSid) === feed) this.#feeds.delete(accountSid);
      },
    });
    this.#feeds.set(accountSid, feed);
    return feed;
  }
}
