import type { Position } from '@hookswitch/shared';
import { delay, describeError } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';
import type { AccountFeed } from './account-feed.ts';
import { EventLogError } from './errors.ts';
import { OutboundFrame } from './outbound-frame.ts';
import type { LogBounds, LoggedEvent } from './ports.ts';
import { Wishes } from './wishes.ts';
import type { Wish } from './wishes.ts';

/** One frame waiting in an outlet. */
export interface OutletItem {
  readonly frame: OutboundFrame;
  /** The event inside; undefined for a notice. */
  readonly event: LoggedEvent | undefined;
}

/** The receiving end of a delivery: one client's bounded queue of events. */
export interface Outlet {
  /** False when history has to wait; live events are queued regardless and may overflow. */
  readonly hasRoom: boolean;
  /** Resolves when there is room again, or the outlet was closed. */
  room(): Promise<void>;
  /** Queues a frame. On overflow everything queued, this item included, is given to {@link Delivery.dropped}. */
  enqueue(item: OutletItem): void;
}

/** The answer to a subscriber. */
export interface Subscribed {
  /** Events after this position are delivered live; older ones asked for come before them. */
  readonly position: Position;
  /** False: the position asked for could not be honoured, delivery begins after `position`. */
  readonly recovered: boolean;
  /** To be called when the client was told: events flow from then on. */
  begin(): void;
}

export interface DeliveryOptions {
  readonly feed: AccountFeed;
  readonly outlet: Outlet;
  readonly frameOf: (event: LoggedEvent) => OutboundFrame;
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
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #wishes = new Wishes();
  readonly #abort = new AbortController();
  readonly #releaseFeed: () => void;
  #live = true;
  #recovering = false;
  /** Rises with every change that a running recovery has to notice. */
  #generation = 0;
  /** Highest sequence that a recovery queued: at or below it live events may be repetitions. */
  #recoveredUpTo = 0;
  #lastLive = 0;
  /** Sequence of the live event in hand. */
  #inHand: number | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#releaseFeed = options.feed.hold();
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

  /** Whether a subscription that is held matches the topic. */
  wants(topic: string): boolean {
    return this.#wishes.matchesAny(topic);
  }

