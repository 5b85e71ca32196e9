import type { FeedSubscription } from './account-feed.ts';
import type { LoggedEvent } from './ports.ts';
import { TopicTrie } from './topic-trie.ts';

/** One pattern of a subscriber: it has been given everything that matches in `(start, after]`. */
export interface Wish {
  readonly pattern: string;
  readonly feed: FeedSubscription;
  start: number;
  after: number;
  /** The client has to be told that it lost its place. */
  gap: boolean;
  /** The client knows of the subscription. */
  begun: boolean;
}

/** The patterns of one subscriber and who has been given what. One copy of an event serves every pattern it matches. */
export class Wishes {
  readonly #byPattern = new Map<string, Wish>();
  /** Those that have begun. */
  readonly #trie = new TopicTrie<Wish>();

  get size(): number {
    return this.#byPattern.size;
  }

  get patterns(): string[] {
    return [...this.#byPattern.keys()];
  }

  get begun(): Wish[] {
    return [...this.#byPattern.values()].filter((wish) => wish.begun);
  }

  get(pattern: string): Wish | undefined {
    return this.#byPattern.get(pattern);
  }

  /** Whether this very wish is still held. */
  holds(wish: Wish): boolean {
    return this.#byPattern.get(wish.pattern) === wish;
  }

  add(wish: Wish): void {
    this.#byPattern.set(wish.pattern, wish);
  }

  begin(wish: Wish): void {
    wish.begun = true;
    this.#trie.add(wish.pattern, wish);
  }

  remove(wish: Wish): void {
    this.#byPattern.delete(wish.pattern);
    this.#trie.remove(wish.pattern, wish);
    wish.feed.close();
  }

  matchesAny(topic: string): boolean {
    let matches = false;
    this.#trie.match(topic, () => (matches = true));
    return matches;
  }

  /** How many patterns have been given this event. */
  holdersOf(event: LoggedEvent): number {
    const { seq } = event.position;
    let holders = 0;
    this.#trie.match(event.topic, (wish) => {
      if (seq > wish.start && seq <= wish.after) holders += 1;
    });
    return holders;
  }

  /** The copy of this event was lost: every pattern that counted on it falls back to before it. */
  takeBack(event: LoggedEvent): void {
    const { seq } = event.position;
    this.#trie.match(event.topic, (wish) => {
      if (seq <= wish.start || seq > wish.after) return;
      wish.after = seq - 1;
      wish.gap = true;
    });
  }

  /**
   * Gives an event of history to the patterns (those `among`, if given) that lack it; they must lack nothing before it.
   * True when a copy has to be sent: somebody lacked it and nobody had it.
   */
  give(event: LoggedEvent, among?: readonly Wish[]): boolean {
    const { seq } = event.position;
    let lacked = 0;
    let had = 0;
    this.#trie.match(event.topic, (wish) => {
      if (seq <= wish.after) had += seq > wish.start ? 1 : 0;
      else if (among?.includes(wish) !== false) {
        wish.after = seq;
        lacked += 1;
      }
    });
    return lacked > 0 && had === 0;
  }
}
