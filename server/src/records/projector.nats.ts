import { DeliverPolicy } from '@nats-io/jetstream';
import type { JsMsg } from '@nats-io/jetstream';
import { eventSchema } from '@hookswitch/shared';
import { parseEventSubject, streamName, streamRange } from '../bus/index.ts';
import type { Bus, EventStreams } from '../bus/index.ts';
import { delay, describeError } from '../kernel/index.ts';
import type { MetricCounter } from '../kernel/index.ts';
import type { ShardDuty, ShardedTask } from '../cluster/ports.ts';
import { RecordsError } from './errors.ts';
import { HANDLERS, wantsTopic } from './handlers.ts';
import { readBatches } from './message-batches.ts';
import type { ChangeBatch, Checkpoint, RecordsWriter } from './ports.ts';
import { Projection } from './projection.ts';
import type { ProjectedEvent } from './projection.ts';

export interface ProjectorOptions {
  readonly bus: Bus;
  readonly streams: EventStreams;
  readonly store: RecordsWriter;
  /** Whether an event came from a process that had been given up (default: none did). */
  readonly isRefused?: (event: StreamedEvent) => boolean;
  /** Tidies up after dead processes, one shard of accounts; run beside the reading. */
  readonly tidy?: (shard: ShardProgress, signal: AbortSignal) => Promise<void>;
  /** Calls of these accounts ended. */
  readonly onUsage?: (accountSids: Iterable<string>) => void;
  /** Events, by `outcome`: written, skipped. */
  readonly events?: MetricCounter<'outcome'>;
}
/** An event with where it stands. */
export interface StreamedEvent extends ProjectedEvent {
  readonly accountSid: string;
  readonly position: { readonly epoch: string; readonly seq: number };
}
/** How far a shard is. */
export interface ShardProgress {
  readonly shard: number;
  /** Resolves when everything that the stream holds now is in the tables. */
  caughtUp(signal: AbortSignal): Promise<void>;
}

/** Events written at once. */
const BATCH = 1000;
/** How long the first event of a batch waits for others, milliseconds. */
const LINGER_MS = 5;
const RETRY_MS = 1000;
const POLL_MS = 50;

/**
 * Brings the events of the streams into the tables: a durable subscriber of its own kind. Each shard has one doer in the
 * cluster; where it stands is in the same transaction as what it wrote, so that every event has its effect once, also
 * when a doer dies in the middle or goes on for a while after its shard was given away. After downtime it reads on from
 * there, as long as the stream keeps events.
 *
 * `task` is to be offered to the cluster.
 */
export class RecordsProjector {
  readonly task: ShardedTask;
  readonly #options: ProjectorOptions;

  constructor(options: ProjectorOptions) {
    this.#options = options;
    this.task = { name: 'records', shards: options.streams.shards, run: (duty) => this.#run(duty) };
  }

  async #run(duty: ShardDuty): Promise<void> {
    const { bus, tidy } = this.#options;
    const reader = new ShardReader(this.#options, duty);
    const tidying = tidy?.(reader, duty.signal).catch((error: unknown) => {
      if (!duty.signal.aborted) bus.log.error({ err: error }, 'tidying up after dead processes failed');
    });
    while (!duty.signal.aborted) {
      try {
        if (bus.connected) await reader.follow();
      } catch (error) {
        const reason = describeError(error);
        bus.log.warn({ shard: duty.shard, reason }, 'records of a shard have to wait');
      }
      await delay(bus.clock, RETRY_MS, duty.signal).catch(() => undefined);
    }
    await tidying;
  }
}

class ShardReader implements ShardProgress {
  readonly shard: number;
  readonly #options: ProjectorOptions;
  readonly #duty: ShardDuty;
  readonly #stream: string;
  #at: Checkpoint | undefined;
  #known = false;

  constructor(options: ProjectorOptions, duty: ShardDuty) {
    this.#options = options;
    this.#duty = duty;
    this.shard = duty.shard;
    this.#stream = streamName(duty.shard);
  }

