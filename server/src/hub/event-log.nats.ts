import { eventSchema } from '@hookswitch/shared';
import type { HookswitchEvent, Position } from '@hookswitch/shared';
import {
  eventSubject,
  ingestFilter,
  nextEvent,
  readEventBatches,
  seekBack,
  seekTime,
  streamRange,
} from '../bus/index.ts';
import type { Bus, EventStreams, StoredEvent } from '../bus/index.ts';
import { Emitter, delay, describeError } from '../kernel/index.ts';
import { Coalesced, Limiter } from './coalesced.ts';
import { EventLogError } from './errors.ts';
import type {
  BackRequest,
  EventLog,
  EventLogEvents,
  HistoryRequest,
  LogBounds,
  LogSubscription,
  LoggedEvent,
  LowWaterMarks,
  NextEvent,
  ScanBatch,
  ScanRequest,
  ScannedEvent,
} from './ports.ts';
import { readByScan } from './read-by-scan.ts';

export interface NatsEventLogOptions {
  readonly bus: Bus;
  readonly streams: EventStreams;
  /** What was purged of single accounts (default: nothing); the stream's own retention is looked at anyway. */
  readonly lowWater?: LowWaterMarks;
  /** Whether an event must not be given to anybody, live or later: published by a node that others had given up. */
  readonly isRefused?: (event: LoggedEvent, how: 'live' | 'history') => boolean;
}

const RETRY_MS = 250;
/** Events fetched at a time. Retention is looked at after each. */
const BATCH = 256;
/** Rewinds that look for their place at once, in this process; each takes some ten round trips. */
const MAX_SEEKS = 4;
const NOTHING_PURGED: LowWaterMarks = { of: () => 0, sync: () => Promise.resolve() };
const decoder = new TextDecoder();

/**
 * The log on JetStream: events are stored by the `EVENTS_<shard>` streams, live ones come from their republished copies,
 * history from one short-lived consumer a read. Bus and streams belong to whoever made them.
 */
export class NatsEventLog implements EventLog {
  readonly #bus: Bus;
  readonly #streams: EventStreams;
  readonly #lowWater: LowWaterMarks;
  readonly #isRefused: NonNullable<NatsEventLogOptions['isRefused']>;
  readonly #ranges = new Map<string, Coalesced<StreamRange>>();
  readonly #seeks = new Limiter(MAX_SEEKS);
  readonly #emitter: Emitter<EventLogEvents>;
  readonly #subscriptions = new Set<() => void>();
  readonly #stopListening: (() => void)[];
  readonly #abort = new AbortController();

