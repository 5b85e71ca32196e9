import type { Position } from '@hookswitch/shared';
import { describeError } from '../kernel/index.ts';
import type { Clock, Log, Timer } from '../kernel/index.ts';
import { EventLogError } from './errors.ts';
import { HotRing } from './hot-ring.ts';
import type { HotRingOptions } from './hot-ring.ts';
import type { EventLog, LogBounds, LogSubscription, LoggedEvent } from './ports.ts';
import { TopicTrie } from './topic-trie.ts';

/** Receives what matches one pattern of one account. Never throws. */
export interface FeedSink {
  deliver(event: LoggedEvent): void;
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

export interface AccountFeedOptions {
  readonly accountSid: string;
  readonly log: EventLog;
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

interface Pattern {
  readonly pattern: string;
  users: number;
  readonly subscription: LogSubscription;
  /** Events after this sequence are seen by this process; undefined until the log subscription is ready. */
  since: number | undefined;
  ready: Promise<Position>;
  linger: Timer | undefined;
}

const RETRY_MS = 500;

/**
 * The live events of one account in this process, in rising sequence, each dispatched once however many patterns match
 * it. One ref-counted log subscription per pattern, with a linger, so that a storm of reconnecting clients finds both the
 * subscription and the recent events still there.
 *
 * After the log regained its connection, everything since the last dispatched event is re-read for all patterns in one
 * scan before live delivery goes on. Owner: the hub; `close()` ends everything.
 */
export class AccountFeed {
  readonly #options: AccountFeedOptions;
  readonly #trie = new TopicTrie<FeedSink>();
  readonly #patterns = new Map<string, Pattern>();
  readonly #ring: HotRing;
  #epoch: string | undefined;
  #dispatched = 0;
  /** Live events that wait for the end of a re-read; undefined when none runs. */
  #heldBack: LoggedEvent[] | undefined;
  #again = false;
  #resyncing = false;
  #retry: Timer | undefined;
  #holders = 0;
  #closed = false;

  constructor(options: AccountFeedOptions) {
    this.#options = options;
    this.#ring = new HotRing(options.ring);
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

  /** Keeps the feed although it has no pattern. Returns the release, to be called once. */
  hold(): () => void {
    this.#holders += 1;
    return () => {
      this.#holders -= 1;
      this.#maybeIdle();
    };
  }

  subscribe(pattern: string, sink: FeedSink): FeedSubscription {
    const entry = this.#acquire(pattern);
    this.#trie.add(pattern, sink);
    let open = true;
    const close = (): void => {
      if (!open) return;
      open = false;
      this.#trie.remove(pattern, sink);
      this.#release(entry);
    };
    const ready = entry.ready.catch((error: unknown) => {
      close();
      throw error;
    });
    ready.catch(() => undefined);
    return { pattern, ready, close };
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

  read(patterns: readonly string[], from: Position, to: Position): AsyncIterable<LoggedEvent> {
    return this.#options.log.read({ accountSid: this.#options.accountSid, patterns, from, to });
  }

  /**
   * The log's live delivery stopped. What comes from now on is held back until the re-read: live events may arrive
   * before `regained` is told, and would otherwise hide what was published in between.
   */
  lost(): void {
    if (this.#epoch !== undefined && !this.#closed) this.#heldBack ??= [];
  }

  /** The log's live delivery works again: re-reads what may have been missed. */
  regained(): void {
    if (this.#epoch === undefined && !this.#resyncing) this.#heldBack = undefined;
    if (this.#epoch === undefined || this.#closed) return;
    this.#again = true;
    this.#retry?.cancel();
    this.#retry = undefined;
    void this.#resync();
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    for (const entry of this.#patterns.values()) {
      entry.linger?.cancel();
      entry.subscription.close();
    }
    this.#patterns.clear();
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
    // An event up to `dispatched` would be taken for a repetition: delivery begins after both.
    entry.since = this.#epoch === bounds.epoch ? Math.max(bounds.head, this.#dispatched) : bounds.head;
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
    this.#ring.clear();
    this.#maybeIdle();
  }

  #wanted(): boolean {
    return this.#again && !this.#closed;
  }

  #maybeIdle(): void {
    if (this.#patterns.size === 0 && this.#holders === 0 && !this.#closed) this.#options.onIdle();
  }

  #live(event: LoggedEvent): void {
    if (this.#closed) return;
    if (this.#heldBack !== undefined) {
      if (this.#heldBack.length < (this.#options.maxHeldBack ?? 10_000)) this.#heldBack.push(event);
      else {
        this.#heldBack.length = 0;
        this.#again = true;
      }
      return;
    }
    if (this.#epoch !== undefined && event.position.epoch !== this.#epoch) {
      void this.#resync();
      return;
    }
    this.#epoch ??= event.position.epoch;
    this.#dispatch(event);
  }

  #dispatch(event: LoggedEvent): void {
    if (event.position.seq <= this.#dispatched) return;
    this.#dispatched = event.position.seq;
    this.#ring.push(event);
    this.#trie.match(event.topic, (sink) => {
      sink.deliver(event);
    });
  }

  async #resync(): Promise<void> {
    this.#heldBack ??= [];
    if (this.#resyncing) return;
    this.#resyncing = true;
    try {
      do {
        this.#again = false;
        await this.#reread();
        // A new request or an overflow of the held-back events during the re-read: go on from where it came to.
      } while (this.#wanted());
    } catch (error) {
      this.#resyncing = false;
      this.#resyncFailed(error);
      return;
    }
    this.#resyncing = false;
    const held = this.#heldBack;
    if (held.some((event) => event.position.epoch !== this.#epoch)) {
      // They are stored: the next re-read finds them.
      held.length = 0;
      this.#resyncFailed(new EventLogError('epoch-changed', 'live events are of another epoch than the stream'));
      return;
    }
    this.#heldBack = undefined;
    for (const event of held) this.#dispatch(event);
  }

  /** Live events stay held back. Without a connection the next attempt comes with `regained`. */
  #resyncFailed(error: unknown): void {
    const { log, clock, logger, accountSid } = this.#options;
    if (this.#closed || !log.connected) return;
    logger.warn({ account: accountSid }, `re-reading missed events failed, trying again: ${describeError(error)}`);
    this.#retry?.cancel();
    this.#retry = clock.setTimer(RETRY_MS, () => {
      this.#retry = undefined;
      void this.#resync();
    });
  }

  async #reread(): Promise<void> {
    const bounds = await this.bounds();
    if (this.#closed) return;
    const from = this.#dispatched;
    if (bounds.epoch !== this.#epoch || from < bounds.lowWater || from > bounds.head) {
      this.#reset(bounds);
      return;
    }
    const at = (seq: number): Position => ({ epoch: bounds.epoch, seq });
    try {
      for await (const event of this.read([...this.#patterns.keys()], at(from), at(bounds.head))) this.#dispatch(event);
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
