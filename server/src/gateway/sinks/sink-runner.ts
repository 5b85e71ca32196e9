import type { Position } from '@hookswitch/shared';
import type { Delivery, Flushable, Hub, LoggedEvent, Outlet, OutletItem } from '../../hub/index.ts';
import { backoffDelay, delay, describeError } from '../../kernel/index.ts';
import type { Clock, Log, MetricCounter, Random, Timer } from '../../kernel/index.ts';
import type { SinkEvents, SinkStore, Webhook, WebhookPoster } from './ports.ts';
import { CursorKeeper } from './cursor-keeper.ts';
import { messageOf } from './message.ts';
import { SinkQueue } from './sink-queue.ts';
import type { SinkBatch, SinkItem } from './sink-queue.ts';

export interface SinkLimits {
  /** Events and bytes that wait in memory for one sink. */
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly batchBytes: number;
  /** Requests of one sink at once. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** After so many attempts, or this long after the first, an event becomes a dead letter. */
  readonly maxAttempts: number;
  readonly maxAgeMs: number;
  /** A sink whose receiver took nothing for this long is paused. */
  readonly pauseAfterMs: number;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
}

export const SINK_LIMITS: SinkLimits = {
  maxEvents: 1000,
  maxBytes: 4 * 1024 * 1024,
  batchBytes: 512 * 1024,
  concurrency: 4,
  timeoutMs: 15_000,
  maxAttempts: 16,
  maxAgeMs: 24 * 3_600_000,
  pauseAfterMs: 3_600_000,
  backoff: { baseMs: 1000, maxMs: 900_000 },
};

/** What all sinks of a process share. */
export interface SinkContext {
  readonly hub: Hub;
  readonly store: SinkStore;
  readonly poster: WebhookPoster;
  /** The signing secret of a sink. */
  readonly secretOf: (webhook: Webhook) => string;
  /** Nothing is sent for accounts that are not. */
  readonly isActive: (accountSid: string) => boolean;
  readonly events: SinkEvents;
  readonly limits: SinkLimits;
  readonly sent: MetricCounter<'outcome'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface Item extends SinkItem {
  readonly event: LoggedEvent;
}

/** Failures in a row from which the receiver as a whole is left alone for a while. */
const DOWN = 5;
const INACTIVE_MS = 10_000;

/**
 * One sink at work: subscribes from its cursor, sends batches, and moves the cursor to where everything was taken. It has
 * its own bounded queue and its own requests under way, so that no other sink notices how it fares. At least once: what was
 * taken after the cursor was stored the last time is sent again after a restart.
 */
export class SinkRunner implements Outlet, Flushable {
  readonly #context: SinkContext;
  readonly #webhook: Webhook;
  readonly #queue: SinkQueue<Item>;
  readonly #cursor: CursorKeeper;
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #delivery: Delivery | undefined;
  #timer: Timer | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  /** Monotonic; nothing is sent before. */
  #notBefore = 0;
  #failures = 0;
  /** Requests under way. */
  #sending = 0;

  constructor(webhook: Webhook, fence: number, context: SinkContext) {
    this.#webhook = webhook;
    this.#context = context;
    const { batchEvents, batchWindowMs } = webhook;
    this.#queue = new SinkQueue({ ...context.limits, batchEvents, batchWindowMs });
    this.#cursor = new CursorKeeper({ sid: webhook.sid, fence, store: context.store, clock: context.clock });
    this.#track(this.#begin());
  }

  get hasRoom(): boolean {
    return this.#queue.hasRoom;
  }