  constructor(options: NatsEventLogOptions) {
    const { bus, streams } = options;
    this.#bus = bus;
    this.#streams = streams;
    this.#lowWater = options.lowWater ?? NOTHING_PURGED;
    this.#isRefused = options.isRefused ?? (() => false);
    this.#emitter = new Emitter((error, event) => {
      bus.log.error({ err: error, event }, 'a listener of the event log failed');
    });
    const regained = (): void => {
      this.#emitter.emit('regained', undefined);
    };
    this.#stopListening = [
      bus.on('disconnected', () => {
        this.#emitter.emit('lost', undefined);
      }),
      bus.on('reconnected', () => void this.#reconnected()),
      bus.on('slow-consumer', regained),
      streams.onEpoch(regained),
    ];
  }

  get connected(): boolean {
    return this.#bus.connected && !this.#closed;
  }

  async publish(accountSid: string, topic: string, event: HookswitchEvent): Promise<Position> {
    this.#check();
    if (!eventSchema.safeParse(event).success) {
      throw new EventLogError('invalid', `event ${event.id} does not fit the envelope's schema`);
    }
    try {
      return (await this.#streams.publish(accountSid, topic, event)).position;
    } catch (error) {
      if (error instanceof RangeError) throw new EventLogError('invalid', error.message, { cause: error });
      throw unavailable(`event ${event.id} may not have been stored`, error);
    }
  }

  subscribe(accountSid: string, pattern: string, listener: (event: LoggedEvent) => void): LogSubscription {
    if (!this.connected) {
      const ready = Promise.reject(new EventLogError('unavailable', 'not connected to NATS'));
      ready.catch(() => undefined);
      return { ready, close: () => undefined };
    }
    const subscription = this.#bus.nc.subscribe(eventSubject(accountSid, pattern), {
      callback: (error, msg) => {
        if (error !== null) return;
        const delivery = this.#streams.parse(msg);
        if (delivery === undefined) return;
        const logged = this.#logged(accountSid, delivery.topic, delivery.position, delivery.data);
        if (logged !== undefined && !this.#isRefused(logged, 'live')) listener(logged);
      },
    });
    const close = (): void => {
      this.#subscriptions.delete(close);
      if (!subscription.isClosed()) subscription.unsubscribe();
    };
    this.#subscriptions.add(close);
    // The server has the subscription when it answers what was sent after it.
    const ready = this.#bus.nc.flush().catch((error: unknown) => {
      throw unavailable(`subscribing to ${pattern} failed`, error);
    });
    ready.catch(() => undefined);
    return { ready, close };
  }

  hasSeen(accountSid: string, after: number, before: number): boolean {
    return this.#streams.hasSeen(accountSid, after, before);
  }

  async next(accountSid: string, pattern: string, after: number): Promise<NextEvent | undefined> {
    this.#check();
    const filter = ingestFilter(accountSid, pattern, this.#streams.shards);
    try {
      const found = await nextEvent(this.#bus, { stream: this.streamOf(accountSid), filter, after });
      if (found === undefined) return undefined;
      const { topic, seq, data } = found;
      const event = this.#logged(accountSid, topic, this.#streams.position(accountSid, seq), data);
      return { seq, event: event === undefined || this.#isRefused(event, 'live') ? undefined : event };
    } catch (error) {
      throw unavailable('looking for the next event failed', error);
    }
  }

  async bounds(accountSid: string): Promise<LogBounds> {
    const { first, last, epoch } = await this.#range(this.streamOf(accountSid));
    return { epoch, lowWater: Math.max(first - 1, this.#lowWater.of(accountSid, epoch)), head: last };
  }

  streamOf(accountSid: string): string {
    return this.#streams.streamOf(accountSid);
  }

  async positionAt(accountSid: string, time: number): Promise<Position> {
    const stream = this.streamOf(accountSid);
    const { epoch, first, last } = await this.#range(stream);
    try {
      const seq = await this.#seeks.run(() => seekTime(this.#bus, { stream, first, last }, time));
      return { epoch, seq };
    } catch (error) {
      throw unavailable('looking for a time in the event stream failed', error);
    }
  }

  async positionBack({ accountSid, pattern, count, before = Infinity }: BackRequest): Promise<Position> {
    const stream = this.streamOf(accountSid);
    const { epoch, first, last } = await this.#range(stream);
    const filter = ingestFilter(accountSid, pattern, this.#streams.shards);
    try {
      const options = { stream, first, last, filter, count, before };
      const seq = await this.#seeks.run(() => seekBack(this.#bus, options));
      return { epoch, seq: Math.max(seq, this.#lowWater.of(accountSid, epoch)) };
    } catch (error) {
      throw unavailable('looking for the newest events failed', error);
    }
  }

  async head(accountSid: string): Promise<Position> {
    const { epoch, head } = await this.bounds(accountSid);
    return { epoch, seq: head };
  }

  read(request: HistoryRequest): AsyncIterable<LoggedEvent> {
    return readByScan(this, request);
  }

  async *scan(request: ScanRequest): AsyncIterable<ScanBatch> {
    const { accounts, pattern = '>', from, to } = request;
    const [first = ''] = accounts;
    const stream = this.streamOf(first);
    const filter = ingestFilter(first, pattern, this.#streams.shards);
    const single = accounts.length === 1 ? { filter } : {};
    const scanned = ({ account, topic, seq, data, storedAt }: StoredEvent): ScannedEvent => ({
      accountSid: account,
      topic,
      seq,
      load: () => {
        const one = this.#logged(account, topic, { epoch: from.epoch, seq }, data);
        if (one === undefined || this.#isRefused(one, 'history')) return undefined;
        return { ...one, storedAt: Math.round(storedAt) };
      },
    });
    await this.#rangeOf(stream, from.epoch);
    try {
      const options = { stream, fromSeq: from.seq + 1, toSeq: to, batch: BATCH, ...single };
      for await (const batch of readEventBatches(this.#bus, options)) {
        // Retention may have overtaken the reading.
        const range = await this.#rangeOf(stream, from.epoch);
        const lowWater = (account: string): number => {
          return Math.max(range.first - 1, this.#lowWater.of(account, from.epoch));
        };
        yield { events: batch.events.map(scanned), upTo: batch.upTo, lowWater };
      }
    } catch (error) {
      throw unavailable('reading history broke off', error);
    }
  }

  on<K extends keyof EventLogEvents>(event: K, listener: (payload: EventLogEvents[K]) => void): () => void {
    return this.#emitter.on(event, listener);
  }

  async close(): Promise<void> {
    this.#abort.abort(new Error('event log closed'));
    for (const stop of this.#stopListening) stop();
    for (const close of [...this.#subscriptions]) close();
    this.#emitter.clear();
    await Promise.resolve();
  }

  get #closed(): boolean {
    return this.#abort.signal.aborted;
  }

  #check(): void {
    if (this.#closed) throw new EventLogError('closed', 'the event log is closed');
    if (!this.#bus.connected) throw new EventLogError('unavailable', 'not connected to NATS');
  }

  async #range(stream: string): Promise<StreamRange> {
    this.#check();
    let asked = this.#ranges.get(stream);
    if (asked === undefined) {
      asked = new Coalesced(async () => {
        const range = await streamRange(this.#bus, stream);
        // After the range: what is purged from now on was told already when somebody reads.
        await this.#lowWater.sync();
        return range;
      });
      this.#ranges.set(stream, asked);
    }
    try {
      return await asked.ask();
    } catch (error) {
      throw unavailable('the event stream gives no information', error);
    }
  }

  async #rangeOf(stream: string, epoch: string): Promise<StreamRange> {
    const range = await this.#range(stream);
    if (range.epoch !== epoch) throw new EventLogError('epoch-changed', `epoch ${epoch} is over`);
    return range;
  }

  /** Whoever may publish on NATS may write anything: what is no event is skipped. */
  #logged(accountSid: string, topic: string, position: Position, data: Uint8Array): LoggedEvent | undefined {
    try {
      const json = decoder.decode(data);
      const event = JSON.parse(json) as HookswitchEvent;
      // Checked, not copied: members of an extension that is none of ours stay (CloudEvents 1.0, section 3.2).
      eventSchema.parse(event);
      return { accountSid, topic, position, event, json };
    } catch (error) {
      this.#bus.log.debug({ topic, seq: position.seq, reason: describeError(error) }, 'not an event: skipped');
      return undefined;
    }
  }

  /** The streams may have been created anew: their epochs come first. */
  async #reconnected(): Promise<void> {
    while (this.connected) {
      try {
        await this.#streams.ensure();
        this.#emitter.emit('regained', undefined);
        return;
      } catch (error) {
        this.#bus.log.debug({ reason: describeError(error) }, 'event streams do not answer yet');
      }
      await delay(this.#bus.clock, RETRY_MS, this.#abort.signal).catch(() => undefined);
    }
  }
}

type StreamRange = Awaited<ReturnType<typeof streamRange>>;

function unavailable(what: string, cause: unknown): EventLogError {
  if (cause instanceof EventLogError) return cause;
  return new EventLogError('unavailable', `${what}: ${describeError(cause)}`, { cause });
}