  async caughtUp(signal: AbortSignal): Promise<void> {
    const { bus } = this.#options;
    const { last, epoch } = await streamRange(bus, this.#stream);
    while (!(this.#at?.epoch === epoch && this.#at.seq >= last) && last > 0) await delay(bus.clock, POLL_MS, signal);
  }

  /** Reads until the duty ends, or something breaks. */
  async follow(): Promise<void> {
    const { bus, store, streams } = this.#options;
    const { signal } = this.#duty;
    const { first, epoch } = await streamRange(bus, this.#stream);
    if (!this.#known) {
      this.#at = await store.checkpoint(this.shard);
      this.#known = true;
    }
    const from = this.#at?.epoch === epoch ? this.#at.seq : 0;
    if (from > 0 && first > from + 1) this.#lost(first - from - 1);
    const consumer = await bus.js.consumers.get(this.#stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from + 1,
    });
    const messages = await consumer.consume({ max_messages: 2 * BATCH });
    const stop = (): void => {
      void messages.close();
    };
    const stopListening = streams.onEpoch(stop);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const limits = { size: BATCH, lingerMs: LINGER_MS, clock: bus.clock };
      for await (const batch of readBatches(messages, limits)) {
        if (signal.aborted) return;
        await this.#write(batch, epoch);
      }
    } finally {
      stopListening();
      signal.removeEventListener('abort', stop);
      // Resolves when the reading ends, which has ended: nobody waits for it.
      messages.close().catch(() => undefined);
    }
  }

  /** A batch that the tables do not take is halved until what is wrong stands alone; that is left out. */
  async #write(messages: readonly JsMsg[], epoch: string): Promise<void> {
    const last = messages.at(-1);
    if (last === undefined) return;
    const { events, bus } = this.#options;
    const projection = new Projection(HANDLERS);
    let skipped = 0;
    for (const message of messages) if (!this.#project(projection, message, epoch)) skipped++;
    const to: Checkpoint = { epoch, seq: last.seq };
    const batch: ChangeBatch = {
      shard: this.shard,
      from: this.#at,
      to,
      fence: this.#duty.fence,
      changes: projection.changes,
    };
    try {
      await this.#apply(batch);
    } catch (error) {
      if (!(error instanceof RecordsError) || error.reason !== 'invalid') throw error;
      const half = messages.length >> 1;
      if (half === 0) {
        bus.log.error(
          { err: error, stream: this.#stream, seq: last.seq },
          'an event does not fit the records: left out',
        );
        await this.#apply({ ...batch, changes: new Projection(HANDLERS).changes });
        events?.inc({ outcome: 'skipped' });
        return;
      }
      await this.#write(messages.slice(0, half), epoch);
      await this.#write(messages.slice(half), epoch);
      return;
    }
    events?.inc({ outcome: 'written' }, messages.length - skipped);
    if (skipped > 0) events?.inc({ outcome: 'skipped' }, skipped);
  }

  async #apply(batch: ChangeBatch): Promise<void> {
    if (await this.#options.store.apply(batch)) {
      this.#at = batch.to;
      const ended = batch.changes.calls.filter(({ patch }) => patch.endTime !== undefined);
      if (ended.length > 0) this.#options.onUsage?.(new Set(ended.map(({ patch }) => patch.accountSid)));
      return;
    }
    // Somebody else has written: what is stored says where to go on.
    this.#known = false;
    throw new RecordsError('unavailable', `the records of shard ${this.shard} were written by another process`);
  }

  /** @returns false for what cannot be read */
  #project(projection: Projection, message: JsMsg, epoch: string): boolean {
    const address = parseEventSubject(message.subject);
    if (address === undefined) return false;
    const { account, topic } = address;
    if (!wantsTopic(topic)) return true;
    try {
      const event = eventSchema.parse(message.json());
      if (event.accountsid !== account) return false;
      const position = { epoch, seq: message.seq };
      if (this.#options.isRefused?.({ accountSid: account, topic, event, position }) === true) return false;
      return projection.add({ topic, event });
    } catch (error) {
      const { log } = this.#options.bus;
      log.warn({ stream: this.#stream, seq: message.seq, reason: describeError(error) }, 'an event cannot be read');
      return false;
    }
  }

  #lost(events: number): void {
    this.#options.bus.log.error(
      { shard: this.shard, events },
      'events were dropped by the retention of the streams before they were read: records of that time are incomplete',
    );
  }
}
