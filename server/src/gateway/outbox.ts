import type { ServerFrame } from '@hookswitch/shared';
import { OutboundFrame } from '../hub/index.ts';
import type { Fanout, FlushTurn, Flushable, FrameChain, Outlet, OutletItem } from '../hub/index.ts';
import type { Clock } from '../kernel/index.ts';
import { Acknowledgements } from './acknowledgements.ts';
import type { AcknowledgementLimits } from './acknowledgements.ts';
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
  readonly acknowledgements?: AcknowledgementLimits;
}

export const OUTBOX_LIMITS: OutboxLimits = {
  maxControlFrames: 512,
  maxControlBytes: 1024 * 1024,
  maxEventFrames: 1000,
  maxEventBytes: 1024 * 1024,
  maxEventAgeMs: 15_000,
  highWaterBytes: 64 * 1024,
};

/** Bytes in one write at most; more than one write is only needed for what waited long. */
const MAX_WRITE_BYTES = 256 * 1024;

export interface OutboxOwner {
  /** Control frames overflowed: the connection has to be closed as `slow`. Called once. */
  onSlow(): void;
  /** Events overflowed: these will not be sent. */
  onDropped(items: readonly OutletItem[]): void;
  /** The client says that it has read what was sent so long ago, milliseconds. */
  onLag?(ms: number): void;
}

export interface OutboxOptions {
  readonly transport: ClientTransport;
  readonly fanout: Fanout;
  readonly clock: Clock;
  readonly limits: OutboxLimits;
  readonly owner: OutboxOwner;
}

/**
 * What waits for one client, in two classes. Control frames (answers, pushes, heartbeat) go first and are never dropped:
 * their overflow ends the connection. Events are references to shared frames in a queue bounded by bytes, count and age:
 * its overflow drops all of them, and whoever owns the subscriptions fetches them again once there is room.
 */
export class Outbox implements Outlet, Flushable {
  readonly #transport: ClientTransport;
  readonly #clock: Clock;
  readonly #limits: OutboxLimits;
  readonly #owner: OutboxOwner;
  #control: OutboundFrame[] | undefined;
  #controlBytes = 0;
  #events: FrameChain | undefined;
  turn?: FlushTurn;
  /** Topics of which only the newest event is kept while the client reads slowly; undefined: none. */
  conflates: ((topic: string) => boolean) | undefined;
  /** The newest event of such topics, while not everything could be written. Sent after the events above. */
  #newest: Map<string, OutletItem> | undefined;
  /** The transport did not take everything: its `drained` will be heard. */
  #blocked = false;
  /** From the first event on. */
  #acknowledgements: Acknowledgements | undefined;
  readonly #fanout: Fanout;
  /** After an overflow nothing is fetched until the transport has taken what it holds. */
  #lagging = false;
  #room: PromiseWithResolvers<void> | undefined;
  #closed = false;

  constructor(options: OutboxOptions) {
    this.#transport = options.transport;
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#owner = options.owner;
    this.#fanout = options.fanout;
  }

