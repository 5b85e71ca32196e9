import { topicMatches } from '@hookswitch/shared';
import type { Position } from '@hookswitch/shared';
import type { FeedSink, FeedSubscription } from './feed-subscription.ts';
import type { EventFilter } from './event-filter.ts';
import type { LoggedEvent } from './ports.ts';
import { TopicTrie } from './topic-trie.ts';

/** Up to this sequence a wish was given what another filter than its present one accepted. */
interface Era {
  readonly upTo: number;
  readonly filter: EventFilter | undefined;
}

/** Eras that are remembered of a wish; of an older one it does not count as having been given anything. */
const MAX_ERAS = 8;
/** Withdrawn events that are remembered of a wish; with more of them it does not count as having been given any older one. */
const MAX_WITHDRAWN = 2000;

/** Who has wishes, and is told what comes for each. */
export interface WishOwner {
  deliver(wish: Wish, events: readonly LoggedEvent[]): void;
  reset(wish: Wish, at: Position): void;
}

const NO_ERAS: readonly Era[] = [];

/** One pattern of a subscriber: it has been given everything that matches, its filter included, in `(start, after]`. */
export class Wish implements FeedSink {
  readonly pattern: string;
  readonly owner: WishOwner;
  /** Set at once. */
  feed: FeedSubscription | undefined;
  start = 0;
  after = 0;
  /** Undefined: every event that the pattern matches. */
  filter: EventFilter | undefined;
  /** Filters of the past, oldest first. */
  eras = NO_ERAS;
  /** Sequences that were queued and taken out again before they were sent; undefined: none. */
  withdrawn: Set<number> | undefined;
  /** The client has to be told that it lost its place. */
  gap = false;
  /** The client knows of the subscription. */
  begun = false;
  /** Tells it. */
  tell: (() => void) | undefined;

  constructor(pattern: string, owner: WishOwner, filter: EventFilter | undefined) {
    this.pattern = pattern;
    this.owner = owner;
    this.filter = filter;
  }

  deliver(events: readonly LoggedEvent[]): void {
    this.owner.deliver(this, events);
  }

  reset(at: Position): void {
    this.owner.reset(this, at);
  }

  /** Tells the client, once. */
  announce(): void {
    const { tell } = this;
    this.tell = undefined;
    tell?.();
  }

  /** Takes several live events for given at once; returns the first's sequence. Undefined: each has to be looked at. */
  takeAll(events: readonly LoggedEvent[]): number | undefined {
    const first = events[0]?.position.seq;
    if (first === undefined || events.length === 1 || first <= this.after || this.filter !== undefined)
      return undefined;
    this.after = events.at(-1)?.position.seq ?? first;
    return first;
  }

  /** Nothing was given yet of what comes after `seq`. */
  startAt(seq: number): void {
    this.start = this.after = seq;
    this.eras = NO_ERAS;
    this.withdrawn = undefined;
  }
}

interface WishIndex {
  readonly byPattern: Map<string, Wish>;
  readonly begun: TopicTrie<Wish>;
}

const NO_WISHES: readonly Wish[] = [];
/** Wishes from which an index is worth its memory. */
const MANY = 8;

/** The patterns of one subscriber and who has been given what. One copy of an event serves every pattern it matches. */
export class Wishes {
  /** Nearly every subscriber has few: they are looked through. */
  #few: readonly Wish[] = NO_WISHES;
  #index: WishIndex | undefined;

  get size(): number {
    return this.#index?.byPattern.size ?? this.#few.length;
  }

  get patterns(): string[] {
    return this.#all.map((wish) => wish.pattern);
  }

  get begun(): Wish[] {
    return this.#all.filter((wish) => wish.begun);
  }

