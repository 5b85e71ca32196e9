import { DiscardPolicy, JetStreamApiCodes, JetStreamApiError, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import type { StreamInfo } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Msg } from '@nats-io/transport-node';
import type { HookswitchEvent, Position } from '@hookswitch/shared';
import { Emitter, backoffDelay, delay, describeError } from '../kernel/index.ts';
import type { Timer, Unsubscribe } from '../kernel/index.ts';
import type { Bus } from './connection.nats.ts';
import { BusError } from './errors.ts';
import { SeenSequences } from './seen-sequences.ts';
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
  /**
   * A stream was created anew: positions of the old epoch cannot be honoured any more. Also when it only may have been:
   * whoever follows it reads what it may have missed.
   */
  epoch: { readonly shard: number; readonly epoch: string };
}

/** What a server says of streams that were created, changed or deleted. */
const ADVISORIES = '$JS.EVENT.ADVISORY.STREAM';

/**
 * A deleted stream is made anew after this time, milliseconds: the server tells before it has removed the files, and would
 * remove those of the new one with them.
 */
const DELETED_MS = 1000;

/** So soon after a stream was created the server tells of it, milliseconds. */
const TOLD_WITHIN_MS = 1000;

/** A sequence that goes back further than this is of another stream. */
const MAX_INVERSION = 64;

function notFound(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}

/**
 * The fixed set of `EVENTS_<shard>` streams, each republishing what it stored to `hs.ev.>`. Created when missing at
 * start, after every reconnect (a server whose store was lost comes back empty) and when one was deleted. Existing streams
 * keep their configuration: retention is changed with NATS's own tools.
 *
 * That a stream was made anew under a connection that stays is told by the server's advisories, and by sequences that go
 * back: such an event has no position until the stream was looked at.
 */
export class EventStreams {
  readonly shards: number;
  readonly #bus: Bus;
  readonly #options: EventStreamOptions;
  readonly #epochs = new Map<number, string>();
  readonly #emitter: Emitter<StreamEvents>;
  readonly #abort = new AbortController();
  readonly #stopListening: Unsubscribe[];
  /** What came live, and the highest sequence that was acknowledged to us, by shard. */
  readonly #live = new Map<number, SeenSequences>();
  readonly #acknowledged = new Map<number, number>();
  /** Shards whose epoch has to be looked at. */
  readonly #suspected = new Set<number>();
  /** Shards whose stream this object made, until the server tells of it. */
  readonly #made = new Set<number>();
  #deleted: Timer | undefined;
  #checking: Promise<void> | undefined;
  #checkAgain = false;