  /**
   * Subscribes a normalised pattern; `position` is the last event the client has.
   * @throws EventLogError when the log cannot serve it now, or it was unsubscribed meanwhile
   */
  async subscribe(pattern: string, position: Position | undefined): Promise<Subscribed> {
    const { feed } = this.#options;
    const subscription = feed.subscribe(pattern, {
      deliver: (event) => {
        this.#deliver(wish, event);
      },
      reset: (at) => {
        this.#reset(wish, at);
      },
    });
    const wish: Wish = { pattern, feed: subscription, start: 0, after: 0, gap: false, begun: false };
    this.#wishes.add(wish);
    try {
      const since = await subscription.ready;
      const honoured = position !== undefined && (await this.#honours(pattern, position));
      if (!this.#wishes.holds(wish)) throw new EventLogError('closed', 'unsubscribed meanwhile');
      // Live delivery of a new pattern begins after `since`, of one that others held already after `dispatched`.
      const now = { epoch: feed.epoch ?? since.epoch, seq: feed.dispatched };
      if (since.epoch === now.epoch) now.seq = Math.max(now.seq, since.seq);
      const resumes = honoured && position.epoch === now.epoch;
      wish.start = wish.after = resumes ? position.seq : now.seq;
      return {
        position: { epoch: now.epoch, seq: Math.max(now.seq, wish.start) },
        recovered: position === undefined || resumes,
        begin: () => {
          this.#begin(wish);
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
    this.#generation += 1;
    return true;
  }

  /** The outlet overflowed: what these items held is fetched again later. */
  dropped(items: readonly OutletItem[]): void {
    this.#leaveLive(this.#inHand === undefined ? this.#options.feed.dispatched : this.#inHand - 1);
    this.#generation += 1;
    for (const { event } of items) if (event !== undefined) this.#wishes.takeBack(event);
    void this.#recover();
  }

  /** Idempotent. */
  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    for (const pattern of this.patterns) this.unsubscribe(pattern);
    this.#releaseFeed();
  }

  #begin(wish: Wish): void {
    if (!this.#wishes.holds(wish)) return;
    this.#leaveLive(this.#options.feed.dispatched);
    this.#wishes.begin(wish);
    this.#generation += 1;
    void this.#recover();
  }

  async #honours(pattern: string, position: Position): Promise<boolean> {
    const { feed } = this.#options;
    const { epoch, seq } = position;
    if (epoch === feed.epoch && seq <= feed.dispatched && feed.coversSince(pattern, seq)) return true;
    const bounds = await feed.bounds();
    return epoch === bounds.epoch && seq >= bounds.lowWater && seq <= bounds.head;
  }

  #deliver(wish: Wish, event: LoggedEvent): void {
    const { seq } = event.position;
    if (!this.#live || !wish.begun || seq <= wish.after) return;
    wish.after = seq;
    // One copy serves all patterns; and a recovery may have been ahead of live delivery, for another pattern.
    if (seq === this.#lastLive || (seq <= this.#recoveredUpTo && this.#wishes.holdersOf(event) > 1)) return;
    this.#lastLive = seq;
    this.#inHand = seq;
    this.#options.outlet.enqueue({ frame: this.#options.frameOf(event), event });
    this.#inHand = undefined;
  }

  /** `upTo`: everything to here was given to every pattern while live. */
  #leaveLive(upTo: number): void {
    if (!this.#live) return;
    this.#live = false;
    for (const wish of this.#wishes.begun) wish.after = Math.max(wish.after, upTo);
  }

  #reset(wish: Wish, at: Position): void {
    this.#generation += 1;
    this.#recoveredUpTo = 0;
    this.#lastLive = 0;
    if (!wish.begun) return;
    this.#startAgain(wish, at);
  }

  /** What was missed cannot be had any more: the client is told, and goes on after `at`. */
  #startAgain(wish: Wish, at: Position): void {
    wish.start = wish.after = at.seq;
    wish.gap = false;
    this.#tellGap(wish, at, false);
  }

  #tellGap(wish: Wish, position: Position, recovered: boolean): void {
    const frame = OutboundFrame.notice({ type: 'gap', topic: wish.pattern, position, recovered });
    this.#options.outlet.enqueue({ frame, event: undefined });
  }

  #tellGaps(): void {
    const { epoch } = this.#options.feed;
    for (const wish of this.#wishes.begun) {
      if (!wish.gap || epoch === undefined) continue;
      wish.gap = false;
      this.#tellGap(wish, { epoch, seq: wish.after }, true);
    }
  }

  async #recover(): Promise<void> {
    if (this.#recovering) return;
    this.#recovering = true;
    while (!this.#live && !this.#abort.signal.aborted) {
      try {
        if (!this.#options.outlet.hasRoom) await this.#options.outlet.room();
        else if (!this.#fromRecent()) await this.#fromLog();
      } catch (error) {
        await this.#failed(error);
      }
    }
    this.#recovering = false;
  }

  /** A recovery is patient: the client keeps its connection and gets everything when the log is back. */
  async #failed(error: unknown): Promise<void> {
    const { feed, logger, clock } = this.#options;
    logger.debug({}, `recovery of a subscriber has to wait: ${describeError(error)}`);
    if (error instanceof EventLogError && error.reason === 'epoch-changed') feed.regained();
    await delay(clock, RETRY_MS, this.#abort.signal).catch(() => undefined);
  }

  /**
   * Goes live from the feed's recent events. False when those do not reach back far enough. Nothing can happen between
   * the last of them and going live, because all of it is one turn.
   */
  #fromRecent(): boolean {
    const { feed, outlet } = this.#options;
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
   * Reads what is too old for the recent events from the log, up to its present head or until the outlet is full (the log
   * is not kept waiting for a client), and merges it by sequence with the recent events for the other patterns.
   */
  async #fromLog(): Promise<void> {
    const { feed, outlet } = this.#options;
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
    let upTo = from;
    let recentTo = Math.min(...recent.map((wish) => wish.after));
    let full = false;
    for await (const event of feed.read(patterns, at(from), at(bounds.head))) {
      if (generation !== this.#generation) return;
      const reached = this.#catchUpRecent(recentTo, event.position.seq);
      if (reached === undefined) return;
      recentTo = reached;
      full = !outlet.hasRoom;
      if (full) break;
      if (!this.#catchUp(event, old)) return;
      upTo = event.position.seq;
      full = !outlet.hasRoom;
      if (full) break;
    }
    if (generation !== this.#generation) return;
    if (!full) upTo = bounds.head;
    for (const wish of old) wish.after = Math.max(wish.after, upTo);
    for (const wish of recent) wish.after = Math.max(wish.after, recentTo);
  }

  /** The patterns that need the log, and those that the recent events suffice for. */
  #split(): { readonly old: Wish[]; readonly recent: Wish[] } {
    const old: Wish[] = [];
    const recent: Wish[] = [];
    for (const wish of this.#wishes.begun) {
      (this.#options.feed.coversSince(wish.pattern, wish.after) ? recent : old).push(wish);
    }
    return { old, recent };
  }

  /**
   * Queues recent events with `after < seq < before` until the outlet is full. Returns up to where it came; events that
   * the feed has not dispatched yet are not passed by. Undefined when this pass has to be given up: overflow, or the
   * recent events do not reach back any more.
   */
  #catchUpRecent(after: number, before: number): number | undefined {
    const { feed, outlet } = this.#options;
    if (after >= before) return after;
    if (!feed.reaches(after)) return undefined;
    for (const event of feed.recent(after, before)) {
      if (!this.#catchUp(event)) return undefined;
      if (!outlet.hasRoom) return event.position.seq;
    }
    return Math.max(after, Math.min(before - 1, feed.dispatched));
  }

  #giveUpLost(bounds: LogBounds): void {
    const { feed } = this.#options;
    const now = { epoch: bounds.epoch, seq: Math.max(bounds.head, feed.dispatched) };
    for (const wish of this.#wishes.begun) {
      if (wish.after >= bounds.lowWater || feed.coversSince(wish.pattern, wish.after)) continue;
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
    this.#options.outlet.enqueue({ frame: this.#options.frameOf(event), event });
    return generation === this.#generation;
  }
}