  room(): Promise<void> {
    if (this.hasRoom || this.#abort.signal.aborted) return Promise.resolve();
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  enqueue(item: OutletItem): void {
    const { event } = item;
    if (event === undefined) this.#notice(item.frame.json);
    else if (!this.#queue.add(this.#itemOf(event))) this.#delivery?.dropped([item]);
    else this.#pump();
  }

  flush(): number {
    return 0;
  }

  /** Sends the dead letters again, oldest first, until one is not taken. */
  redrive(): void {
    this.#track(this.#redrive());
  }

  /** Gives up what is under way, stores where it stands. Resolves when nothing of it runs any more. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#timer?.cancel();
    this.#delivery?.close();
    this.#room?.resolve();
    await Promise.all(this.#running);
    await this.#cursor.close();
  }

  #track(work: Promise<void>): void {
    const run = work
      .catch((error: unknown) => {
        if (this.#abort.signal.aborted) return;
        this.#context.log.error(
          { err: error, webhook: this.#webhook.sid },
          `a webhook failed: ${describeError(error)}`,
        );
      })
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #begin(): Promise<void> {
    const { hub, clock, log } = this.#context;
    const { accountSid, sid } = this.#webhook;
    for (let attempt = 0; !this.#abort.signal.aborted; attempt++) {
      this.#delivery = hub.openDelivery(accountSid, this);
      try {
        await this.#subscribe(this.#delivery);
        return;
      } catch (error) {
        this.#delivery.close();
        log.debug({ webhook: sid }, `a webhook cannot begin yet: ${describeError(error)}`);
        const wait = backoffDelay(attempt, this.#context.random, { baseMs: 500, maxMs: 10_000 });
        await delay(clock, wait, this.#abort.signal).catch(() => undefined);
      }
    }
  }

  async #subscribe(delivery: Delivery): Promise<void> {
    const { hub } = this.#context;
    const stored = await this.#cursor.load();
    const { topics, filter } = this.#webhook;
    const options = { position: stored?.position, filter: hub.filters.of({ asked: filter }) };
    const answers = await Promise.all(topics.map((topic) => delivery.subscribe(topic, options)));
    if (this.#abort.signal.aborted) return;
    const starts = answers.map(({ start, position }) => start ?? position);
    const from = starts.reduce((lowest, one) => (one.seq < lowest.seq ? one : lowest));
    if (answers.some(({ recovered }) => !recovered)) this.#lost();
    this.#cursor.reached(from);
    for (const answer of answers) answer.begin();
  }

  #notice(json: string): void {
    const { recovered, position } = JSON.parse(json) as { recovered?: boolean; position?: Position };
    if (recovered !== false) return;
    this.#lost();
    if (this.#queue.size === 0 && position !== undefined) this.#cursor.reached(position);
  }

  #lost(): void {
    this.#context.log.warn(
      { webhook: this.#webhook.sid },
      'events for a webhook are not kept any more: it misses them',
    );
    this.#context.events({ kind: 'lost', webhook: this.#webhook });
  }

  #itemOf(event: LoggedEvent): Item {
    const { orderBy } = this.#webhook;
    const { seq } = event.position;
    const key =
      orderBy === 'none' ? String(seq) : orderBy === 'topic' ? event.topic : (event.event.subject ?? event.topic);
    return { key, seq, bytes: event.json.length, at: this.#context.clock.monotonic(), event };
  }

  #pump(): void {
    const { clock, limits, isActive } = this.#context;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#abort.signal.aborted) return;
    const now = clock.monotonic();
    if (!isActive(this.#webhook.accountSid)) this.#notBefore = now + INACTIVE_MS;
    // A receiver that is down is tried with one request at a time.
    const most = this.#failures >= DOWN ? 1 : limits.concurrency;
    while (now >= this.#notBefore && this.#sending < most) {
      const batch = this.#queue.take(now);
      if (batch === undefined) break;
      this.#sending += 1;
      this.#track(this.#send(batch));
    }
    const due = this.#queue.nextDue(now);
    if (due === undefined || this.#sending >= most) return;
    this.#timer = clock.setTimer(Math.max(1, Math.max(due, this.#notBefore) - now), () => {
      this.#pump();
    });
  }

  async #send(batch: SinkBatch<Item>): Promise<void> {
    const { clock } = this.#context;
    try {
      const outcome = await this.#post(batch.items.map(({ event }) => event));
      if (this.#abort.signal.aborted) return;
      this.#context.sent.inc({ outcome: outcome.problem === undefined ? 'taken' : 'refused' });
      if (outcome.problem === undefined) this.#taken(batch);
      else if (outcome.status === 410) await this.#pause('gone', 'the receiver answered 410 Gone');
      else await this.#failed(batch, outcome.problem, outcome.retryAfterMs ?? 0);
    } catch (error) {
      // The store does not answer: as if the receiver did not.
      this.#queue.failed(batch, clock.monotonic(), (attempts) => clock.monotonic() + this.#backoff(attempts));
      throw error;
    } finally {
      this.#sending -= 1;
      this.#giveRoom();
      this.#pump();
    }
  }

  #post(events: readonly LoggedEvent[]) {
    const { clock, poster, secretOf, limits } = this.#context;
    const { sid, url } = this.#webhook;
    return poster.post({
      ...messageOf(sid, events, { secret: secretOf(this.#webhook), at: clock.now() }),
      url,
      timeoutMs: limits.timeoutMs,
      signal: this.#abort.signal,
    });
  }

  #taken(batch: SinkBatch<Item>): void {
    this.#failures = 0;
    this.#notBefore = 0;
    this.#cursor.succeeded();
    this.#done(batch);
  }

  #done(batch: SinkBatch<Item>): void {
    const last = batch.items.at(-1)?.event.position;
    this.#queue.done(batch);
    const waiting = this.#queue.oldest?.event.position;
    if (waiting !== undefined) this.#cursor.reached({ epoch: waiting.epoch, seq: waiting.seq - 1 });
    else if (last !== undefined) this.#cursor.reachedAtLeast(last);
  }

  async #failed(batch: SinkBatch<Item>, problem: string, retryAfterMs: number): Promise<void> {
    const { clock, limits, log } = this.#context;
    const now = clock.monotonic();
    this.#failures += 1;
    const down = this.#failures >= DOWN ? this.#backoff(this.#failures - DOWN + 1) : 0;
    this.#notBefore = Math.max(this.#notBefore, now + Math.max(retryAfterMs, down));
    log.debug(
      { webhook: this.#webhook.sid, attempts: batch.attempts + 1 },
      `a webhook batch was not taken: ${problem}`,
    );
    const since = this.#cursor.failed();
    if (clock.now() - since >= limits.pauseAfterMs) {
      await this.#pause('failing', `nothing was taken since ${new Date(since).toISOString()}; last: ${problem}`);
      return;
    }
    const attempts = batch.attempts + 1;
    const tooOld = now - (batch.failedAt ?? now) >= limits.maxAgeMs;
    // A batch of several keys is first taken apart: one event must not cost the others their place.
    const several = new Set(batch.items.map(({ key }) => key)).size > 1;
    if (!several && (attempts >= limits.maxAttempts || tooOld)) await this.#bury(batch, attempts, problem);
    else this.#queue.failed(batch, now, (count) => now + this.#backoff(count));
  }

  async #bury(batch: SinkBatch<Item>, attempts: number, problem: string): Promise<void> {
    const { store, clock, log, sent } = this.#context;
    for (const { event: logged } of batch.items) {
      const { topic, position, event } = logged;
      const id = String(position.seq).padStart(16, '0');
      await store.addDeadLetter(this.#webhook.sid, { id, topic, position, event, at: clock.now(), attempts, problem });
    }
    sent.inc({ outcome: 'dead' }, batch.items.length);
    log.warn(
      { webhook: this.#webhook.sid, events: batch.items.length },
      `webhook events became dead letters: ${problem}`,
    );
    this.#done(batch);
  }

  /** What waits stays in the log; the cursor says where to go on. */
  async #pause(reason: 'gone' | 'failing', detail: string): Promise<void> {
    const { store, clock, log, events } = this.#context;
    const pause = { reason, at: clock.now(), detail };
    this.#notBefore = Infinity;
    log.warn({ webhook: this.#webhook.sid, reason }, `a webhook is paused: ${detail}`);
    await store.update(this.#webhook.sid, (webhook) => ({ ...webhook, pause, updatedAt: pause.at }));
    events({ kind: 'paused', webhook: this.#webhook, pause });
  }

  async #redrive(): Promise<void> {
    const { store } = this.#context;
    const { sid, accountSid, batchEvents } = this.#webhook;
    const letters = await store.deadLetters(sid);
    while (letters.length > 0 && !this.#abort.signal.aborted) {
      const some = letters.splice(0, batchEvents);
      const events = some.map(({ topic, position, event }) => ({
        ...{ accountSid, topic, position, event },
        json: JSON.stringify(event),
      }));
      const { problem } = await this.#post(events);
      if (problem !== undefined) return;
      for (const { id } of some) await store.removeDeadLetter(sid, id);
    }
  }

  #backoff(attempts: number): number {
    return backoffDelay(attempts - 1, this.#context.random, this.#context.limits.backoff);
  }

  #giveRoom(): void {
    if (!this.#queue.hasRoom) return;
    this.#room?.resolve();
    this.#room = undefined;
  }
}