  private constructor(bus: Bus, options: EventStreamOptions) {
    this.#bus = bus;
    this.#options = options;
    this.shards = options.shards ?? DEFAULT_SHARDS;
    this.#emitter = new Emitter((error) => {
      bus.log.error({ err: error }, 'a listener of the event streams failed');
    });
    const advisories = bus.nc.subscribe(`${ADVISORIES}.*.*`, {
      callback: (error, { subject, data }) => {
        if (error === null) this.#advised(subject, data);
      },
    });
    this.#stopListening = [
      bus.on('reconnected', () => void this.#check()),
      () => {
        if (!advisories.isClosed()) advisories.unsubscribe();
        this.#deleted?.cancel();
      },
    ];
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

  /** What somebody read of a stream: it may have been made anew since this object looked. */
  noticed(account: string, epoch: string): void {
    if (this.#epochs.get(this.shardOf(account)) !== epoch) void this.#check();
  }

  /**
   * Reads a message received on `hs.ev...`; undefined when it is not an event that one of our streams republished, or when
   * its epoch is not known: `epoch` is told then.
   */
  parse(msg: Pick<Msg, 'subject' | 'headers' | 'data'>): Delivery | undefined {
    const address = parseEventSubject(msg.subject);
    const seq = Number(msg.headers?.get('Nats-Sequence') ?? '');
    if (address === undefined || !Number.isSafeInteger(seq) || seq < 1) return undefined;
    const shard = this.shardOf(address.account);
    if (msg.headers?.get('Nats-Stream') !== streamName(shard)) return undefined;
    // Once for each subscription. Events of two publishers may change places on their way, by a few.
    const seen = this.#seenOf(shard);
    if (seq < seen.highest - MAX_INVERSION) this.#suspect(shard);
    if (this.#suspected.has(shard)) return undefined;
    seen.add(seq);
    return {
      ...address,
      position: this.position(address.account, seq),
      previousSeq: Number(msg.headers.get('Nats-Last-Sequence')),
      data: msg.data,
    };
  }

  /** Whether every event of the account's stream with `after < seq < before` came by {@link parse}, whosever it is. */
  hasSeen(account: string, after: number, before: number): boolean {
    return this.#live.get(this.shardOf(account))?.covers(after, before) ?? false;
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
    if (!ack.duplicate) {
      const shard = this.shardOf(account);
      // Back: the stream is another one than before.
      if (ack.seq <= (this.#acknowledged.get(shard) ?? 0)) await this.#check();
      this.#acknowledged.set(shard, ack.seq);
    }
    return { position: this.position(account, ack.seq), duplicate: ack.duplicate };
  }

  /** Creates what is missing. Idempotent, and harmless when several processes do it at once. */
  async ensure(): Promise<void> {
    for (let shard = 0; shard < this.shards; shard++) this.#noteEpoch(shard, await this.#ensureOne(shard));
  }

  close(): void {
    this.#abort.abort(new Error('event streams closed'));
    for (const stop of this.#stopListening) stop();
    this.#emitter.clear();
  }

  #seenOf(shard: number): SeenSequences {
    let seen = this.#live.get(shard);
    if (seen === undefined) this.#live.set(shard, (seen = new SeenSequences()));
    return seen;
  }

  async #ensureOne(shard: number): Promise<StreamInfo> {
    const name = streamName(shard);
    try {
      return await this.#bus.ask((jsm) => jsm.streams.info(name));
    } catch (error) {
      if (!notFound(error)) throw error;
    }
    this.#made.add(shard);
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
    if (before !== epoch) {
      this.#live.delete(shard);
      this.#acknowledged.delete(shard);
      this.#suspected.delete(shard);
    }
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

  #advised(subject: string, data: Uint8Array): void {
    const [, what = '', shard = ''] = /\.([A-Z]+)\.EVENTS_(\d+)$/.exec(subject) ?? [];
    if (what === '' || this.#abort.signal.aborted) return;
    if (what !== 'DELETED') {
      if (!this.#isOwn(Number(shard), data)) this.#suspect(Number(shard));
      return;
    }
    this.#deleted?.cancel();
    this.#deleted = this.#bus.clock.setTimer(DELETED_MS, () => void this.#check());
  }

  /** The server tells of a stream that this object has just made, once. */
  #isOwn(shard: number, advisory: Uint8Array): boolean {
    const created = Date.parse(this.#epochs.get(shard) ?? '');
    const told = Date.parse(/"timestamp":\s*"([^"]+)"/.exec(new TextDecoder().decode(advisory))?.[1] ?? '');
    return this.#made.delete(shard) && told - created < TOLD_WITHIN_MS;
  }

  /** Live events of the shard are left out until it was looked at; then whoever follows it is told to read them. */
  #suspect(shard: number): void {
    if (this.#suspected.has(shard)) return;
    this.#suspected.add(shard);
    void this.#check().then(() => {
      const epoch = this.#epochs.get(shard);
      // Another epoch was told already.
      if (!this.#suspected.delete(shard) || epoch === undefined) return;
      this.#live.delete(shard);
      this.#emitter.emit('epoch', { shard, epoch });
    });
  }

  /** Looks at all streams. A call while one runs is answered by another one after it. */
  #check(): Promise<void> {
    this.#checkAgain = true;
    this.#checking ??= this.#checkUntilQuiet().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #checkUntilQuiet(): Promise<void> {
    while (this.#takeCheck()) await this.#ensureUntilDone();
  }

  #takeCheck(): boolean {
    const wanted = this.#checkAgain && !this.#abort.signal.aborted;
    this.#checkAgain = false;
    return wanted;
  }

  async #ensureUntilDone(): Promise<void> {
    for (let attempt = 0; !this.#abort.signal.aborted; attempt++) {
      try {
        await this.ensure();
        return;
      } catch (error) {
        if (!this.#bus.connected) return;
        this.#bus.log.warn({ reason: describeError(error) }, 'event streams could not be checked yet, retrying');
      }
      const wait = 20 + backoffDelay(attempt, this.#bus.random, { baseMs: 50, maxMs: 2000 });
      await delay(this.#bus.clock, wait, this.#abort.signal).catch(() => undefined);
    }
  }
}
