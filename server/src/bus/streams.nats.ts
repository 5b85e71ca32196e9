import { DiscardPolicy, JetStreamApiCodes, JetStreamApiError, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import type { StreamInfo } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Msg } from '@nats-io/transport-node';
import type { HookswitchEvent, Position } from '@hookswitch/shared';
import { Emitter, backoffDelay, delay, describeError } from '../kernel/index.ts';
import type { Unsubscribe } from '../kernel/index.ts';
import type { Bus } from './connection.nats.ts';
import { BusError } from './errors.ts';
import {
  DEFAULT_SHARDS,
  ingestSubject,
  messageId,
  parseEventSubject,
  shardOf,
  streamName,
  streamSubjects,
} from './subjects.ts';

/**
 * How long the servers remember message ids. A publisher that is cut off after a message was stored but before it was
 * told can repeat it within this time without a duplicate. Milliseconds.
 */
export const DEDUP_WINDOW_MS = 300_000;

/** Retention of each shard's stream; whichever bound is reached first drops the oldest events. */
export interface EventStreamOptions {
  /** Fixed for the life of an installation (default 4). */
  readonly shards?: number;
  /** Milliseconds (default 72 hours). */
  readonly maxAgeMs?: number;
  /** Bytes (default 1 GiB). */
  readonly maxBytes?: number;
  /** Copies kept by a NATS cluster (default 1). */
  readonly replicas?: number;
}

/** An event as it comes from `hs.ev.>`. */
export interface Delivery {
  readonly account: string;
  readonly topic: string;
  readonly position: Position;
  /** Sequence of the previous event on exactly this topic, 0 for the first. */
  readonly previousSeq: number;
  /** The CloudEvents JSON text. */
  readonly data: Uint8Array;
}

interface StreamEvents {
  /** A stream was created anew: positions of the old epoch cannot be honoured any more. */
  epoch: { readonly shard: number; readonly epoch: string };
}

function notFound(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}

/**
 * The fixed set of `EVENTS_<shard>` streams, each republishing what it stored to `hs.ev.>`. Created when missing at
 * start and again after every reconnect (a server whose store was lost comes back empty). Existing streams keep their
 * configuration: retention is changed with NATS's own tools.
 */
export class EventStreams {
  readonly shards: number;
  readonly #bus: Bus;
  readonly #options: EventStreamOptions;
  readonly #epochs = new Map<number, string>();
  readonly #emitter: Emitter<StreamEvents>;
  readonly #abort = new AbortController();
  readonly #stopListening: Unsubscribe;

