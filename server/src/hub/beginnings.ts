import { topicMatches } from '@hookswitch/shared';
import type { Wish } from './wishes.ts';

const isWide = (pattern: string): boolean => pattern.includes('*') || pattern.includes('>');

/**
 * Lets subscriptions of one subscriber that may give the same events begin together, however long each takes to be ready.
 * Else events that come for one would carry the client past what the other still has to fetch, and a connection lost at that
 * moment would lose it.
 */
export class Beginnings {
  /** Asked for and not ready yet. */
  readonly #pending = new Set<Wish>();
  readonly #pendingWide = new Set<Wish>();
  /** Ready, and waiting for others. */
  readonly #ready = new Set<Wish>();
  readonly #begin: (wish: Wish) => void;

  constructor(begin: (wish: Wish) => void) {
    this.#begin = begin;
  }

  get isEmpty(): boolean {
    return this.#pending.size + this.#ready.size === 0;
  }

  asked(wish: Wish): void {
    this.#pending.add(wish);
    if (isWide(wish.pattern)) this.#pendingWide.add(wish);
  }

  /** It begins now, or as soon as those that were asked for before and overlap it are ready too. */
  ready(wish: Wish): void {
    if (!this.#pending.has(wish)) return;
    this.#ready.add(wish);
    this.#over(wish);
  }

  /** It failed, or is wanted no more. */
  drop(wish: Wish): void {
    this.#ready.delete(wish);
    this.#over(wish);
  }

  #over(wish: Wish): void {
    this.#pending.delete(wish);
    this.#pendingWide.delete(wish);
    for (const one of this.#ready) {
      if (this.#waits(one)) continue;
      this.#ready.delete(one);
      this.#begin(one);
    }
  }

  #waits({ pattern }: Wish): boolean {
    if (isWide(pattern)) {
      // Two wide ones are taken to overlap.
      return [...this.#pending].some((other) => isWide(other.pattern) || topicMatches(pattern, other.pattern));
    }
    return [...this.#pendingWide].some((other) => topicMatches(other.pattern, pattern));
  }
}
