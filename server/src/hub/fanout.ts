import type { Clock } from '../kernel/index.ts';
import type { EventTally } from './account-metrics.ts';
import { FanoutLane } from './fanout-lane.ts';
import type { Flushable, Windows } from './fanout-lane.ts';
import { FrameChain } from './frame-chain.ts';
import { OutboundFrame } from './outbound-frame.ts';
import type { OutletItem } from './outlet.ts';
import type { LoggedEvent } from './ports.ts';

export interface FanoutOptions {
  readonly clock: Clock;
  /**
   * Gathering time, milliseconds: the shortest, that of busy topics, and the longest, which is used where one round of
   * writes takes as long (default 2, 5 and 20).
   */
  readonly windowMs?: { readonly min: number; readonly max: number; readonly longest?: number };
  /** What counts the deliveries of an event; asked once for each event. */
  readonly tallyOf?: (event: LoggedEvent) => EventTally;
}

/** Lanes without traffic are kept up to this many: they know how long a round of writes takes. */
const MOST_LANES = 1000;

/**
 * One frame of an event for all who receive it, and when it is written: see {@link FanoutLane}. Each account has its own lane, so
 * that nobody waits until the many receivers of another have been written to.
 */
export class Fanout {
  readonly #windows: Windows;
  readonly #monotonic: () => number;
  readonly #tallyOf: ((event: LoggedEvent) => EventTally) | undefined;
  readonly #frames = new WeakMap<LoggedEvent, OutboundFrame>();
  #latest: OutletItem | undefined;
  #latestRun: { readonly events: readonly LoggedEvent[]; readonly items: readonly OutletItem[] } | undefined;
  #root = FrameChain.root();
  /** By account. */
  readonly #lanes = new Map<string, FanoutLane>();
  #windowNumber = 0;
  #closed = false;

  constructor({ clock, windowMs = { min: 2, max: 5 }, tallyOf }: FanoutOptions) {
    const { min, max, longest = 20 } = windowMs;
    const nextNumber = (): number => ++this.#windowNumber;
    this.#windows = { clock, min, max, longest: Math.max(max, longest), nextNumber };
    this.#monotonic = () => clock.monotonic();
    this.#tallyOf = tallyOf;
  }

  /** The one frame of an event, shared by all receivers. */
  frameOf(event: LoggedEvent): OutboundFrame {
    if (this.#latest?.event === event) return this.#latest.frame;
    let frame = this.#frames.get(event);
    if (frame === undefined) this.#frames.set(event, (frame = OutboundFrame.event(event, this.#tallyOf?.(event))));
    return frame;
  }

  /** The same with the event, for an outlet. */
  itemOf(event: LoggedEvent): OutletItem {
    if (this.#latest?.event !== event) this.#latest = { frame: this.frameOf(event), event };
    return this.#latest;
  }

  /** The same of several events that are given to all receivers as this very array. */
  itemsOf(events: readonly LoggedEvent[]): readonly OutletItem[] {
    if (this.#latestRun?.events !== events) {
      this.#latestRun = { events, items: events.map((event) => ({ frame: this.frameOf(event), event })) };
    }
    return this.#latestRun.items;
  }

  /** What waits for a receiver, with one more frame. */
  append(waiting: FrameChain | undefined, item: OutletItem): FrameChain {
    return (waiting ?? this.#root).append(item, this.#monotonic);
  }

  /** @param items the same array for every receiver; not empty */
  appendAll(waiting: FrameChain | undefined, items: readonly OutletItem[]): FrameChain {
    return (waiting ?? this.#root).appendAll(items, this.#monotonic);
  }

  /** `receiver` has frames to write. @param accountSid whose events it gets */
  touch(receiver: Flushable, accountSid: string): void {
    if (receiver.turn?.due === true || this.#closed) return;
    this.#laneOf(accountSid).touch(receiver);
  }

  close(): void {
    this.#closed = true;
    for (const lane of this.#lanes.values()) lane.close();
    this.#lanes.clear();
    this.#latest = this.#latestRun = undefined;
  }

  #laneOf(accountSid: string): FanoutLane {
    let lane = this.#lanes.get(accountSid);
    if (lane === undefined) {
      lane = new FanoutLane(this.#windows, {
        // Chains that begin from now on are others: those of this round let their frames go with the last receiver.
        onRound: () => {
          this.#root = FrameChain.root();
        },
        onIdle: () => {
          if (this.#lanes.size > MOST_LANES) this.#lanes.delete(accountSid);
        },
      });
      this.#lanes.set(accountSid, lane);
    }
    return lane;
  }
}
