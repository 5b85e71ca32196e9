import { eventSchema, topicMatches } from '@hookswitch/shared';
import type { HookswitchEvent, Position } from '@hookswitch/shared';
import { eventSubject, ingestFilter, readEvents, streamRange } from '../bus/index.ts';
import type { Bus, EventStreams } from '../bus/index.ts';
import { Emitter, delay, describeError } from '../kernel/index.ts';
import { EventLogError } from './errors.ts';
import type { EventLog, EventLogEvents, HistoryRequest, LogBounds, LogSubscription, LoggedEvent } from './ports.ts';

export interface NatsEventLogOptions {
  readonly bus: Bus;
  readonly streams: EventStreams;
  /** Sequence up to which an account's events were purged (default 0); the stream's own retention is looked at anyway. */
  readonly lowWater?: (accountSid: string) => number;
}

const RETRY_MS = 250;
const decoder = new TextDecoder();

/**
 * The log on JetStream: events are stored by the `EVENTS_<shard>` streams, live ones come from their republished copies,
 * history from one short-lived consumer a read. Bus and streams belong to whoever made them.
 */
export class NatsEventLog implements EventLog {
  readonly #bus: Bus;
  readonly #streams: EventStreams;
  readonly #lowWater: (accountSid: string) => number;
  readonly #emitter: Emitter<EventLogEvents>;
  readonly #subscriptions = new Set<() => void>();
  readonly #stopListening: (() => void)[];
  readonly #abort = new AbortController();

  constructor(options: NatsEventLogOptions) {
    const { bus, streams } = options;
    this.#bus = bus;
    this.#streams = streams;
    this.#lowWater = options.lowWater ?? (() => 0);
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
        if (logged !== undefined) listener(logged);
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

  async bounds(accountSid: string): Promise<LogBounds> {
    this.#check();
    try {
      const { first, last, epoch } = await streamRange(this.#bus, this.#streams.streamOf(accountSid));
      return { epoch, lowWater: Math.max(first - 1, this.#lowWater(accountSid)), head: last };
    } catch (error) {
      throw unavailable('the event stream gives no information', error);
    }
  }

  async head(accountSid: string): Promise<Position> {
    const { epoch, head } = await this.bounds(accountSid);
    return { epoch, seq: head };
  }

  async *read(request: HistoryRequest): AsyncIterable<LoggedEvent> {
    const { accountSid, patterns, from, to } = request;
    await this.#checkRange(accountSid, from);
    const [only = '>'] = patterns;
    const filter = ingestFilter(accountSid, patterns.length === 1 ? only : '>', this.#streams.shards);
    const stored = readEvents(this.#bus, {
      stream: this.#streams.streamOf(accountSid),
      fromSeq: from.seq + 1,
      toSeq: to.seq,
      filter,
    });
    try {
      for await (const { topic, seq, data } of stored) {
        if (!patterns.some((pattern) => topicMatches(pattern, topic))) continue;
        const logged = this.#logged(accountSid, topic, { epoch: from.epoch, seq }, data);
        if (logged !== undefined) yield logged;
      }
    } catch (error) {
      throw unavailable('reading history broke off', error);
    }
    // Retention may have overtaken the reading.
    await this.#checkRange(accountSid, from);
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

  async #checkRange(accountSid: string, from: Position): Promise<void> {
    const { epoch, lowWater } = await this.bounds(accountSid);
    if (epoch !== from.epoch) throw new EventLogError('epoch-changed', `epoch ${from.epoch} is over`);
    if (from.seq < lowWater) {
      throw new EventLogError(
        'expired',
        `events after ${from.seq} are not kept any more, only those after ${lowWater}`,
      );
    }
  }

  /** Whoever may publish on NATS may write anything: what is no event is skipped. */
  #logged(accountSid: string, topic: string, position: Position, data: Uint8Array): LoggedEvent | undefined {
    try {
      const json = decoder.decode(data);
      const event = eventSchema.parse(JSON.parse(json));
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

function unavailable(what: string, cause: unknown): EventLogError {
  if (cause instanceof EventLogError) return cause;
  return new EventLogError('unavailable', `${what}: ${describeError(cause)}`, { cause });
}
