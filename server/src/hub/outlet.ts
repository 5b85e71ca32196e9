import type { OutboundFrame } from './outbound-frame.ts';
import type { LoggedEvent } from './ports.ts';

/** One frame waiting in an outlet. */
export interface OutletItem {
  readonly frame: OutboundFrame;
  /** The event inside; undefined for a notice. */
  readonly event: LoggedEvent | undefined;
  /** A notice that cannot be done without: on overflow it is sent all the same, and not given to `Delivery.dropped`. */
  readonly lasting?: true;
}

/** The receiving end of a delivery: one client's bounded queue of events. */
export interface Outlet {
  /** False when history has to wait; live events are queued regardless and may overflow. */
  readonly hasRoom: boolean;
  /** Resolves when there is room again, or the outlet was closed. */
  room(): Promise<void>;
  /** Queues a frame. On overflow what is queued, this item included, is given to `Delivery.dropped`. */
  enqueue(item: OutletItem): void;
  /** The same for several, which are the same array for all receivers of them. Left out: one after another. */
  enqueueAll?(items: readonly OutletItem[]): void;
}
