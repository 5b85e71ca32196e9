import { topicMatches } from '@hookswitch/shared';
import type { Position } from '@hookswitch/shared';
import { delay, describeError } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';
import type { AccountFeed, FeedSubscription } from './account-feed.ts';
import { EventLogError } from './errors.ts';
import { OutboundFrame } from './outbound-frame.ts';
import type { LogBounds, LoggedEvent } from './ports.ts';

/** One frame waiting in an outlet, with the subscriptions that it serves. */
export interface OutletItem {
  readonly frame: OutboundFrame;
  /** Sequence of the event; undefined for a notice. */
  readonly seq: number | undefined;
  readonly subscriptions: readonly DeliverySubscription[];
}

interface EventItem extends OutletItem {
  readonly seq: number;
  readonly subscriptions: DeliverySubscription[];
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

export interface Subscribed {
  /** Events after this position are delivered live; older ones asked for come before them. */
  readonly position: Position;
  readonly recovered: boolean;
}

export interface DeliveryOptions {
  readonly feed: AccountFeed;
  readonly outlet: Outlet;
  readonly frameOf: (event: LoggedEvent) => OutboundFrame;
  readonly clock: Clock;
  readonly logger: Log;
}

const RETRY_MS = 500;

/** One pattern of one subscriber. */
export class DeliverySubscription {
  readonly pattern: string;
  /** Coverage begins after this sequence. */
  start = 0;
  /** Everything that matches, after `start` and up to here, was queued. */
  after = 0;
  /** Live events are queued as they come; otherwise what comes after `after` is fetched from history. */
  live = false;
  /** The client has to be told that it lost its place. */
  gap = false;
  removed = false;
  /** The client was told that it is subscribed. */
  begun = false;

  constructor(pattern: string) {
    this.pattern = pattern;
  }
}

/**
 * What one subscriber receives: every event that one of its patterns matches once, in rising sequence per topic, without
 * gaps, or else with a `gap` frame that says so.
 *
 * A subscription is `live` or behind. One recovery at a time fetches what all subscriptions behind are missing: from the
 * feed's recent events when those reach far enough, otherwise from the log, at the pace of the outlet; it ends by going
 * live in the same turn in which the feed has nothing newer. When the outlet overflows, the subscriptions whose events
 * were dropped fall behind and are recovered once the outlet has room.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #subscriptions = new Map<
    string,
    { readonly state: DeliverySubscription; readonly feed: FeedSubscription }
  >();
  /** Rises with every change that a running recovery has to notice. */
  #generation = 0;
  #recovering = false;
  /** Highest sequence that a recovery queued: at or below it live events may be repetitions. */
  #recoveredUpTo = 0;
  /** The latest live event, as long as it is not known to be dropped. */
  #last: EventItem | undefined;
  #closed = false;
  readonly #abort = new AbortController();
  readonly #releaseFeed: () => void;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#releaseFeed = options.feed.hold();
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  has(pattern: string): boolean {
    return this.#subscriptions.has(pattern);
  }

