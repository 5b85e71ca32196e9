import type { ServerFrame } from '@hookswitch/shared';
import { OutboundFrame } from '../hub/index.ts';
import type { Fanout, Flushable, Outlet, OutletItem } from '../hub/index.ts';
import type { Clock } from '../kernel/index.ts';
import type { ClientTransport } from './ports.ts';

export interface OutboxLimits {
  /** Control frames that may wait (default 512 frames, 1 MiB). */
  readonly maxControlFrames: number;
  readonly maxControlBytes: number;
  /** Events that may wait (default 1000 frames, 1 MiB, 15 s). */
  readonly maxEventFrames: number;
  readonly maxEventBytes: number;
  readonly maxEventAgeMs: number;
  /** Bytes in the transport from which nothing more is written (default 64 KiB). */
  readonly highWaterBytes: number;
}

export const OUTBOX_LIMITS: OutboxLimits = {
  maxControlFrames: 512,
  maxControlBytes: 1024 * 1024,
  maxEventFrames: 1000,
  maxEventBytes: 1024 * 1024,
  maxEventAgeMs: 15_000,
  highWaterBytes: 64 * 1024,
};

/** Frames in one write at most. */
const MAX_BATCH = 256;

export interface OutboxOptions {
  readonly transport: ClientTransport;
  readonly fanout: Fanout;
  readonly clock: Clock;
  readonly limits: OutboxLimits;
  /** Control frames overflowed: the connection has to be closed as `slow`. Called once. */
  readonly onSlow: () => void;
  /** Events overflowed: these will not be sent. */
  readonly onDropped: (items: readonly OutletItem[]) => void;
}

/**
 * What waits for one client, in two classes. Control frames (answers, pushes, heartbeat) go first and are never dropped:
 * their overflow ends the connection. Events are references to shared frames in a queue bounded by bytes, count and age:
 * its overflow drops all of them, and whoever owns the subscriptions fetches them again once there is room.
 */
export class Outbox implements Outlet, Flushable {
  readonly #options: OutboxOptions;
  #control: OutboundFrame[] = [];
  #controlBytes = 0;
  #events: { readonly item: OutletItem; readonly at: number }[] = [];
  #eventBytes = 0;
  /** After an overflow nothing is fetched until the transport has taken what it holds. */
  #lagging = false;
  #room: PromiseWithResolvers<void> | undefined;
  #closed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get waiting(): { readonly control: number; readonly events: number; readonly eventBytes: number } {
    return { control: this.#control.length, events: this.#events.length, eventBytes: this.#eventBytes };
  }

  get hasRoom(): boolean {
    const { maxEventFrames, maxEventBytes } = this.#options.limits;
    return !this.#lagging && this.#events.length < maxEventFrames / 2 && this.#eventBytes < maxEventBytes / 2;
  }

  room(): Promise<void> {
    if (this.#closed || this.hasRoom) return Promise.resolve();
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  sendControl(frame: ServerFrame): void {
    if (this.#closed) return;
    const outbound = OutboundFrame.notice(frame);
    if (this.#control.length === 0 && this.#writable) {
      this.#options.transport.send([outbound]);
      return;
    }
    const { maxControlFrames, maxControlBytes } = this.#options.limits;
    if (this.#control.length >= maxControlFrames || this.#controlBytes + outbound.size > maxControlBytes) {
      this.close();
      this.#options.onSlow();
      return;
    }
    this.#control.push(outbound);
    this.#controlBytes += outbound.size;
  }

  enqueue(item: OutletItem): void {
    if (this.#closed) return;
    const at = this.#options.clock.monotonic();
    this.#events.push({ item, at });
    this.#eventBytes += item.frame.size;
    // A burst is no slow client: what can be written is written before it counts.
    if (this.#overfull(at)) this.flush();
    if (this.#overfull(at)) this.#overflow();
    else if (this.#events.length > 0) this.#options.fanout.touch(this);
  }

  /** Keeps only the waiting events that `wanted` says yes to. */
  retain(wanted: (item: OutletItem) => boolean): void {
    this.#events = this.#events.filter(({ item }) => wanted(item));
    this.#eventBytes = this.#events.reduce((sum, { item }) => sum + item.frame.size, 0);
  }

  flush(): number {
    if (this.#closed) return 0;
    let written = this.#flushControl();
    while (this.#control.length === 0 && this.#events.length > 0 && this.#writable) {
      const batch = this.#takeBatch();
      this.#options.transport.send(batch);
      written += batch.length;
    }
    this.#giveRoom();
    return written;
  }

  /** The transport has taken what it held. */
  drained(): void {
    if (this.#closed || !this.#writable) return;
    this.#lagging = false;
    this.flush();
  }

  /** Drops what waits and refuses what comes. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#control = [];
    this.#events = [];
    this.#controlBytes = this.#eventBytes = 0;
    this.#options.fanout.forget(this);
    this.#room?.resolve();
    this.#room = undefined;
  }

  get #writable(): boolean {
    return this.#options.transport.bufferedBytes < this.#options.limits.highWaterBytes;
  }

  #overfull(at: number): boolean {
    const { maxEventFrames, maxEventBytes, maxEventAgeMs } = this.#options.limits;
    const oldest = this.#events[0]?.at ?? at;
    return this.#events.length > maxEventFrames || this.#eventBytes > maxEventBytes || at - oldest > maxEventAgeMs;
  }

  #flushControl(): number {
    if (this.#control.length === 0 || !this.#writable) return 0;
    const frames = this.#control;
    this.#control = [];
    this.#controlBytes = 0;
    this.#options.transport.send(frames);
    return frames.length;
  }

  #takeBatch(): OutboundFrame[] {
    let bytes = 0;
    let count = 0;
    for (const { item } of this.#events) {
      if (count >= MAX_BATCH || (count > 0 && bytes + item.frame.size > this.#options.limits.highWaterBytes)) break;
      bytes += item.frame.size;
      count += 1;
    }
    this.#eventBytes -= bytes;
    return this.#events.splice(0, count).map(({ item }) => item.frame);
  }

  #overflow(): void {
    const dropped = this.#events.map(({ item }) => item);
    this.#events = [];
    this.#eventBytes = 0;
    this.#lagging = !this.#writable;
    this.#options.onDropped(dropped);
  }

  #giveRoom(): void {
    if (this.#room === undefined || !this.hasRoom) return;
    this.#room.resolve();
    this.#room = undefined;
  }
}
