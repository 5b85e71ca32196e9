import type { TraceGroup } from './trace-group.ts';

export interface ShelfLimits {
  /** All traces together, bytes. */
  readonly totalBytes: number;
  /** Traces of one account, bytes. */
  readonly accountBytes: number;
  /** Exchanges that are no call of any account, together, bytes: a scanner must not push calls out. */
  readonly looseBytes: number;
}

/** Traces of one account, or those of none. Oldest first: sets keep the order in which things were added. */
interface Shelf {
  bytes: number;
  readonly idle: Set<TraceGroup>;
  readonly live: Set<TraceGroup>;
}

/**
 * What there is, by account, and what has to go. Over a limit the traces of ended calls go first, the one that ended
 * first before the others; only when there is none left, the oldest of a living call.
 */
export class Shelves {
  readonly #limits: ShelfLimits;
  readonly #shelves = new Map<string, Shelf>();
  readonly #places = new Map<TraceGroup, { account: string; bytes: number; since: number }>();
  readonly #idle = new Set<TraceGroup>();
  readonly #live = new Set<TraceGroup>();
  #bytes = 0;

  constructor(limits: ShelfLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }
  get size(): number {
    return this.#places.size;
  }
  all(): readonly TraceGroup[] {
    return [...this.#idle, ...this.#live];
  }
  of(account: string): readonly TraceGroup[] {
    const shelf = this.#shelves.get(account);
    return shelf === undefined ? [] : [...shelf.idle, ...shelf.live];
  }

  /**
   * Files a trace where it belongs now, and counts what it grew. A trace whose call ended goes behind the others that
   * ended, once. @param now monotonic
   */
  put(group: TraceGroup, now: number): void {
    const account = group.accountSid ?? '';
    const place = this.#places.get(group);
    if (place !== undefined && place.account === account && this.#live.has(group) === group.live) {
      this.#grow(account, group.bytes - place.bytes);
      place.bytes = group.bytes;
      return;
    }
    this.remove(group);
    this.#places.set(group, { account, bytes: group.bytes, since: now });
    let shelf = this.#shelves.get(account);
    if (shelf === undefined) this.#shelves.set(account, (shelf = { bytes: 0, idle: new Set(), live: new Set() }));
    (group.live ? shelf.live : shelf.idle).add(group);
    (group.live ? this.#live : this.#idle).add(group);
    this.#grow(account, group.bytes);
  }

  remove(group: TraceGroup): void {
    const place = this.#places.get(group);
    if (place === undefined) return;
    this.#places.delete(group);
    this.#idle.delete(group);
    this.#live.delete(group);
    const shelf = this.#shelves.get(place.account);
    shelf?.idle.delete(group);
    shelf?.live.delete(group);
    this.#grow(place.account, -place.bytes);
    if (shelf?.idle.size === 0 && shelf.live.size === 0) this.#shelves.delete(place.account);
  }

  /** The next trace that has to go for room, preferably not `recent`, the one just written to. */
  excess(recent: TraceGroup): TraceGroup | undefined {
    const account = recent.accountSid ?? '';
    const shelf = this.#shelves.get(account);
    const limit = account === '' ? this.#limits.looseBytes : this.#limits.accountBytes;
    if (shelf !== undefined && shelf.bytes > limit) return oldest(shelf.idle, shelf.live, recent);
    return this.#bytes > this.#limits.totalBytes ? oldest(this.#idle, this.#live, recent) : undefined;
  }

  /** The trace that has been there the longest since its call ended, or a living one without any record since then. */
  expired(before: number): TraceGroup | undefined {
    for (const group of this.#idle) {
      if ((this.#places.get(group)?.since ?? before) < before) return group;
      break;
    }
    for (const group of this.#live) if (group.lastMono < before) return group;
    return undefined;
  }

  #grow(account: string, bytes: number): void {
    this.#bytes += bytes;
    const shelf = this.#shelves.get(account);
    if (shelf !== undefined) shelf.bytes += bytes;
  }
}

function oldest(idle: ReadonlySet<TraceGroup>, live: ReadonlySet<TraceGroup>, recent: TraceGroup): TraceGroup {
  for (const groups of [idle, live]) for (const group of groups) if (group !== recent) return group;
  return recent;
}
