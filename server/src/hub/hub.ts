import type { Grants, HookswitchEvent, Position } from '@hookswitch/shared';
import { parseTopic, topicMatches } from '@hookswitch/shared';
import type { Clock, Log, Metrics } from '../kernel/index.ts';
import { AccountMetrics } from './account-metrics.ts';
import { AccountFeed } from './account-feed.ts';
import type { AccountFeedOptions } from './account-feed.ts';
import { ColdScans } from './cold-scans.ts';
import type { ColdScansOptions } from './cold-scans.ts';
import { Delivery } from './delivery.ts';
import type { DeliveryContext } from './delivery.ts';
import type { Outlet } from './outlet.ts';
import { EventLogError } from './errors.ts';
import { EndedTokenWatch } from './ended-tokens.ts';
import { EventFilters } from './event-filter.ts';
import { Fanout } from './fanout.ts';
import type { Flushable } from './fanout-lane.ts';
import type { EndedTokens, EventLog, KeySource, LoggedEvent, RevocationStore } from './ports.ts';
import { readHistory } from './history.ts';
import type { HistoryPage, HistoryQuery } from './history.ts';
import { TokenVerifier } from './tokens.ts';

export interface HubOptions {
  readonly log: EventLog;
  readonly keys: KeySource;
  /** Tokens taken back before their time (default: none ever). Belongs to whoever made it. */
  readonly revocations?: RevocationStore;
  readonly clock: Clock;
  readonly logger: Log;
  readonly metrics: Metrics;
  /** See {@link AccountMetrics}. */
  readonly metricsAccounts?: number;
  readonly feed?: Pick<AccountFeedOptions, 'lingerMs' | 'ring' | 'maxHeldBack'>;
  readonly scans?: Pick<ColdScansOptions, 'maxScans' | 'maxBytes' | 'patienceMs'>;
  readonly windowMs?: { readonly min: number; readonly max: number; readonly longest?: number };
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
  /** Metrics by account and class of topics. */
  readonly accountMetrics: AccountMetrics;
  /** Makes the filters of subscriptions: see `allowSubscription`. */
  readonly filters: EventFilters;
  /** @throws TokenError */
  verifyToken(token: string): Promise<Grants>;
  /**
   * Tells of tokens that ended before their time: revoked, their key deleted, their account not active any more. Whoever
   * serves clients ends those that it hits. Returns what takes the listener back.
   */
  onTokensEnded(listener: (ended: EndedTokens) => void): () => void;
  /** Resolves when the event is stored. `topic` is normalised. @param bytes of its data, for metrics @throws EventLogError */
  publish(accountSid: string, topic: string, event: HookswitchEvent, bytes?: number): Promise<Position>;
  /** One page of what is kept, for who does not subscribe. The pattern is normalised. @throws EventLogError */
  history(query: HistoryQuery): Promise<HistoryPage>;
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
  readonly accountMetrics: AccountMetrics;
  readonly fanout: Fanout;
  readonly filters: EventFilters;
  readonly #options: HubOptions;
  readonly #tokens: TokenVerifier;
  readonly #ended: EndedTokenWatch;
  readonly #deliveries: DeliveryContext;
  readonly #feeds = new Map<string, AccountFeed>();
  readonly #scans: ColdScans;
  readonly #stopListening: () => void;
  readonly #published;
  #closed = false;

  constructor(options: HubOptions) {
    this.#options = options;
    const { clock, keys, log, metrics, revocations, logger } = options;
    const accounts = options.metricsAccounts === undefined ? {} : { accounts: options.metricsAccounts };
    this.accountMetrics = new AccountMetrics({ metrics, ...accounts });
    this.fanout = new Fanout({
      clock,
      tallyOf: ({ accountSid, topic }) => this.accountMetrics.tallyOf(accountSid, topic),
      ...(options.windowMs === undefined ? {} : { windowMs: options.windowMs }),
    });
    const { fanout } = this;
    this.#deliveries = {
      itemOf: (event) => fanout.itemOf(event),
      itemsOf: (events) => fanout.itemsOf(events),
      clock,
      logger,
    };
    this.#tokens = new TokenVerifier({ keys, clock, ...(revocations === undefined ? {} : { revocations }) });
    this.#ended = new EndedTokenWatch({ keys, revocations, clock, log: logger });
    this.#published = metrics.counter('hookswitch_hub_published_total', 'Events published through the hub', [
      'outcome',
    ]);
    const scanned = metrics.counter(
      'hookswitch_hub_scans_total',
      'Readings of history, each for all who waited for it',
    );
    this.#scans = new ColdScans({
      log,
      clock,
      ...options.scans,
      onScan: () => {
        scanned.inc();
      },
    });
    const evaluated = metrics.counter(
      'hookswitch_hub_filter_evaluations_total',
      'Events looked at by a filter: once for each event and distinct filter, however many subscriptions have it',
    );
    this.filters = new EventFilters(() => {
      evaluated.inc();
    });
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

  onTokensEnded(listener: (ended: EndedTokens) => void): () => void {
    return this.#ended.on(listener);
  }

  async publish(accountSid: string, topic: string, event: HookswitchEvent, bytes = 0): Promise<Position> {
    try {
      const position = await this.#options.log.publish(accountSid, topic, event);
      this.#published.inc({ outcome: 'stored' });
      const tally = this.accountMetrics.tallyOf(accountSid, topic);
      tally.published += 1;
      tally.publishedBytes += bytes;
      return position;
    } catch (error) {
      this.#published.inc({ outcome: error instanceof EventLogError ? error.reason : 'failed' });
      throw error;
    }
  }

  history(query: HistoryQuery): Promise<HistoryPage> {
    return readHistory(this.#options.log, this.#scans, query);
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
      deliver: (events) => {
        events.forEach(give);
      },
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
    return new Delivery(this.#deliveries, this.#feed(accountSid), outlet);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    this.#ended.close();
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
    this.#scans.close();
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
      scans: this.#scans,
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
