import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import type { Consumer } from '@nats-io/jetstream';
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
  /** The CloudEvents JSON text. */
  readonly data: Uint8Array;
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
}

/** First and last sequence that a stream holds now; `last` is 0 and `first` 1 when it never held any. */
export async function streamRange(bus: Bus, stream: string): Promise<{ first: number; last: number; epoch: string }> {
  const info = await bus.jsm.streams.info(stream);
  return { first: info.state.first_seq, last: info.state.last_seq, epoch: info.created };
}

/**
 * Reads history in order, up to the end it had when the reading began, then stops. One short-lived server-side consumer a
 * call: coalesce readers, never one per browser. Stopping early (`break`) releases the consumer.
 * @throws BusError `stream-missing` when delivery broke off or lost its order: continue after the last seq seen
 */
export async function* readEvents(bus: Bus, options: ReadEventsOptions): AsyncGenerator<StoredEvent, void, undefined> {
  const { stream, fromSeq, filter, batch = 500 } = options;
  const last = options.toSeq ?? (await streamRange(bus, stream)).last;
  if (fromSeq > last) return;
  const created = await bus.jsm.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: Math.max(1, fromSeq),
    inactive_threshold: nanos(30_000),
    mem_storage: true,
    num_replicas: 1,
    ...(filter === undefined ? {} : { filter_subject: filter }),
  });
  try {
    const consumer = await bus.js.consumers.get(stream, created.name);
    if (created.num_pending > 0) yield* drain(consumer, last, batch);
  } finally {
    await bus.jsm.consumers.delete(stream, created.name).catch(() => undefined);
  }
}

async function* drain(consumer: Consumer, last: number, batch: number): AsyncGenerator<StoredEvent, void, undefined> {
  let delivered = 0;
  for (;;) {
    const before = delivered;
    const messages = await consumer.fetch({ max_messages: batch, expires: 5000 });
    for await (const msg of messages) {
      if (msg.info.deliverySequence !== ++delivered) {
        throw new BusError(
          'stream-missing',
          `history of ${msg.info.stream} came out of order at ${msg.seq}: read it again`,
        );
      }
      if (msg.seq > last) return;
      const address = parseEventSubject(msg.subject);
      if (address !== undefined) {
        yield { ...address, seq: msg.seq, storedAt: msg.info.timestampNanos / 1e6, data: msg.data };
      }
      if (msg.seq === last || msg.info.pending === 0) return;
    }
    if (delivered === before) {
      throw new BusError(
        'stream-missing',
        'history broke off: NATS sent nothing for 5 s; read on from the last position',
      );
    }
  }
}