  get patterns(): string[] {
    return [...this.#subscriptions.keys()];
  }

  /**
   * Subscribes a normalised pattern; `position` is the last event the client has. Call `begin` of the
   * result when the client was told: events flow from then on. @throws EventLogError when the log cannot serve it now
   */
  async subscribe(pattern: string, position: Position | undefined): Promise<Subscribed & { begin(): void }> {
    const { feed } = this.#options;
    const state = new DeliverySubscription(pattern);
    const subscription = feed.subscribe(pattern, {
      deliver: (event) => {
        this.#live(state, event);
      },
      reset: (at) => {
        this.#reset(state, at);
      },
    });
    this.#subscriptions.set(pattern, { state, feed: subscription });
    try {
      const since = await subscription.ready;
      const honoured = position === undefined ? undefined : await this.#honours(pattern, position);
      if (state.removed || this.#closed) throw new EventLogError('closed', 'unsubscribed meanwhile');
      // Live delivery of a new pattern begins after `since`, of one that others held already after `dispatched`.
      const now = { epoch: feed.epoch ?? since.epoch, seq: feed.dispatched };
      if (since.epoch === now.epoch) now.seq = Math.max(now.seq, since.seq);
      const resumes = honoured === true && position?.epoch === now.epoch;
      state.start = state.after = resumes ? position.seq : now.seq;
      return {
        position: { epoch: now.epoch, seq: Math.max(now.seq, state.start) },
        recovered: position === undefined || resumes,
        begin: () => {
          state.begun = true;
          void this.#recover();
        },
      };
    } catch (error) {
      this.unsubscribe(pattern);
      throw error;
    }
  }

  /** False when there is no such subscription. Events already queued stay queued. */
  unsubscribe(pattern: string): boolean {
    const entry = this.#subscriptions.get(pattern);
    if (entry === undefined) return false;
    entry.state.removed = true;
    entry.feed.close();
    this.#subscriptions.delete(pattern);
    this.#generation += 1;
    return true;
  }

  /** The outlet overflowed: what these items held is fetched again later. */
  dropped(items: readonly OutletItem[]): void {
    this.#generation += 1;
    this.#last = undefined;
    for (const { seq, subscriptions } of items) {
      if (seq === undefined) continue;
      // An event may have been queued for a subscription that is gone by now while another one relied on that.
      const owners = subscriptions.some((owner) => owner.removed) ? this.#states() : subscriptions;
      for (const state of owners) {
        if (state.removed || seq <= state.start || state.after < seq) continue;
        state.after = seq - 1;
        state.live = false;
        state.gap = true;
      }
    }
    void this.#recover();
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#generation += 1;
    this.#abort.abort();
    for (const { state, feed } of this.#subscriptions.values()) {
      state.removed = true;
      feed.close();
    }
    this.#subscriptions.clear();
    this.#releaseFeed();
  }

  async #honours(pattern: string, position: Position): Promise<boolean> {
    const { feed } = this.#options;
    if (position.epoch === feed.epoch && position.seq <= feed.dispatched && feed.coversSince([pattern], position.seq)) {
      return true;
    }
    const bounds = await feed.bounds();
    return position.epoch === bounds.epoch && position.seq >= bounds.lowWater && position.seq <= bounds.head;
  }

  #live(state: DeliverySubscription, event: LoggedEvent): void {
    const { seq } = event.position;
    if (!state.live || seq <= state.after) return;
    state.after = seq;
    if (this.#last?.seq === seq) {
      // Another pattern of this subscriber matched the same event: one copy serves both.
      this.#last.subscriptions.push(state);
      return;
    }
    // A recovery may have been ahead of live delivery, for another pattern.
    if (seq <= this.#recoveredUpTo && this.#covered(event, [state])) return;
    const item = { frame: this.#options.frameOf(event), seq, subscriptions: [state] };
    this.#last = item;
    this.#options.outlet.enqueue(item);
  }

  /** Whether a subscription that is not one of `but` has queued this event, or was not owed it. */
  #covered(event: LoggedEvent, but: readonly DeliverySubscription[]): boolean {
    const { seq } = event.position;
    const { dispatched } = this.#options.feed;
    for (const { state } of this.#subscriptions.values()) {
      if (but.includes(state) || seq <= state.start) continue;
      // A live one gets what is dispatched; in the midst of live delivery that may be still to come.
      const upTo = state.live && but.every((other) => !other.live) ? Math.max(dispatched, state.after) : state.after;
      if (seq <= upTo && topicMatches(state.pattern, event.topic)) return true;
    }
    return false;
  }

  #reset(state: DeliverySubscription, at: Position): void {
    this.#generation += 1;
    this.#recoveredUpTo = 0;
    this.#last = undefined;
    if (!state.begun) return;
    state.start = state.after = at.seq;
    state.live = true;
    state.gap = false;
    this.#tellGap(state, at, false);
  }

