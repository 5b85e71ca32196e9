import type { EventData, EventType, HookswitchEvent } from '@hookswitch/shared';
import { topicsOf } from '@hookswitch/shared';
import { backoffDelay, describeError, randomHex } from '../kernel/index.ts';
import type { Clock, Log, Metrics, Random, Timer } from '../kernel/index.ts';
import type { EventSink } from '../calls/ports.ts';
import { outboxMeters } from './outbox-meters.ts';
import type { OutboxMeters } from './outbox-meters.ts';
import { OutboxQueue } from './outbox-queue.ts';
import type { EmitOutcome, OutboxMessage } from './outbox-queue.ts';
import { PublishLink } from './publish-link.nats.ts';
import type { PublishResult } from './publish-link.nats.ts';
import { DEFAULT_SHARDS, ingestSubject, messageId } from './subjects.ts';

/** The documented numbers of the outbox. */
export const OUTBOX_LIMITS = {
  /** Messages (one per event and topic) waiting for NATS: about 15 minutes at 100 messages a second. */
  maxMessages: 100_000,
  /** Payload bytes waiting. */
  maxBytes: 64 * 1024 * 1024,
  /** Messages on the wire without an answer yet. */
  window: 256,
  /** Largest event, bytes of JSON. */
  maxEventBytes: 512 * 1024,
  /** An answer that takes longer is taken for a dead connection. Milliseconds. */
  ackTimeoutMs: 5000,
};
export type OutboxLimits = { readonly [K in keyof typeof OUTBOX_LIMITS]: number };

export interface OutboxOptions {
  /** As for the bus connection; the outbox opens its own. */
  readonly url: string;
  /** `source` of every event. */
  readonly node: string;
  /** Fencing number of this node's lease, once it has one. */
  readonly fence?: () => number | undefined;
  /**
   * Whether this node may publish (default: always). `held`: events wait until `resume`. `shut`: its lease was taken,
   * whatever it has to say is refused.
   */
  readonly gate?: () => 'open' | 'held' | 'shut';
  readonly shards?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits?: Partial<OutboxLimits>;
}

/** A JetStream error that no repetition mends: the message is larger than the stream takes. */
const MESSAGE_TOO_LARGE = 10054;

/**
 * The process's one way out for events (docs/adr/0004-bus-and-stores.md).
 *
 * Order: events of one account are stored in the order of `emit`, over outages and restarts of NATS. All of an account's
 * events go into one stream, and a stream takes the messages of a connection in their order. Each connection of the
 * outbox carries a contiguous run of the queue that begins at the oldest message not known to be stored, so a resend may
 * repeat messages but never leaves one out in between; repeats are dropped by their `Nats-Msg-Id`. The first copy of a
 * message therefore arrives after the first copy of the one before it, even when the server still reads an old
 * connection while the new one is open. After a refusal (a stream without a leader, or not there) the next connection
 * sends one message alone until one is stored, so that the stream coming back cannot accept a later one first.
 *
 * Bounds: {@link OUTBOX_LIMITS}. Overflow policy: the oldest are kept, a new event is refused as a whole (on all its
 * topics); counted in `hookswitch_outbox_refused_total`, logged when refusing begins and when it ends. A call's
 * `sequence` shows subscribers the hole.
 *
 * Lifetime: from construction to `close()`; connects by itself, for ever.
 */
