import type { Position } from '@hookswitch/shared';
import { delay, describeError } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';
import type { AccountFeed } from './account-feed.ts';
import { Beginnings } from './beginnings.ts';
import { canResume } from './can-resume.ts';
import { EventLogError } from './errors.ts';
import type { EventFilter } from './event-filter.ts';
import { OutboundFrame } from './outbound-frame.ts';
import type { Outlet, OutletItem } from './outlet.ts';
import type { LogBounds, LoggedEvent } from './ports.ts';
import type { RewindStart } from './rewind.ts';
import type { SubscribeOptions, Subscribed } from './subscription.ts';
import { Wish, Wishes } from './wishes.ts';
import type { WishOwner } from './wishes.ts';

/** What all deliveries of a hub share. */
export interface DeliveryContext {
  /** The event's frame, the same object for every subscriber. */
  readonly itemOf: (event: LoggedEvent) => OutletItem;
  /** The same of several that came together: the same array for every subscriber. */
  readonly itemsOf: (events: readonly LoggedEvent[]) => readonly OutletItem[];
  readonly clock: Clock;
  readonly logger: Log;
}

const RETRY_MS = 500;

/**
 * What one subscriber receives: every event that one of its patterns matches once, in rising sequence per topic, without
 * gaps, or else with a `gap` frame that says so. (A subscription that asks for a past which an overlapping one is ahead
 * of gets that past late: the one way to see a topic out of order.)
 *
 * It is either live, queueing events as the feed dispatches them, or in recovery: then live events are left alone, since
 * the feed's recent events and the log hold them, and everything is fetched from where each pattern stands, at the pace
 * of the outlet. A recovery ends in the same turn in which nothing newer is left. Most recoveries of a new subscription
 * begin and end in one turn. An outlet that overflows throws the subscriber back into recovery.
 */
export class Delivery implements WishOwner {
  readonly #context: DeliveryContext;
  readonly #feed: AccountFeed;
  readonly #outlet: Outlet;
  readonly #wishes = new Wishes();
  /** Only while subscriptions are on their way: there are very many deliveries. */
  #beginnings: Beginnings | undefined;
  #closed = false;
  /** Ends a wait before another attempt. */
  #abort: AbortController | undefined;
  #live = true;
  #recovering = false;
  /** Rises with every change that a running recovery has to notice. */
  #generation = 0;
  /** Highest sequence that a recovery queued: at or below it live events may be repetitions. */
  #recoveredUpTo = 0;
  #lastLive = 0;
  /** Sequence of the live event in hand. */
  #inHand: number | undefined;

  constructor(context: DeliveryContext, feed: AccountFeed, outlet: Outlet) {
    this.#context = context;
    this.#feed = feed;
    this.#outlet = outlet;
    feed.hold();
  }

  get size(): number {
    return this.#wishes.size;
  }

  has(pattern: string): boolean {
    return this.#wishes.get(pattern) !== undefined;
  }

  get patterns(): string[] {
    return this.#wishes.patterns;
  }

  /**
   * Where everything that its patterns match has been queued up to; undefined while history is still to come. Patterns
   * that have not begun do not count.
   */
  get caughtUp(): Position | undefined {
    const { epoch, dispatched } = this.#feed;
    return this.#live && epoch !== undefined ? { epoch, seq: this.#inHand ?? dispatched } : undefined;
  }

  /**
   * Whether an event that waits in the outlet is still wanted after a filter changed or a subscription ended. One that is
   * not is to be taken out; it counts as never given.
   */
  keeps(event: LoggedEvent): boolean {
    return this.#wishes.keep(event);
  }

  /** Of a subscription that is held; undefined: no filter. */
  filterOf(pattern: string): EventFilter | undefined {
    return this.#wishes.get(pattern)?.filter;
  }

  /** Another filter for a subscription, for everything that is not queued yet. Nothing is given again for it. */
  changeFilter(pattern: string, filter: EventFilter | undefined): void {
    const wish = this.#wishes.get(pattern);
    if (wish === undefined || wish.filter?.key === filter?.key) return;
    const live = this.#live && wish.begun;
    this.#wishes.changeFilter(wish, filter, live ? Math.max(wish.after, this.#feed.dispatched) : wish.after);
  }