  #tellGap(state: DeliverySubscription, position: Position, recovered: boolean): void {
    const frame = OutboundFrame.notice({ type: 'gap', topic: state.pattern, position, recovered });
    this.#options.outlet.enqueue({ frame, seq: undefined, subscriptions: [] });
  }

  #states(): DeliverySubscription[] {
    return [...this.#subscriptions.values()].map(({ state }) => state);
  }

  #behind(): DeliverySubscription[] {
    return this.#states().filter((state) => state.begun && !state.live);
  }

  async #recover(): Promise<void> {
    if (this.#recovering) return;
    this.#recovering = true;
    for (let behind = this.#behind(); behind.length > 0 && !this.#closed; behind = this.#behind()) {
      try {
        if (!this.#options.outlet.hasRoom) await this.#options.outlet.room();
        else if (!this.#fromRecent(behind)) await this.#fromLog(behind);
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

  #tellGaps(behind: readonly DeliverySubscription[]): void {
    const { epoch } = this.#options.feed;
    for (const state of behind) {
      if (!state.gap || epoch === undefined) continue;
      state.gap = false;
      this.#tellGap(state, { epoch, seq: state.after }, true);
    }
  }

  /**
   * Goes live from the feed's recent events. False when those do not reach back far enough. Nothing can happen between
   * the last of them and going live, because all of it is one turn.
   */
  #fromRecent(behind: readonly DeliverySubscription[]): boolean {
    const { feed, outlet } = this.#options;
    const patterns = behind.map((state) => state.pattern);
    const from = Math.min(...behind.map((state) => state.after));
    if (!feed.coversSince(patterns, from)) return false;
    this.#tellGaps(behind);
    for (const event of feed.recent(patterns, from)) {
      if (!outlet.hasRoom || !this.#catchUp(behind, event)) return true;
    }
    for (const state of behind) {
      state.after = Math.max(state.after, feed.dispatched);
      state.live = true;
    }
    return true;
  }

  /** Reads up to the log's present head, or until the outlet is full: then the log is not kept waiting for the client. */
  async #fromLog(behind: readonly DeliverySubscription[]): Promise<void> {
    const { feed, outlet } = this.#options;
    const generation = this.#generation;
    const bounds = await feed.bounds();
    if (generation !== this.#generation) return;
    if (bounds.epoch !== feed.epoch) throw new EventLogError('epoch-changed', 'the stream was recreated');
    const kept = behind.filter((state) => state.after >= bounds.lowWater);
    for (const state of behind) if (!kept.includes(state)) this.#giveUp(state, bounds);
    if (kept.length === 0) return;
    this.#tellGaps(kept);
    const at = (seq: number): Position => ({ epoch: bounds.epoch, seq });
    const patterns = kept.map((state) => state.pattern);
    const from = Math.min(...kept.map((state) => state.after));
    for await (const event of feed.read(patterns, at(from), at(bounds.head))) {
      if (generation !== this.#generation || !this.#catchUp(kept, event) || !outlet.hasRoom) return;
    }
    if (generation !== this.#generation) return;
    for (const state of kept) state.after = Math.max(state.after, bounds.head);
  }

  /** What this subscription missed is not kept any more: it goes on with what is live now. */
  #giveUp(state: DeliverySubscription, bounds: LogBounds): void {
    state.start = state.after = Math.max(bounds.head, this.#options.feed.dispatched);
    state.live = true;
    state.gap = false;
    this.#tellGap(state, { epoch: bounds.epoch, seq: state.after }, false);
  }

  /** Queues one event of history for those that lack it. False when the outlet overflowed meanwhile. */
  #catchUp(behind: readonly DeliverySubscription[], event: LoggedEvent): boolean {
    const { seq } = event.position;
    const generation = this.#generation;
    const wanted = behind.filter((state) => seq > state.after && topicMatches(state.pattern, event.topic));
    if (wanted.length > 0 && !this.#covered(event, wanted)) {
      this.#recoveredUpTo = Math.max(this.#recoveredUpTo, seq);
      this.#options.outlet.enqueue({ frame: this.#options.frameOf(event), seq, subscriptions: wanted });
      if (generation !== this.#generation) return false;
    }
    for (const state of behind) state.after = Math.max(state.after, seq);
    return true;
  }
}