export class EventOutbox implements EventSink {
  readonly #options: OutboxOptions;
  readonly #limits: OutboxLimits;
  readonly #queue: OutboxQueue;
  readonly #meters: OutboxMeters;
  readonly #lastSeq = new Map<string, number>();
  #link: PublishLink | undefined;
  #connecting = false;
  /** Send one message at a time until one was stored. */
  #probing = false;
  #failures = 0;
  #retry: Timer | undefined;
  #ackTimer: Timer | undefined;
  #refusedSince = 0;
  #closed = false;
  /** The draining is over too: nothing is sent, no connection is made any more. */
  #over = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#limits = { ...OUTBOX_LIMITS, ...options.limits };
    this.#queue = new OutboxQueue(this.#limits.maxMessages, this.#limits.maxBytes);
    this.#meters = outboxMeters(options.metrics);
    void this.#connect();
  }

  /** Messages not yet stored. */
  get pending(): number {
    return this.#queue.size;
  }

  emit<T extends EventType>(event: {
    readonly accountSid: string;
    readonly type: T;
    readonly subject: string;
    readonly data: EventData<T>;
    readonly sequence?: number;
    /** Of the event (default: a random one): a repeat within the de-duplication window is dropped. */
    readonly id?: string;
    /**
     * Called once, unless the process ends before: when it is stored on the last of its topics, or dropped. `isAnothers`:
     * what is stored under its id is not this one.
     */
    readonly onSettled?: (outcome: EmitOutcome, isAnothers: boolean) => void;
  }): void {
    let taken = false;
    try {
      taken = this.#enqueue(event, topicsOf(event.type, event.data));
    } catch (error) {
      this.#refuse('invalid', error);
    }
    if (!taken) event.onSettled?.('refused', false);
  }

  /** The gate may be open again, or shut for good. */
  resume(): void {
    if (this.#options.gate?.() === 'shut') this.#idle?.resolve();
    else this.#pump();
  }

  /**
   * Stops taking events and waits until everything is stored, at most `drainMs` (default 5000). What is left then is
   * lost and logged as an error. Idempotent, never rejects.
   */
  async close(drainMs = 5000): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#queue.size > 0 && this.#options.gate?.() !== 'shut') {
      this.#idle = Promise.withResolvers();
      const deadline = this.#options.clock.setTimer(drainMs, () => this.#idle?.resolve());
      await this.#idle.promise;
      deadline.cancel();
    }
    this.#over = true;
    this.#retry?.cancel();
    this.#ackTimer?.cancel();
    const lost = this.#queue.size;
    if (lost > 0) {
      this.#meters.refused.inc({ reason: 'closed' }, lost);
      this.#options.log.error(
        { lost },
        'the outbox was closed before NATS had stored everything: these messages are lost',
      );
    }
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }

  #envelope(event: Emitted): HookswitchEvent {
    const fence = this.#options.fence?.();
    return {
      specversion: '1.0',
      id: event.id ?? randomHex(this.#options.random, 16),
      source: this.#options.node,
      type: event.type,
      subject: event.subject,
      time: new Date(this.#options.clock.now()).toISOString(),
      datacontenttype: 'application/json',
      accountsid: event.accountSid,
      ...(fence === undefined ? {} : { fence }),
      ...(event.sequence === undefined ? {} : { sequence: event.sequence }),
      data: event.data,
    };
  }

  /** @returns false when it was refused */
  #enqueue(emitted: Emitted, topics: readonly string[]): boolean {
    if (this.#closed) {
      this.#refuse('closed');
      return false;
    }
    if (this.#options.gate?.() === 'shut') {
      this.#refuse('fenced');
      return false;
    }
    const event = this.#envelope(emitted);
    const payload = Buffer.from(JSON.stringify(event));
    if (payload.byteLength > this.#limits.maxEventBytes) {
      this.#refuse('too-large', new Error(`${event.type} has ${payload.byteLength} bytes`));
      return false;
    }
    const enqueuedAt = this.#options.clock.monotonic();
    const { accountSid, onSettled } = emitted;
    const group = topics.map((topic, at): OutboxMessage => {
      const subject = ingestSubject(accountSid, topic, this.#options.shards ?? DEFAULT_SHARDS);
      const receipt = onSettled === undefined || at < topics.length - 1 ? {} : { onSettled };
      const id = messageId(accountSid, subject, event.id);
      return { subject, messageId: id, payload, enqueuedAt, stored: false, ...receipt };
    });
    if (!this.#queue.push(group)) {
      this.#refuse('full');
      return false;
    }
    this.#meters.queued.set(this.#queue.size);
    this.#pump();
    return true;
  }

  /** Loss is never silent: a counter for each refusal, a log line for the first of a row and a sum at its end. */
  #refuse(reason: 'full' | 'invalid' | 'too-large' | 'closed' | 'fenced', error?: unknown): void {
    this.#meters.refused.inc({ reason });
    if (reason !== 'full') {
      this.#options.log.error({ reason, err: error }, 'an event was not published');
    } else if (this.#refusedSince++ === 0) {
      const { size, bytes } = this.#queue;
      this.#options.log.error({ size, bytes }, 'the outbox is full, new events are refused: is NATS reachable?');
    }
  }

  #pump(): void {
    const link = this.#link;
    if (link === undefined || (this.#options.gate?.() ?? 'open') !== 'open') return;
    const window = this.#probing ? 1 : this.#limits.window;
    while (this.#queue.inFlight < window) {
      const next = this.#queue.takeNext();
      if (next === undefined) break;
      try {
        link.send(next.number, next.message);
      } catch (error) {
        this.#fail(link, describeError(error));
        return;
      }
    }
    this.#watchAcks();
  }

  #watchAcks(): void {
    if (this.#ackTimer !== undefined || this.#queue.inFlight === 0) return;
    const link = this.#link;
    const oldest = this.#queue.head();
    this.#ackTimer = this.#options.clock.setTimer(this.#limits.ackTimeoutMs, () => {
      this.#ackTimer = undefined;
      if (link === undefined || link !== this.#link) return;
      if (oldest !== undefined && oldest === this.#queue.head()) this.#fail(link, 'no answer in time');
      else this.#watchAcks();
    });
  }

  #onResult(link: PublishLink, number: number, result: PublishResult): void {
    if (link !== this.#link) return;
    if (result.kind === 'stored') this.#onStored(number, result);
    else if (result.code === MESSAGE_TOO_LARGE) {
      const message = this.#queue.stored(number);
      if (message === undefined) return;
      this.#refuse('too-large', new Error(result.message));
      message.onSettled?.('refused', false);
      this.#pump();
    } else this.#fail(link, `${result.message} (${result.code})`);
  }

  #onStored(number: number, result: { stream: string; seq: number; duplicate: boolean }): void {
    const message = this.#queue.stored(number);
    if (message === undefined) return;
    this.#failures = 0;
    this.#probing = false;
    this.#meters.published.inc({ duplicate: String(result.duplicate) });
    this.#meters.latency.observe((this.#options.clock.monotonic() - message.enqueuedAt) / 1000);
    this.#meters.queued.set(this.#queue.size);
    if (result.seq < (this.#lastSeq.get(result.stream) ?? 0)) {
      this.#meters.reordered.inc();
      this.#options.log.warn(
        { subject: message.subject, seq: result.seq },
        'an event was stored before an earlier one',
      );
    }
    this.#lastSeq.set(result.stream, result.seq);
    if (this.#refusedSince > 0 && this.#queue.size * 2 < this.#limits.maxMessages) {
      this.#options.log.error(
        { refused: this.#refusedSince },
        'the outbox takes events again; these many were refused',
      );
      this.#refusedSince = 0;
    }
    message.onSettled?.('stored', result.duplicate && message.isRepeated !== true);
    if (this.#queue.size === 0) this.#idle?.resolve();
    this.#pump();
  }

  /** Gives the connection up; everything not known to be stored is sent again on the next one. */
  #fail(link: PublishLink, reason: string): void {
    if (link !== this.#link) return;
    this.#link = undefined;
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
    this.#queue.rewind();
    this.#probing = true;
    this.#meters.retries.inc();
    const fields = { reason, pending: this.#queue.size };
    if (this.#failures === 0) this.#options.log.warn(fields, 'publishing was interrupted, events wait in the outbox');
    else this.#options.log.debug(fields, 'publishing was interrupted again');
    void link.close();
    this.#scheduleConnect();
  }

  #scheduleConnect(): void {
    if (this.#retry !== undefined || this.#over) return;
    const wait = 10 + backoffDelay(this.#failures++, this.#options.random, { baseMs: 50, maxMs: 2000 });
    this.#retry = this.#options.clock.setTimer(wait, () => {
      this.#retry = undefined;
      void this.#connect();
    });
  }

  async #connect(): Promise<void> {
    if (this.#connecting || this.#link !== undefined) return;
    this.#connecting = true;
    try {
      const link: PublishLink = await PublishLink.open({
        url: this.#options.url,
        name: `hookswitch outbox ${this.#options.node}`,
        onResult: (number, result) => {
          this.#onResult(link, number, result);
        },
        onClosed: () => {
          this.#fail(link, 'connection lost');
        },
      });
      this.#connecting = false;
      if (this.#over || (this.#closed && this.#queue.size === 0)) {
        await link.close();
        return;
      }
      if (this.#failures > 0) this.#options.log.info({ pending: this.#queue.size }, 'publishing again');
      this.#link = link;
      this.#pump();
    } catch (error) {
      this.#connecting = false;
      this.#options.log.debug({ err: error }, 'the outbox cannot connect to NATS yet');
      if (!this.#closed || this.#idle !== undefined) this.#scheduleConnect();
    }
  }
}

interface Emitted {
  readonly accountSid: string;
  readonly type: string;
  readonly subject: string;
  readonly data: unknown;
  readonly sequence?: number;
  readonly id?: string;
  readonly onSettled?: (outcome: EmitOutcome, isAnothers: boolean) => void;
}