  get waiting(): { readonly control: number; readonly events: number; readonly eventBytes: number } {
    return { control: this.#control?.length ?? 0, events: this.#count, eventBytes: this.#bytes };
  }

  get hasRoom(): boolean {
    const { maxEventFrames, maxEventBytes } = this.#limits;
    return !this.#lagging && this.#count < maxEventFrames / 2 && this.#bytes < maxEventBytes / 2;
  }

  room(): Promise<void> {
    if (this.#closed || this.hasRoom) return Promise.resolve();
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  sendControl(frame: ServerFrame): void {
    this.#sendControl(OutboundFrame.notice(frame));
  }

  /** Sent like a control frame, but behind waiting events on these topics, and what was sent so before. */
  sendBehind(frame: ServerFrame, isOn: (topic: string) => boolean): void {
    const waiting = this.#events?.items() ?? [];
    if (waiting.some(({ event, lasting }) => lasting === true || (event !== undefined && isOn(event.topic))))
      this.enqueue({ frame: OutboundFrame.notice(frame), event: undefined, lasting: true });
    else this.sendControl(frame);
  }

  #sendControl(outbound: OutboundFrame): void {
    if (this.#closed) return;
    if (this.#control === undefined && this.#transportWritable) {
      this.#transport.send([outbound]);
      return;
    }
    const { maxControlFrames, maxControlBytes } = this.#limits;
    if ((this.#control?.length ?? 0) >= maxControlFrames || this.#controlBytes + outbound.size > maxControlBytes) {
      this.close();
      this.#owner.onSlow();
      return;
    }
    (this.#control ??= []).push(outbound);
    this.#controlBytes += outbound.size;
  }

  enqueue(item: OutletItem): void {
    if (this.#closed || (this.conflates !== undefined && this.#conflate(item))) return;
    const before = this.#events;
    this.#waits(before, this.#fanout.append(before, item), item.event?.accountSid);
  }

  enqueueAll(items: readonly OutletItem[]): void {
    if (this.#closed) return;
    const before = this.#events;
    if (this.conflates !== undefined) for (const item of items) this.enqueue(item);
    else this.#waits(before, this.#fanout.appendAll(before, items), items[0]?.event?.accountSid);
  }

  /** Keeps only the waiting events that `wanted` says yes to. */
  retain(wanted: (item: OutletItem) => boolean): void {
    if (this.#events !== undefined) this.#refill(this.#events.items().filter(wanted));
    for (const [topic, item] of this.#newest ?? []) if (!wanted(item)) this.#newest?.delete(topic);
  }

  flush(): number {
    if (this.#closed) return 0;
    let written = this.#flushControl();
    while (this.#control === undefined && this.#events !== undefined && this.#writable) {
      const before = this.#events.bytes;
      const frames = this.#takeBatch(this.#events);
      this.#transport.send(frames);
      written += frames.length;
      this.#wrote(before - this.#bytes);
    }
    if (this.#newest !== undefined && this.#events === undefined && this.#writable) written += this.#flushNewest();
    this.#blocked = this.#events !== undefined || this.#newest !== undefined;
    this.#giveRoom();
    return written;
  }

  /** The client answered a ping: it has read what came before. */
  acknowledged(n: number | undefined): void {
    if (this.#acknowledgements === undefined) return;
    const lag = this.#acknowledgements.answered(n);
    if (lag !== undefined) this.#owner.onLag?.(lag);
    if (this.#blocked || this.#lagging) this.drained();
    // What was written since the question may be too much by itself: then nothing else would ever be asked or written.
    this.#wrote(0);
  }

  /** The transport has taken what it held. */
  drained(): void {
    if (this.#closed) return;
    if (!this.#writable) {
      this.#flushControl();
      return;
    }
    this.#lagging = false;
    this.flush();
  }

  /** Drops what waits and refuses what comes. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#control = this.#events = this.#newest = undefined;
    this.#controlBytes = 0;
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** Events wait for the client's word too, control frames for the transport alone. */
  get #writable(): boolean {
    return this.#transportWritable && this.#acknowledgements?.full !== true;
  }

  get #transportWritable(): boolean {
    return this.#transport.bufferedBytes < this.#limits.highWaterBytes;
  }

  get #count(): number {
    return this.#events?.count ?? 0;
  }

  get #bytes(): number {
    return this.#events?.bytes ?? 0;
  }

  #waits(before: FrameChain | undefined, waiting: FrameChain, accountSid = ''): void {
    this.#events = waiting;
    // Whoever has something waiting is due already, or waits for the transport.
    if (before === undefined) this.#fanout.touch(this, accountSid);
    const { maxEventFrames, maxEventBytes } = this.#limits;
    const held = before !== undefined && this.#blocked;
    if (held || waiting.count > maxEventFrames || waiting.bytes > maxEventBytes) this.#keepBounds();
  }

  #overfull(): boolean {
    const waiting = this.#events;
    if (waiting === undefined) return false;
    if (waiting.count > this.#limits.maxEventFrames || waiting.bytes > this.#limits.maxEventBytes) return true;
    return this.#blocked && this.#clock.monotonic() - waiting.since > this.#limits.maxEventAgeMs;
  }

  #keepBounds(): void {
    // A burst is no slow client: what can be written is written before it counts.
    if (this.#overfull()) this.flush();
    if (this.#overfull()) this.#overflow();
  }

  #flushControl(): number {
    const frames = this.#control;
    if (frames === undefined || !this.#transportWritable) return 0;
    this.#control = undefined;
    this.#controlBytes = 0;
    this.#transport.send(frames);
    return frames.length;
  }

  /** Nearly always all of it, which receivers of the same events share. */
  #takeBatch(waiting: FrameChain): readonly OutboundFrame[] {
    if (waiting.bytes <= MAX_WRITE_BYTES) {
      this.#events = undefined;
      waiting.countWritten();
      return waiting.frames();
    }
    const items = waiting.items();
    let bytes = 0;
    let count = 0;
    for (const { frame } of items) {
      if (count > 0 && bytes + frame.size > MAX_WRITE_BYTES) break;
      bytes += frame.size;
      count += 1;
    }
    this.#refill(items.slice(count));
    return countWritten(items.slice(0, count).map(({ frame }) => frame));
  }

  /** True: the item took the place of an older one, or waits for a newer one. */
  #conflate(item: OutletItem): boolean {
    const { event } = item;
    if (event === undefined) return false;
    const known = this.#newest?.has(event.topic) === true;
    return (known || this.#blocked) && this.#keepNewest(item);
  }

  #keepNewest(item: OutletItem): boolean {
    const { event } = item;
    if (event === undefined || this.conflates?.(event.topic) !== true) return false;
    const { topic, position } = event;
    this.#newest ??= new Map();
    const known = this.#newest.get(topic)?.event?.position;
    // One of the two is not sent.
    if (known !== undefined && item.frame.tally !== undefined) item.frame.tally.conflated += 1;
    if (known?.epoch === position.epoch && known.seq >= position.seq) return true;
    if (known === undefined && this.#newest.size >= this.#limits.maxEventFrames) {
      // Too many topics to keep one event of each: the client comes back and reads on from its place.
      this.close();
      this.#owner.onSlow();
      return true;
    }
    this.#newest.delete(topic);
    this.#newest.set(topic, item);
    return true;
  }

  /** Asks the client how far it is, when it is time to. */
  #wrote(bytes: number): void {
    this.#acknowledgements ??= new Acknowledgements(this.#limits.acknowledgements, this.#clock);
    const n = this.#acknowledgements.wrote(bytes);
    if (n !== undefined) this.sendControl({ type: 'ping', n });
  }

  #flushNewest(): number {
    const frames = countWritten([...(this.#newest?.values() ?? [])].map(({ frame }) => frame));
    this.#newest = undefined;
    if (frames.length > 0) this.#transport.send(frames);
    this.#wrote(frames.reduce((sum, { size }) => sum + size, 0));
    return frames.length;
  }

  #refill(items: readonly OutletItem[]): void {
    this.#events = undefined;
    for (const item of items) this.#events = this.#fanout.append(this.#events, item);
  }

  #overflow(): void {
    const waiting = this.#events?.items() ?? [];
    this.#events = undefined;
    for (const { lasting, frame } of waiting) if (lasting === true) this.#sendControl(frame);
    const dropped = waiting.filter((item) => item.lasting !== true && !this.#keepNewest(item));
    for (const { frame } of dropped) if (frame.tally !== undefined) frame.tally.dropped += 1;
    this.#lagging = !this.#writable;
    this.#owner.onDropped(dropped);
  }

  #giveRoom(): void {
    if (this.#room === undefined || !this.hasRoom) return;
    this.#room.resolve();
    this.#room = undefined;
  }
}

function countWritten(frames: readonly OutboundFrame[]): readonly OutboundFrame[] {
  for (const { tally, size } of frames) {
    if (tally === undefined) continue;
    tally.delivered += 1;
    tally.deliveredBytes += size;
  }
  return frames;
}
