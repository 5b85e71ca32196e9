import type { MetricHistogram, Metrics } from '../kernel/index.ts';

/** The first token of a topic; anything else is `other`: clients choose their topics. */
const CLASSES = [
  'app',
  'calls',
  'clients',
  'queues',
  'conferences',
  'numbers',
  'streams',
  'recordings',
  'trunks',
  'phones',
  'presence',
  'links',
  'webhooks',
  'cluster',
] as const;
const KNOWN = new Set<string>(CLASSES);
/** Label of accounts without one of their own, and of topics of no class. */
const OTHER = 'other';
/** Accounts that are looked at for a label, at most; those beyond wait for the next look. */
const MAX_CANDIDATES = 10_000;
/** An account takes the label of another one that had so much less to do since the last look. */
const BUSIER = 2;
const LAG_BUCKETS = [0.01, 0.05, 0.25, 1, 5, 15];

/** Events of one account label and topic class. Plain numbers: one is added to with every delivery. */
export class EventTally {
  published = 0;
  publishedBytes = 0;
  delivered = 0;
  deliveredBytes = 0;
  /** Not sent because the client reads too slowly: it reads them again, or is told of the gap. */
  dropped = 0;
  /** Not sent because a newer one of the topic is. */
  conflated = 0;
}
type EventCount = keyof EventTally;

const LABELS = ['account', 'class'] as const;

interface Row {
  readonly classes: Map<string, EventTally>;
  /** Events since the last look, once each. */
  events: number;
}

/** What an account has now. */
export interface AccountHolding {
  readonly accountSid: string;
  readonly connections: number;
  readonly subscriptions: number;
}

export interface AccountMetricsOptions {
  readonly metrics: Metrics;
  /** Accounts with a label of their own (default 50); the others together are `other`. 0: all of them. */
  readonly accounts?: number;
}

/**
 * Metrics by account and topic class. The number of series is bounded: the first accounts that come have a label, and at
 * each exposition the busiest ones without take those of the least busy. A label that was taken away is not shown any
 * more; when it comes back it begins at zero, as after a restart.
 */
export class AccountMetrics {
  readonly #most: number;
  readonly #rows = new Map<string, Row>();
  /** What accounts without a label did since the last look. */
  #candidates = new Map<string, number>();
  readonly #lag: MetricHistogram<'account'>;
  #holdings: () => readonly AccountHolding[] = () => [];

  constructor({ metrics, accounts = 50 }: AccountMetricsOptions) {
    this.#most = accounts;
    this.#rows.set(OTHER, { classes: new Map(), events: 0 });
    this.#addEvents(metrics);
    metrics.gauge(
      'hookswitch_account_connections',
      'Clients of an account, waiting long-polls included',
      ['account'],
      () => this.#held('connections'),
    );
    metrics.gauge('hookswitch_account_subscriptions', 'Subscriptions of its clients', ['account'], () =>
      this.#held('subscriptions'),
    );
    this.#lag = metrics.histogram(
      'hookswitch_account_lag_seconds',
      'Time until a client said it has read what was sent',
      {
        labels: ['account'],
        buckets: LAG_BUCKETS,
      },
    );
  }

  #addEvents(metrics: Metrics): void {
    const of = (count: EventCount) => () => this.#events(count);
    metrics.counter('hookswitch_account_published_total', 'Events that were published and stored', LABELS, () => {
      // The first that is asked at an exposition: all of them have the same labels.
      this.#look();
      return this.#events('published');
    });
    const bytes = 'Bytes of data in them';
    metrics.counter('hookswitch_account_published_bytes_total', bytes, LABELS, of('publishedBytes'));
    metrics.counter('hookswitch_account_delivered_total', 'Events written to clients', LABELS, of('delivered'));
    metrics.counter('hookswitch_account_delivered_bytes_total', 'Bytes of them', LABELS, of('deliveredBytes'));
    const dropped = 'Events not sent because a client reads slowly';
    metrics.counter('hookswitch_account_dropped_total', dropped, LABELS, of('dropped'));
    const conflated = 'Events not sent because there is a newer one of the topic';
    metrics.counter('hookswitch_account_conflated_total', conflated, LABELS, of('conflated'));
  }

  /** Where connections and subscriptions are known. */
  watch(holdings: () => readonly AccountHolding[]): void {
    this.#holdings = holdings;
  }

  /** What counts the events of an account on a topic. Keep it for one event only: labels change hands. */
  tallyOf(accountSid: string, topic: string): EventTally {
    const row = this.#rowOf(accountSid);
    row.events += 1;
    const { classes } = row;
    const name = classOf(topic);
    let tally = classes.get(name);
    if (tally === undefined) classes.set(name, (tally = new EventTally()));
    return tally;
  }

  /** A client acknowledged what was sent so long ago. */
  lag(accountSid: string, ms: number): void {
    this.#lag.observe(ms / 1000, { account: this.#rows.has(accountSid) ? accountSid : OTHER });
  }

  #rowOf(accountSid: string): Row {
    const known = this.#rows.get(accountSid);
    if (known !== undefined) return known;
    if (this.#rows.size <= this.#most) return this.#label(accountSid);
    if (this.#candidates.size < MAX_CANDIDATES || this.#candidates.has(accountSid)) {
      this.#candidates.set(accountSid, (this.#candidates.get(accountSid) ?? 0) + 1);
    }
    return this.#rows.get(OTHER) ?? this.#label(OTHER);
  }

  #label(account: string): Row {
    const row = { classes: new Map<string, EventTally>(), events: 0 };
    this.#rows.set(account, row);
    return row;
  }

  /** Gives labels to the busiest of those without. */
  #look(): void {
    const labelled = [...this.#rows].filter(([account]) => account !== OTHER);
    const idle = labelled.map(([account, { events }]) => ({ account, did: events }));
    idle.sort((a, b) => a.did - b.did);
    const busy = [...this.#candidates].sort(([, a], [, b]) => b - a).slice(0, idle.length);
    for (const [at, [account, did]] of busy.entries()) {
      const weakest = idle[at];
      if (weakest === undefined || did <= weakest.did * BUSIER) break;
      this.#rows.delete(weakest.account);
      this.#lag.remove({ account: weakest.account });
      this.#label(account);
    }
    for (const row of this.#rows.values()) row.events = 0;
    this.#candidates = new Map();
  }

  #events(count: EventCount): (readonly [{ account: string; class: string }, number])[] {
    return [...this.#rows].flatMap(([account, { classes }]) =>
      [...classes].map(([name, tally]) => [{ account, class: name }, tally[count]] as const),
    );
  }

  #held(what: 'connections' | 'subscriptions'): (readonly [{ account: string }, number])[] {
    const sums = new Map<string, number>();
    for (const account of this.#rows.keys()) sums.set(account, 0);
    for (const held of this.#holdings()) {
      if (this.#rows.size <= this.#most && !this.#rows.has(held.accountSid)) this.#label(held.accountSid);
      const account = this.#rows.has(held.accountSid) ? held.accountSid : OTHER;
      sums.set(account, (sums.get(account) ?? 0) + held[what]);
    }
    return [...sums].map(([account, sum]) => [{ account }, sum] as const);
  }
}

function classOf(topic: string): string {
  const dot = topic.indexOf('.');
  const first = dot < 0 ? topic : topic.slice(0, dot);
  return KNOWN.has(first) ? first : OTHER;
}