  private constructor(bus: Bus, options: EventStreamOptions) {
    this.#bus = bus;
    this.#options = options;
    this.shards = options.shards ?? DEFAULT_SHARDS;
    this.#emitter = new Emitter((error) => {
      bus.log.error({ err: error }, 'a listener of the event streams failed');
    });
    this.#stopListening = bus.on('reconnected', () => void this.#ensureUntilDone());
  }

  /** @throws BusError `shards` when the server's streams were made for another number of shards */
  static async open(bus: Bus, options: EventStreamOptions = {}): Promise<EventStreams> {
    const streams = new EventStreams(bus, options);
    try {
      await streams.#checkShards();
      await streams.ensure();
    } catch (error) {
      streams.close();
      throw error;
    }
    return streams;
  }

  shardOf(account: string): number {
    return shardOf(account, this.shards);
  }

  streamOf(account: string): string {
    return streamName(this.shardOf(account));
  }

  /** The stream's creation time: changes when it was created anew. */
  epochOf(account: string): string {
    return this.#epochs.get(this.shardOf(account)) ?? 'unknown';
  }

  position(account: string, seq: number): Position {
    return { epoch: this.epochOf(account), seq };
  }

  onEpoch(listener: (change: StreamEvents['epoch']) => void): Unsubscribe {
    return this.#emitter.on('epoch', listener);
  }

  /** Reads a message received on `hs.ev...`; undefined when it is not an event that one of our streams republished. */
  parse(msg: Pick<Msg, 'subject' | 'headers' | 'data'>): Delivery | undefined {
    const address = parseEventSubject(msg.subject);
    const seq = Number(msg.headers?.get('Nats-Sequence') ?? '');
    if (address === undefined || !Number.isSafeInteger(seq) || seq < 1) return undefined;
    if (msg.headers?.get('Nats-Stream') !== this.streamOf(address.account)) return undefined;
    return {
      ...address,
      position: this.position(address.account, seq),
      previousSeq: Number(msg.headers.get('Nats-Last-Sequence')),
      data: msg.data,
    };
  }

  /**
   * Publishes one event on one topic and waits until it is stored. For publishers that need the position; everything
   * else goes through the outbox. Repeating it with the same event id within {@link DEDUP_WINDOW_MS} is harmless.
   * @throws whatever the client library throws when the server does not answer in time (default 5 s)
   */
  async publish(
    account: string,
    topic: string,
    event: HookswitchEvent,
    timeoutMs = 5000,
  ): Promise<{ position: Position; duplicate: boolean }> {
    const subject = ingestSubject(account, topic, this.shards);
    const ack = await this.#bus.js.publish(subject, JSON.stringify(event), {
      msgID: messageId(account, subject, event.id),
      timeout: timeoutMs,
    });
    return { position: this.position(account, ack.seq), duplicate: ack.duplicate };
  }

  /** Creates what is missing. Idempotent, and harmless when several processes do it at once. */
  async ensure(): Promise<void> {
    for (let shard = 0; shard < this.shards; shard++) this.#noteEpoch(shard, await this.#ensureOne(shard));
  }

  close(): void {
    this.#abort.abort(new Error('event streams closed'));
    this.#stopListening();
    this.#emitter.clear();
  }

  async #ensureOne(shard: number): Promise<StreamInfo> {
    const name = streamName(shard);
    try {
      return await this.#bus.jsm.streams.info(name);
    } catch (error) {
      if (!notFound(error)) throw error;
    }
    const { maxAgeMs = 72 * 3_600_000, maxBytes = 2 ** 30, replicas = 1 } = this.#options;
    return await this.#bus.jsm.streams.add({
      name,
      description: 'Hookswitch events',
      subjects: [streamSubjects(shard)],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      max_age: nanos(maxAgeMs),
      max_bytes: maxBytes,
      num_replicas: replicas,
      duplicate_window: nanos(Math.min(DEDUP_WINDOW_MS, maxAgeMs)),
      allow_direct: true,
      republish: { src: streamSubjects(shard), dest: 'hs.ev.>' },
    });
  }

  #noteEpoch(shard: number, info: StreamInfo): void {
    const epoch = info.created;
    const before = this.#epochs.get(shard);
    this.#epochs.set(shard, epoch);
    if (before === undefined || before === epoch) return;
    this.#bus.log.warn({ stream: info.config.name }, 'event stream was created anew: its history is lost');
    this.#emitter.emit('epoch', { shard, epoch });
  }

  async #checkShards(): Promise<void> {
    const names: string[] = [];
    for await (const name of this.#bus.jsm.streams.names()) if (/^EVENTS_\d+$/.test(name)) names.push(name);
    const foreign = names.find((name) => Number(name.slice('EVENTS_'.length)) >= this.shards);
    if (foreign === undefined) return;
    throw new BusError(
      'shards',
      `this NATS server holds ${foreign}, but this process is set to ${this.shards} shards: the number of shards of an installation cannot be changed`,
    );
  }

  async #ensureUntilDone(): Promise<void> {
    for (let attempt = 0; !this.#abort.signal.aborted; attempt++) {
      try {
        await this.ensure();
        return;
      } catch (error) {
        if (!this.#bus.connected) return;
        this.#bus.log.warn(
          { reason: describeError(error) },
          'event streams could not be checked after a reconnect, retrying',
        );
      }
      const wait = 20 + backoffDelay(attempt, this.#bus.random, { baseMs: 50, maxMs: 2000 });
      await delay(this.#bus.clock, wait, this.#abort.signal).catch(() => undefined);
    }
  }
}