  get #all(): readonly Wish[] {
    return this.#index === undefined ? this.#few : [...this.#index.byPattern.values()];
  }

  get(pattern: string): Wish | undefined {
    if (this.#index !== undefined) return this.#index.byPattern.get(pattern);
    return this.#few.find((wish) => wish.pattern === pattern);
  }

  /** Those that have begun and whose pattern matches. */
  matching(topic: string): Wish[] {
    if (this.#index === undefined) return this.#few.filter((one) => one.begun && topicMatches(one.pattern, topic));
    const found: Wish[] = [];
    this.#index.begun.match(topic, (wish) => found.push(wish));
    return found;
  }

  /** Whether this very wish is still held. */
  holds(wish: Wish): boolean {
    return this.get(wish.pattern) === wish;
  }

  add(wish: Wish): void {
    if (this.#index === undefined && this.#few.length === MANY) this.#makeIndex();
    if (this.#index === undefined) this.#few = [...this.#few, wish];
    else this.#index.byPattern.set(wish.pattern, wish);
  }

  begin(wish: Wish): void {
    wish.begun = true;
    this.#index?.begun.add(wish.pattern, wish);
  }

  remove(wish: Wish): void {
    if (this.#index === undefined) this.#few = this.#few.filter((one) => one !== wish);
    else {
      this.#index.byPattern.delete(wish.pattern);
      this.#index.begun.remove(wish.pattern, wish);
    }
    wish.feed?.close();
  }

  /** Whether a pattern and its present filter let this event through; else its copy is taken out of the queue. */
  keep(event: LoggedEvent): boolean {
    if (this.matching(event.topic).some((wish) => wish.filter?.accepts(event) ?? true)) return true;
    this.#withdraw(event);
    return false;
  }

  /** Another filter from now on; everything up to `upTo` was given by the present one. */
  changeFilter(wish: Wish, filter: EventFilter | undefined, upTo: number): void {
    wish.eras = [...wish.eras, { upTo, filter: wish.filter }];
    wish.filter = filter;
    const [forgotten] = wish.eras;
    if (wish.eras.length <= MAX_ERAS || forgotten === undefined) return;
    wish.eras = wish.eras.slice(1);
    wish.start = Math.max(wish.start, forgotten.upTo);
  }

  /** The copy of this event was taken out of the queue, since no pattern wants it any more. */
  #withdraw(event: LoggedEvent): void {
    for (const wish of this.matching(event.topic)) {
      if (!wasGiven(wish, event)) continue;
      const withdrawn = (wish.withdrawn ??= new Set());
      if (withdrawn.size >= MAX_WITHDRAWN) {
        wish.start = Math.max(wish.start, ...withdrawn);
        withdrawn.clear();
      }
      withdrawn.add(event.position.seq);
    }
  }

  /** How many patterns have been given this event. */
  holdersOf(event: LoggedEvent): number {
    return this.matching(event.topic).filter((wish) => wasGiven(wish, event)).length;
  }

  /** The copy of this event was lost: every pattern that counted on it falls back to before it. */
  takeBack(event: LoggedEvent): void {
    const { seq } = event.position;
    for (const wish of this.matching(event.topic)) {
      if (!wasGiven(wish, event)) continue;
      wish.after = seq - 1;
      wish.eras = wish.eras.map(({ upTo, filter }) => ({ upTo: Math.min(upTo, seq - 1), filter }));
      for (const one of wish.withdrawn ?? []) if (one >= seq) wish.withdrawn?.delete(one);
      wish.gap = true;
    }
  }

  /**
   * Gives an event of history to the patterns (those `among`, if given) that lack it; they must lack nothing before it.
   * True when a copy has to be sent: somebody lacked it and nobody had it.
   */
  give(event: LoggedEvent, among?: readonly Wish[]): boolean {
    const { seq } = event.position;
    let lacked = 0;
    let had = 0;
    for (const wish of this.matching(event.topic)) {
      if (seq <= wish.after) had += wasGiven(wish, event) ? 1 : 0;
      else if (among?.includes(wish) !== false) {
        wish.after = seq;
        if (wish.filter?.accepts(event) !== false) lacked += 1;
      }
    }
    return lacked > 0 && had === 0;
  }

  #makeIndex(): void {
    const index: WishIndex = { byPattern: new Map(), begun: new TopicTrie() };
    for (const wish of this.#few) {
      index.byPattern.set(wish.pattern, wish);
      if (wish.begun) index.begun.add(wish.pattern, wish);
    }
    this.#index = index;
    this.#few = NO_WISHES;
  }
}

/** By the filter that was in force then. */
function wasGiven(wish: Wish, event: LoggedEvent): boolean {
  const { seq } = event.position;
  if (seq <= wish.start || seq > wish.after || wish.withdrawn?.has(seq) === true) return false;
  const era = wish.eras.find(({ upTo }) => seq <= upTo);
  const filter = era === undefined ? wish.filter : era.filter;
  return filter?.accepts(event) !== false;
}
