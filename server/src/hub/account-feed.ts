import { topicMatches } from '@hookswitch/shared';
import type { Position, Rewind } from '@hookswitch/shared';
import { describeError } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';
import type { ColdScans } from './cold-scans.ts';
import { EventLogError } from './errors.ts';
import { FeedOrder } from './feed-order.ts';
import { FeedResync } from './feed-resync.ts';
import { PatternSubscription } from './feed-subscription.ts';
import type { FeedSink, FeedSubscription, Pattern } from './feed-subscription.ts';
import { HotRing } from './hot-ring.ts';
import type { HotRingOptions } from './hot-ring.ts';
import { isLate } from './late-event.ts';
import type { EventLog, LogBounds, LoggedEvent } from './ports.ts';
import { rewindInLog } from './rewind.ts';
import type { RewindStart } from './rewind.ts';
import { topicRuns } from './topic-runs.ts';
import { TopicTrie } from './topic-trie.ts';

export interface AccountFeedOptions {
  readonly accountSid: string;
  readonly log: EventLog;
  /** Reads history for all accounts of the process. */
  readonly scans: ColdScans;
  readonly clock: Clock;
  readonly logger: Log;
  /** How long a pattern stays subscribed after its last user left, milliseconds (default 20 000). */
  readonly lingerMs?: number;
  readonly ring?: HotRingOptions;
  /** Most live events held back while missed ones are re-read; more of them start the re-read again (default 10 000). */
  readonly maxHeldBack?: number;
  /** The last pattern, lingering included, and the last holder are gone. */
  readonly onIdle: () => void;
}

const MAX_HELD_BACK = 10_000;

/**
 * The live events of one account in this process, in rising sequence, each dispatched once however many patterns match
 * it. One ref-counted log subscription per pattern, with a linger, so that a storm of reconnecting clients finds both the
 * subscription and the recent events still there.
 *
 * Events come from the log nearly in order: {@link FeedOrder} sees to the rest, so that none is dispatched after a later one.
 *
 * After the log regained its connection, everything since the last dispatched event is re-read for all patterns in one
 * scan before live delivery goes on. Owner: the hub; `close()` ends everything.
 */
export class AccountFeed {
  readonly #options: AccountFeedOptions;
  readonly #trie = new TopicTrie<FeedSink>();
  readonly #patterns = new Map<string, Pattern>();
  readonly #ring: HotRing;
  readonly #order: FeedOrder;
  readonly #resync: FeedResync;
  #epoch: string | undefined;
  #dispatched = 0;
  /** Live events of this turn, dispatched at its end. */
  #turn: LoggedEvent[] = [];
  #holders = 0;
  #closed = false;

  constructor(options: AccountFeedOptions) {
    this.#options = options;
    this.#ring = new HotRing(options.ring);
    this.#order = this.#openOrder(options);
    this.#resync = this.#openResync(options);
  }

  /** Sequence up to which everything that any pattern here matches has been dispatched. */
  get dispatched(): number {
    return this.#dispatched;
  }

  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** Log subscriptions held, lingering ones included. */
  get patterns(): number {
    return this.#patterns.size;
  }

  /** Keeps the feed although it has no pattern, until {@link release}. */
  hold(): void {
    this.#holders += 1;
  }

  /** Once for every {@link hold}. */
  release(): void {
    this.#holders -= 1;
    this.#maybeIdle();
  }

  subscribe(pattern: string, sink: FeedSink): FeedSubscription {
    const entry = this.#acquire(pattern);
    this.#trie.add(pattern, sink);
    return new PatternSubscription(this, entry, sink);
  }

  /** For its subscriptions, once each. */
  unsubscribe(entry: Pattern, sink: FeedSink): void {
    this.#trie.remove(entry.pattern, sink);
    this.#release(entry);
  }

  /** Whether {@link recent} is complete for this pattern after `seq`. */
  coversSince(pattern: string, seq: number): boolean {
    return this.#ring.reaches(seq) && (this.#patterns.get(pattern)?.since ?? Infinity) <= seq;
  }

  /** Whether no dispatched event after `seq` is missing in {@link recent}. */
  reaches(seq: number): boolean {
    return this.#ring.reaches(seq);
  }

  /** Dispatched events with `after < seq < before`, whatever pattern they came for, in order. */
  recent(after: number, before = Infinity): readonly LoggedEvent[] {
    return this.#ring.between(after, before);
  }

  bounds(): Promise<LogBounds> {
    return this.#options.log.bounds(this.#options.accountSid);
  }

