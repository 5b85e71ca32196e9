import type { EventTally } from './account-metrics.ts';
import type { OutletItem } from './outlet.ts';
import type { OutboundFrame } from './outbound-frame.ts';

/**
 * What waits for a receiver, as the last link of a chain. Receivers of one topic have the same frames waiting, so that
 * they share the links: another frame costs each of them one comparison and one reference, and what is made of the whole
 * chain (its frames, their bytes one after another) is made once. A link is never changed but for what it remembers.
 */
export class FrameChain {
  readonly count: number;
  /** Approximate bytes on the wire, all links to here. */
  readonly bytes: number;
  /** When the first link came to be, monotonic milliseconds. */
  readonly since: number;
  private readonly before: FrameChain | undefined;
  /** One item, or several that came together. */
  private readonly link: OutletItem | readonly OutletItem[] | undefined;
  /** The latest continuation: what the next receiver most likely asks for. */
  #next: FrameChain | undefined;
  #frames: readonly OutboundFrame[] | undefined;
  #shares: readonly Share[] | undefined;

  private constructor(
    before: FrameChain | undefined,
    link: OutletItem | readonly OutletItem[] | undefined,
    since: number,
  ) {
    const items = itemsOf(link);
    this.before = before;
    this.link = link;
    this.since = since;
    this.count = (before?.count ?? 0) + items.length;
    this.bytes = items.reduce((sum, { frame }) => sum + frame.size, before?.bytes ?? 0);
  }

  /** The empty chain that receivers with nothing waiting begin with; those that begin with the same one can share. */
  static root(): FrameChain {
    return new FrameChain(undefined, undefined, 0);
  }

  /** @param now read only when a chain begins */
  append(item: OutletItem, now: () => number): FrameChain {
    const known = this.#next;
    if (known !== undefined && (known.link === item || frameOf(known.link) === item.frame)) return known;
    return (this.#next = new FrameChain(this, item, this.count === 0 ? now() : this.since));
  }

  /** @param items the same array for every receiver; not empty */
  appendAll(items: readonly OutletItem[], now: () => number): FrameChain {
    const known = this.#next;
    if (known?.link === items) return known;
    return (this.#next = new FrameChain(this, items, this.count === 0 ? now() : this.since));
  }

  /** First to last. */
  items(): OutletItem[] {
    return FrameChain.#upTo(this);
  }

  /** The frames of {@link items}; the same array for every receiver. */
  frames(): readonly OutboundFrame[] {
    return (this.#frames ??= this.items().map(({ frame }) => frame));
  }

  /** One more receiver was written all of it. Costs next to nothing: it is added up once for all receivers. */
  countWritten(): void {
    this.#shares ??= sharesOf(this.frames());
    for (const { tally, events, bytes } of this.#shares) {
      tally.delivered += events;
      tally.deliveredBytes += bytes;
    }
  }

  static #upTo(last: FrameChain): OutletItem[] {
    const links: (readonly OutletItem[])[] = [];
    for (let chain: FrameChain | undefined = last; chain?.link !== undefined; chain = chain.before) {
      links.push(itemsOf(chain.link));
    }
    return links.reverse().flat();
  }
}

const NONE: readonly OutletItem[] = [];

function itemsOf(link: OutletItem | readonly OutletItem[] | undefined): readonly OutletItem[] {
  if (link === undefined) return NONE;
  return 'frame' in link ? [link] : link;
}

function frameOf(link: OutletItem | readonly OutletItem[] | undefined): OutboundFrame | undefined {
  return link !== undefined && 'frame' in link ? link.frame : undefined;
}

/** What of a chain is counted together. */
interface Share {
  readonly tally: EventTally;
  events: number;
  bytes: number;
}

function sharesOf(frames: readonly OutboundFrame[]): Share[] {
  const shares: Share[] = [];
  for (const { tally, size } of frames) {
    if (tally === undefined) continue;
    // Those of one topic come together, and there are few others.
    let share = shares.find((one) => one.tally === tally);
    if (share === undefined) shares.push((share = { tally, events: 0, bytes: 0 }));
    share.events += 1;
    share.bytes += size;
  }
  return shares;
}