  /**
   * Subscribes a normalised pattern.
   * @throws EventLogError when the log cannot serve it now, or it was unsubscribed meanwhile
   */
  async subscribe(pattern: string, options: SubscribeOptions = {}): Promise<Subscribed> {
    const feed = this.#feed;
    const wish = new Wish(pattern, this, options.filter);
    const subscription = (wish.feed = feed.subscribe(pattern, wish));
    this.#wishes.add(wish);
    const beginnings = (this.#beginnings ??= new Beginnings((one) => {
      this.#begin(one);
    }));
    beginnings.asked(wish);
    try {
      const since = await subscription.ready;
      const from = await this.#begins(pattern, options);
      if (!this.#wishes.holds(wish)) throw new EventLogError('closed', 'unsubscribed meanwhile');
      // Live delivery of a new pattern begins after `since`, of one that others held already after `dispatched`.
      const now = { epoch: feed.epoch ?? since.epoch, seq: feed.dispatched };
      if (since.epoch === now.epoch) now.seq = Math.max(now.seq, since.seq);
      const start = from?.position.epoch === now.epoch ? from.position : undefined;
      wish.start = wish.after = (start ?? now).seq;
      return {
        position: { epoch: now.epoch, seq: Math.max(now.seq, wish.start) },
        start,
        recovered: from === undefined || (from.complete && start !== undefined),
        begin: (tell) => {
          wish.tell = tell;
          beginnings.ready(wish);
          if (beginnings.isEmpty && this.#beginnings === beginnings) this.#beginnings = undefined;
        },
      };
    } catch (error) {
      if (this.#wishes.holds(wish)) this.unsubscribe(pattern);
      throw error;
    }
  }

  /** False when there is no such subscription. Events already queued stay queued. */
  unsubscribe(pattern: string): boolean {
    const wish = this.#wishes.get(pattern);
    if (wish === undefined) return false;
    this.#wishes.remove(wish);
    if (!this.#closed) wish.announce();
    this.#beginnings?.drop(wish);
    this.#generation += 1;
    return true;
  }

  /** The outlet overflowed: what these items held is fetched again later. */
  dropped(items: readonly OutletItem[]): void {
    this.#leaveLive(this.#inHand === undefined ? this.#feed.dispatched : this.#inHand - 1);
    this.#generation += 1;
    for (const { event } of items) if (event !== undefined) this.#wishes.takeBack(event);
    void this.#recover();
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#abort?.abort();
    for (const pattern of this.patterns) this.unsubscribe(pattern);
    this.#feed.release();
  }

  #begin(wish: Wish): void {
    if (!this.#wishes.holds(wish)) return;
    // Live events of others that are queued go before it, later ones come with the past that it brings.
    wish.announce();
    this.#leaveLive(this.#feed.dispatched);
    this.#wishes.begin(wish);
    this.#generation += 1;
    // Those that begin in the same turn recover together, so that what they get is in one order.
    queueMicrotask(() => void this.#recover());
  }

  /** Where in the past delivery begins; undefined: it was not asked to. */
  async #begins(pattern: string, { position, rewind }: SubscribeOptions): Promise<RewindStart | undefined> {
    if (position !== undefined && (await canResume(this.#feed, pattern, position))) return { position, complete: true };
    if (rewind === undefined)
      return position === undefined ? undefined : { position: { epoch: '', seq: 0 }, complete: false };
    const start = await this.#feed.rewind(pattern, rewind);
    return { position: start.position, complete: start.complete && position === undefined };
  }

  /** For its wishes. Events that several of them match are given to all at once, so that they stay in order. */
  deliver(wish: Wish, events: readonly LoggedEvent[]): void {
    if (!this.#live || !wish.begun) return;
    if (this.#wishes.size === 1) {
      const first = this.#outlet.enqueueAll === undefined ? undefined : wish.takeAll(events);
      if (first === undefined) for (const event of events) this.#deliver(wish, event);
      else {
        this.#lastLive = wish.after;
        this.#inHand = first;
        this.#outlet.enqueueAll?.(this.#context.itemsOf(events));
        this.#inHand = undefined;
      }
      return;
    }
    const [first] = events;
    const matching = first === undefined ? [] : this.#wishes.matching(first.topic);
    for (const event of events) for (const one of matching) this.#deliver(one, event);
  }

  #deliver(wish: Wish, event: LoggedEvent): void {
    const { seq } = event.position;
    if (!this.#live || !wish.begun || seq <= wish.after) return;
    wish.after = seq;
    if (wish.filter?.accepts(event) === false) return;
    // One copy serves all patterns; and a recovery may have been ahead of live delivery, for another pattern.
    if (seq === this.#lastLive || (seq <= this.#recoveredUpTo && this.#wishes.holdersOf(event) > 1)) return;
    this.#lastLive = seq;
    this.#inHand = seq;
    this.#outlet.enqueue(this.#context.itemOf(event));
    this.#inHand = undefined;
  }

  /** `upTo`: everything to here was given to every pattern while live. */
  #leaveLive(upTo: number): void {
    if (!this.#live) return;
    this.#live = false;
    for (const wish of this.#wishes.begun) wish.after = Math.max(wish.after, upTo);
  }

  /** For its wishes. */
  reset(wish: Wish, at: Position): void {
    this.#generation += 1;
    this.#recoveredUpTo = 0;
    this.#lastLive = 0;
    wish.startAt(wish.after);
    if (!wish.begun) return;
    this.#startAgain(wish, at);
  }

  /** What was missed cannot be had any more: the client is told, and goes on after `at`. */
  #startAgain(wish: Wish, at: Position): void {
    wish.startAt(at.seq);
    wish.gap = false;
    this.#tellGap(wish, at, false);
  }

  #tellGap(wish: Wish, position: Position, recovered: boolean): void {
    const frame = OutboundFrame.notice({ type: 'gap', topic: wish.pattern, position, recovered });
    // That nothing is lost holds only while everything before it is sent; a loss has to be told whatever happens.
    this.#outlet.enqueue(recovered ? { frame, event: undefined } : { frame, event: undefined, lasting: true });
  }

  #tellGaps(): void {
    const { epoch } = this.#feed;
    for (const wish of this.#wishes.begun) {
      if (!wish.gap || epoch === undefined) continue;
      wish.gap = false;
      this.#tellGap(wish, { epoch, seq: wish.after }, true);
    }
  }

  async #recover(): Promise<void> {
    if (this.#recovering) return;
    this.#recovering = true;
    while (!this.#live && !this.#closed) {
      try {
        if (!this.#outlet.hasRoom) await this.#outlet.room();
        else if (!this.#fromRecent()) await this.#fromLog();
      } catch (error) {
        await this.#failed(error);
      }
    }
    this.#recovering = false;
  }

  /** A recovery is patient: the client keeps its connection and gets everything when the log is back. */
  async #failed(error: unknown): Promise<void> {
    const { logger, clock } = this.#context;
    // Retention overtook the reading: the next pass tells the client.
    if (error instanceof EventLogError && error.reason === 'expired') return;
    logger.debug({}, `recovery of a subscriber has to wait: ${describeError(error)}`);
    if (error instanceof EventLogError && error.reason === 'epoch-changed') this.#feed.regained();
    if (this.#closed) return;
    this.#abort = new AbortController();
    await delay(clock, RETRY_MS, this.#abort.signal).catch(() => undefined);
    this.#abort = undefined;
  }

  /**
   * Goes live from the feed's recent events. False when those do not reach back far enough. Nothing can happen between
   * the last of them and going live, because all of it is one turn.
   */
  #fromRecent(): boolean {
    const [feed, outlet] = [this.#feed, this.#outlet];
    const wishes = this.#wishes.begun;
    const from = Math.min(...wishes.map((wish) => wish.after));
    if (!wishes.every((wish) => feed.coversSince(wish.pattern, wish.after))) return false;
    this.#tellGaps();
    for (const event of wishes.length === 0 ? [] : feed.recent(from)) {
      if (!outlet.hasRoom || !this.#catchUp(event)) return true;
    }
    for (const wish of wishes) wish.after = Math.max(wish.after, feed.dispatched);
    this.#live = true;
    return true;
  }

  /**
   * Reads what is too old for the recent events from the log, up to its present head, at the pace of the outlet, and merges
   * it by sequence with the recent events for the other patterns.
   */
  async #fromLog(): Promise<void> {
    const [feed, outlet] = [this.#feed, this.#outlet];
    const generation = this.#generation;
    const bounds = await feed.bounds();
    if (generation !== this.#generation) return;
    if (bounds.epoch !== feed.epoch) throw new EventLogError('epoch-changed', 'the stream was recreated');
    this.#giveUpLost(bounds);
    this.#tellGaps();
    const { old, recent } = this.#split();
    if (old.length === 0 || generation !== this.#generation) return;
    const from = Math.min(...old.map((wish) => wish.after));
    const at = (seq: number): Position => ({ epoch: bounds.epoch, seq });
    const patterns = old.map((wish) => wish.pattern);
    let recentTo = Math.min(...recent.map((wish) => wish.after));
    for await (const event of feed.read(patterns, at(from), at(bounds.head))) {
      if (generation !== this.#generation) return;
      if (recentTo < event.position.seq - 1) {
        const reached = await this.#catchUpRecent(recentTo, event.position.seq);
        if (reached === undefined || generation !== this.#generation) return;
        recentTo = reached;
      }
      // The scan goes on without this reader when it takes too long.
      if (!outlet.hasRoom) await outlet.room();
      if (generation !== this.#generation || !this.#catchUp(event, old)) return;
    }
    if (generation !== this.#generation) return;
    for (const wish of old) wish.after = Math.max(wish.after, bounds.head);
    for (const wish of recent) wish.after = Math.max(wish.after, recentTo);
  }

  /** The patterns that need the log, and those that the recent events suffice for. */
  #split(): { readonly old: Wish[]; readonly recent: Wish[] } {
    const old: Wish[] = [];
    const recent: Wish[] = [];
    for (const wish of this.#wishes.begun) {
      (this.#feed.coversSince(wish.pattern, wish.after) ? recent : old).push(wish);
    }
    return { old, recent };
  }

  /**
   * Queues recent events with `after < seq < before`. Returns up to where it came; events that the feed has not dispatched
   * yet are not passed by. Undefined when this pass has to be given up: overflow, or the recent events do not reach back
   * any more.
   */
  async #catchUpRecent(after: number, before: number): Promise<number | undefined> {
    const [feed, outlet] = [this.#feed, this.#outlet];
    let reached = after;
    while (reached < before - 1) {
      if (!feed.reaches(reached)) return undefined;
      const upTo = Math.max(reached, Math.min(before - 1, feed.dispatched));
      const events = feed.recent(reached, before);
      for (const event of events) {
        if (!this.#catchUp(event)) return undefined;
        reached = event.position.seq;
        if (!outlet.hasRoom) break;
      }
      if (outlet.hasRoom) return upTo;
      const generation = this.#generation;
      await outlet.room();
      if (generation !== this.#generation) return undefined;
    }
    return reached;
  }

  #giveUpLost(bounds: LogBounds): void {
    const now = { epoch: bounds.epoch, seq: Math.max(bounds.head, this.#feed.dispatched) };
    for (const wish of this.#wishes.begun) {
      if (wish.after >= bounds.lowWater || this.#feed.coversSince(wish.pattern, wish.after)) continue;
      this.#startAgain(wish, now);
    }
  }

  /**
   * Queues one event of history if a pattern (one of `among`, if given) lacks it. False when the outlet overflowed.
   */
  #catchUp(event: LoggedEvent, among?: readonly Wish[]): boolean {
    if (!this.#wishes.give(event, among)) return true;
    const generation = this.#generation;
    this.#recoveredUpTo = Math.max(this.#recoveredUpTo, event.position.seq);
    this.#outlet.enqueue(this.#context.itemOf(event));
    return generation === this.#generation;
  }
}