  /** Where a rewind of the pattern, which is subscribed, begins. Rejects with EventLogError. */
  rewind(pattern: string, { count, since }: Rewind): Promise<RewindStart> {
    const { log, accountSid } = this.#options;
    const seq = count === undefined || since !== undefined ? undefined : this.#recentBack(pattern, count);
    if (seq !== undefined && this.#epoch !== undefined) {
      return Promise.resolve({ position: { epoch: this.#epoch, seq }, complete: true });
    }
    return rewindInLog(log, { accountSid, pattern, count, since });
  }

  /** Sequence before the newest `count` events of the pattern, if that many are among the recent ones. */
  #recentBack(pattern: string, count: number): number | undefined {
    const since = this.#patterns.get(pattern)?.since;
    if (since === undefined || this.#resync.isHolding) return undefined;
    const oldest = this.#ring.back((event) => topicMatches(pattern, event.topic), count);
    if (oldest === undefined || oldest.position.seq <= since) return undefined;
    return oldest.position.seq - 1;
  }

  /** History, shared with whoever else reads at this time. */
  read(patterns: readonly string[], from: Position, to: Position): AsyncIterable<LoggedEvent> {
    return this.#options.scans.read({ accountSid: this.#options.accountSid, patterns, from, to });
  }

  /**
   * The log's live delivery stopped. What comes from now on is held back until the re-read: live events may arrive
   * before `regained` is told, and would otherwise hide what was published in between.
   */
  lost(): void {
    if (this.#epoch === undefined || this.#closed) return;
    this.#resync.hold();
    this.#order.clear();
  }

  /** The log's live delivery works again: re-reads what may have been missed. */
  regained(): void {
    if (this.#epoch === undefined) this.#resync.letGo();
    else if (!this.#closed) this.#resync.restart();
  }

  close(): void {
    this.#closed = true;
    this.#order.clear();
    this.#resync.close();
    for (const entry of this.#patterns.values()) {
      entry.linger?.cancel();
      entry.subscription.close();
    }
    this.#patterns.clear();
  }

  #openOrder({ accountSid, log, logger, maxHeldBack = MAX_HELD_BACK }: AccountFeedOptions): FeedOrder {
    return new FeedOrder({
      accountSid,
      log,
      maxWaiting: maxHeldBack,
      followed: this.#patterns,
      read: (filters, from, to) => this.read(filters, this.#at(from), this.#at(to)),
      dispatched: () => this.#dispatched,
      dispatch: (events) => {
        this.#dispatch(events);
      },
      failed: (error) => {
        logger.debug({ account: accountSid }, `the order of live events is not known: ${describeError(error)}`);
        void this.#resync.run();
      },
    });
  }

  #openResync({ accountSid, clock, logger, log, maxHeldBack = MAX_HELD_BACK }: AccountFeedOptions): FeedResync {
    return new FeedResync({
      accountSid,
      clock,
      logger,
      connected: () => log.connected,
      maxHeldBack,
      epoch: () => this.#epoch,
      reread: () => this.#reread(),
      release: (events) => {
        this.#takeLive(events);
      },
    });
  }

  #acquire(pattern: string): Pattern {
    const existing = this.#patterns.get(pattern);
    if (existing !== undefined) {
      existing.users += 1;
      existing.linger?.cancel();
      existing.linger = undefined;
      return existing;
    }
    const { log, accountSid } = this.#options;
    const subscription = log.subscribe(accountSid, pattern, (event) => {
      this.#live(event);
    });
    const entry: Pattern = {
      pattern,
      users: 1,
      subscription,
      since: undefined,
      ready: Promise.resolve({ epoch: '', seq: 0 }),
      linger: undefined,
    };
    this.#patterns.set(pattern, entry);
    this.#order.follow(pattern);
    entry.ready = this.#settle(entry);
    entry.ready.catch(() => {
      // The next subscriber tries again with a new log subscription.
      if (this.#patterns.get(pattern) === entry) this.#forget(entry);
    });
    return entry;
  }

  /** Where the entry's live delivery begins: asked for after the log subscription stands, so that nothing is between. */
  async #settle(entry: Pattern): Promise<Position> {
    await entry.subscription.ready;
    const bounds = await this.bounds();
    if (this.#closed) throw new EventLogError('closed', 'the feed was closed');
    if (this.#epoch === undefined) {
      this.#epoch = bounds.epoch;
      this.#dispatched = bounds.head;
    } else if (this.#epoch !== bounds.epoch) {
      this.regained();
    }
    // An event up to `dispatched` would be taken for a repetition, and what waits may hide one: delivery begins after all.
    entry.since = this.#epoch === bounds.epoch ? Math.max(bounds.head, this.#order.highest) : bounds.head;
    return { epoch: bounds.epoch, seq: entry.since };
  }

  #release(entry: Pattern): void {
    entry.users -= 1;
    if (entry.users > 0 || this.#patterns.get(entry.pattern) !== entry) return;
    entry.linger = this.#options.clock.setTimer(this.#options.lingerMs ?? 20_000, () => {
      this.#forget(entry);
    });
  }

  #forget(entry: Pattern): void {
    entry.linger?.cancel();
    entry.subscription.close();
    this.#patterns.delete(entry.pattern);
    if (this.#patterns.size > 0) return;
    // Nothing is followed any more: the next pattern begins afresh instead of catching up with what nobody wants.
    this.#epoch = undefined;
    this.#dispatched = 0;
    this.#order.clear();
    this.#ring.clear();
    this.#maybeIdle();
  }

  #maybeIdle(): void {
    if (this.#patterns.size === 0 && this.#holders === 0 && !this.#closed) this.#options.onIdle();
  }

  #live(event: LoggedEvent): void {
    if (this.#closed || this.#resync.keeps(event)) return;
    if (this.#epoch !== undefined && event.position.epoch !== this.#epoch) {
      void this.#resync.run();
      return;
    }
    if (this.#epoch === undefined) {
      // Delivery of the first pattern begins with this one or later.
      this.#epoch = event.position.epoch;
      this.#dispatched = event.position.seq - 1;
    }
    this.#turn.push(event);
    if (this.#turn.length === 1) {
      queueMicrotask(() => {
        this.#endOfTurn();
      });
    }
  }

  /** What one read of the socket brought, each subscriber given all of a topic at once while it is at hand. */
  #endOfTurn(): void {
    const turn = this.#turn.filter((event) => event.position.epoch === this.#epoch);
    this.#turn = [];
    if (this.#closed) return;
    this.#takeLive(turn);
  }

  #takeLive(events: LoggedEvent[]): void {
    events.sort((one, other) => one.position.seq - other.position.seq);
    for (const event of events) if (event.position.seq < this.#dispatched) this.#late(event);
    this.#order.take(events);
  }

  #at(seq: number): Position {
    return { epoch: this.#epoch ?? '', seq };
  }

  /** Too late to be given in its place, and not to be had when it was looked for: who should have got it is told. */
  #late(event: LoggedEvent): void {
    if (!isLate(event, this.#patterns.values(), this.#ring)) return;
    const at = { epoch: event.position.epoch, seq: this.#dispatched };
    this.#trie.match(event.topic, (sink) => {
      sink.reset(at);
    });
  }

  #dispatch(events: readonly LoggedEvent[]): void {
    for (const run of topicRuns(events, this.#dispatched)) this.#dispatchRun(run);
  }

  /** Events of one topic. All count as dispatched before the first is given away: whoever has to catch up finds them. */
  #dispatchRun(run: readonly LoggedEvent[]): void {
    const last = run.at(-1);
    if (last === undefined) return;
    this.#dispatched = last.position.seq;
    for (const event of run) this.#ring.push(event);
    this.#trie.match(last.topic, (sink) => {
      sink.deliver(run);
    });
  }

  async #reread(): Promise<void> {
    // All of it is stored.
    this.#order.clear();
    const bounds = await this.bounds();
    if (this.#closed) return;
    const from = this.#dispatched;
    if (bounds.epoch !== this.#epoch || from < bounds.lowWater || from > bounds.head) {
      this.#reset(bounds);
      return;
    }
    const at = (seq: number): Position => ({ epoch: bounds.epoch, seq });
    try {
      for await (const event of this.read([...this.#patterns.keys()], at(from), at(bounds.head)))
        this.#dispatch([event]);
      this.#dispatched = Math.max(this.#dispatched, bounds.head);
    } catch (error) {
      if (!(error instanceof EventLogError) || (error.reason !== 'expired' && error.reason !== 'epoch-changed'))
        throw error;
      this.#reset(await this.bounds());
    }
  }

  #reset(bounds: LogBounds): void {
    this.#options.logger.warn(
      { account: this.#options.accountSid, epoch: bounds.epoch, head: bounds.head },
      'events were lost: the stream was recreated or its retention passed; subscribers are told',
    );
    this.#epoch = bounds.epoch;
    this.#dispatched = bounds.head;
    this.#ring.clear();
    for (const entry of this.#patterns.values()) if (entry.since !== undefined) entry.since = bounds.head;
    this.#trie.forEach((sink) => {
      sink.reset({ epoch: bounds.epoch, seq: bounds.head });
    });
  }
}
