import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import type { Consumer, ConsumerInfo } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Bus } from './connection.nats.ts';
import { BusError } from './errors.ts';
import { parseEventSubject } from './subjects.ts';

/** One event of a stream's history. */
export interface StoredEvent {
  readonly account: string;
  readonly topic: string;
  readonly seq: number;
  /** When it was stored, epoch milliseconds. */
  readonly storedAt: number;
  /** The CloudEvents JSON text; empty when only headers were asked for. */
  readonly data: Uint8Array;
  /** Bytes of the text. */
  readonly size: number;
}

export interface ReadEventsOptions {
  readonly stream: string;
  /** First sequence wanted; earlier events that retention dropped are skipped without notice: check `first` yourself. */
  readonly fromSeq: number;
  /** From `ingestFilter`: all events of the shard when left out. One filter only (NATS 2.9). */
  readonly filter?: string;
  /** Last sequence wanted. Default: the newest one that the stream held when reading began. */
  readonly toSeq?: number;
  /** Events fetched at a time (default 500). */
  readonly batch?: number;
  /** Which events there are, without their texts. */
  readonly headersOnly?: boolean;
  /** Sequence of the newest event that the filter lets through, from {@link newestEvent}; asked for when left out. */
  readonly newest?: number;
}

/** First and last sequence that a stream holds now; `last` is 0 and `first` 1 when it never held any. */
export async function streamRange(bus: Bus, stream: string): Promise<{ first: number; last: number; epoch: string }> {
  const info = await bus.ask((jsm) => jsm.streams.info(stream));
  // A stream that never held anything begins at 0 for nats-server 2.9.
  return { first: Math.max(1, info.state.first_seq), last: info.state.last_seq, epoch: info.created };
}

/**
 * The first event after a sequence that the filter lets through; undefined when the stream holds none. One round trip, no
 * consumer.
 */
export async function nextEvent(
  bus: Bus,
  { stream, filter, after }: { readonly stream: string; readonly filter: string; readonly after: number },
): Promise<StoredEvent | undefined> {
  const found = await bus.jsm.direct.getMessage(stream, { seq: after + 1, next_by_subj: filter });
  const address = found === null ? undefined : parseEventSubject(found.subject);
  if (found === null || address === undefined) return undefined;
  const { seq, data } = found;
  return { ...address, seq, storedAt: found.time.getTime(), data, size: data.length };
}

/**
 * Sequence of the newest event that the filter lets through; 0 when there is none. The only way to know where the reading of a
 * filtered history ends: what nats-server 2.9.10 says is pending for a consumer is wrong, by any number, where all events of
 * a subject follow one another.
 */
export async function newestEvent(bus: Bus, stream: string, filter: string): Promise<number> {
  return (await bus.jsm.direct.getMessage(stream, { last_by_subj: filter }))?.seq ?? 0;
}

/** Events that came in one go, in order. */
export interface StoredBatch {
  readonly events: readonly StoredEvent[];
  /** Everything up to this sequence has come, of what was asked for. */
  readonly upTo: number;
}

/**
 * Reads history in order, up to the end it had when the reading began, then stops. One short-lived server-side consumer a
 * call: coalesce readers, never one per browser. Stopping early (`break`) releases the consumer.
 * @throws BusError `stream-missing` when delivery broke off or lost its order: continue after the last seq seen
 */
export async function* readEvents(bus: Bus, options: ReadEventsOptions): AsyncGenerator<StoredEvent, void, undefined> {
  for await (const { events } of readEventBatches(bus, options)) yield* events;
}

/** As {@link readEvents}, by the batch; the last one reaches the end of the range, empty where nothing is left. */
export async function* readEventBatches(
  bus: Bus,
  options: ReadEventsOptions,
): AsyncGenerator<StoredBatch, void, undefined> {
  const { stream, filter, batch = 500 } = options;
  const fromSeq = Math.max(1, options.fromSeq);
  const last = options.toSeq ?? (await streamRange(bus, stream)).last;
  if (fromSeq > last) return;
  const newest = options.newest ?? (await newestEvent(bus, stream, filter ?? '>'));
  if (newest < fromSeq) {
    yield { events: [], upTo: last };
    return;
  }
  const created = await addConsumer(bus, {
    stream,
    fromSeq,
    headersOnly: options.headersOnly ?? false,
    ...(filter === undefined ? {} : { filter }),
  });
  try {
    const consumer = await bus.ask((jsm) => jsm.jetstream().consumers.get(stream, created.name));
    yield* drain(consumer, { last, newest, batch });
  } finally {
    await bus.jsm.consumers.delete(stream, created.name).catch(() => undefined);
  }
}

/** A consumer in memory that acknowledges nothing and goes by itself after 30 s without use. */
export function addConsumer(
  bus: Bus,
  {
    stream,
    fromSeq,
    filter,
    headersOnly = false,
  }: Pick<ReadEventsOptions, 'stream' | 'fromSeq' | 'filter' | 'headersOnly'>,
): Promise<ConsumerInfo> {
  const config = {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: Math.max(1, fromSeq),
    inactive_threshold: nanos(30_000),
    mem_storage: true,
    num_replicas: 1,
    headers_only: headersOnly,
    ...(filter === undefined ? {} : { filter_subject: filter }),
  };
  return bus.ask((jsm) => jsm.consumers.add(stream, config));
}

interface Range {
  readonly last: number;
  readonly newest: number;
  readonly batch: number;
}

async function* drain(
  consumer: Consumer,
  { last, newest, batch }: Range,
): AsyncGenerator<StoredBatch, void, undefined> {
  // Behind the end of the range there is one more to come, where there is one.
  const end = Math.min(last, newest);
  let delivered = 0;
  for (;;) {
    const events: StoredEvent[] = [];
    let upTo = 0;
    const messages = await consumer.fetch({ max_messages: batch, expires: 5000 });
    for await (const msg of messages) {
      if (msg.info.deliverySequence !== ++delivered) {
        throw new BusError(
          'stream-missing',
          `history of ${msg.info.stream} came out of order at ${msg.seq}: read it again`,
        );
      }
      upTo = msg.seq;
      const address = parseEventSubject(msg.subject);
      if (address !== undefined && msg.seq <= last) {
        const { data, info, seq } = msg;
        const size = Number(msg.headers?.get('Nats-Msg-Size') ?? '') || data.length;
        events.push({ ...address, seq, storedAt: info.timestampNanos / 1e6, data, size });
      }
      if (msg.seq >= end) {
        yield { events, upTo: last };
        return;
      }
    }
    if (upTo === 0) {
      throw new BusError(
        'stream-missing',
        'history broke off: NATS sent nothing for 5 s; read on from the last position',
      );
    }
    yield { events, upTo };
  }
}
