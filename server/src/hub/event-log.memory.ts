import { eventSchema } from '@hookswitch/shared';
import { topicMatches } from '@hookswitch/shared';
import type { HookswitchEvent, Position } from '@hookswitch/shared';
import { Emitter } from '../kernel/index.ts';
import { EventLogError } from './errors.ts';
import type { EventLog, EventLogEvents, HistoryRequest, LogBounds, LogSubscription, LoggedEvent } from './ports.ts';

interface Listener {
  readonly accountSid: string;
  readonly pattern: string;
  readonly listener: (event: LoggedEvent) => void;
}

/**
 * The log in memory: one stream for all accounts, everything kept until purged. For tests and for trying things out; it
 * can lose its connection, be purged and be recreated on demand.
 */
export class MemoryEventLog implements EventLog {
  readonly #emitter = new Emitter<EventLogEvents>(() => undefined);
  readonly #listeners = new Set<Listener>();
  readonly #lowWater = new Map<string, number>();
  readonly #published = new Map<string, Position>();
  #stored: LoggedEvent[] = [];
  #generation = 1;
  #head = 0;
  #connected = true;
  #closed = false;

  get connected(): boolean {
    return this.#connected;
  }

  /** Live subscriptions, for leak checks. */
  get subscriptions(): number {
    return this.#listeners.size;
  }

  async publish(accountSid: string, topic: string, event: HookswitchEvent): Promise<Position> {
    this.#check();
    await Promise.resolve();
    return this.append(accountSid, topic, event);
  }

  /** Stores an event as another process would: also while this one has lost its connection. */
  append(accountSid: string, topic: string, event: HookswitchEvent): Position {
    const parsed = eventSchema.safeParse(event);
    if (!parsed.success) throw new EventLogError('invalid', `event ${event.id} does not fit the envelope's schema`);
    const key = `${accountSid} ${topic} ${event.id}`;
    const known = this.#published.get(key);
    if (known !== undefined) return known;
    const position = { epoch: this.#epoch(), seq: ++this.#head };
    const logged = { accountSid, topic, position, event, json: JSON.stringify(event) };
    this.#stored.push(logged);
    this.#published.set(key, position);
    if (this.#connected) this.#deliver(logged);
    return position;
  }

  subscribe(accountSid: string, pattern: string, listener: (event: LoggedEvent) => void): LogSubscription {
    const entry = { accountSid, pattern, listener };
    this.#listeners.add(entry);
    const ready = this.#closed
      ? Promise.reject(new EventLogError('closed', 'the event log is closed'))
      : this.#connected
        ? Promise.resolve()
        : Promise.reject(new EventLogError('unavailable', 'the event log is not connected'));
    ready.catch(() => undefined);
    return { ready, close: () => void this.#listeners.delete(entry) };
  }

  async bounds(accountSid: string): Promise<LogBounds> {
    this.#check();
    await Promise.resolve();
    return { epoch: this.#epoch(), lowWater: this.#lowWater.get(accountSid) ?? 0, head: this.#head };
  }

  async head(accountSid: string): Promise<Position> {
    const { epoch, head } = await this.bounds(accountSid);
    return { epoch, seq: head };
  }

  async *read(request: HistoryRequest): AsyncIterable<LoggedEvent> {
    const { accountSid, patterns, from, to } = request;
    let after = from.seq;
    for (;;) {
      this.#check();
      await Promise.resolve();
      if (from.epoch !== this.#epoch()) throw new EventLogError('epoch-changed', `epoch ${from.epoch} is over`);
      if (after < (this.#lowWater.get(accountSid) ?? 0))
        throw new EventLogError('expired', `events after ${after} are not kept any more`);
      const next = this.#stored.find(
        (event) =>
          event.accountSid === accountSid &&
          event.position.seq > after &&
          event.position.seq <= to.seq &&
          patterns.some((pattern) => topicMatches(pattern, event.topic)),
      );
      if (next === undefined) return;
      yield next;
      after = next.position.seq;
    }
  }

  on<K extends keyof EventLogEvents>(event: K, listener: (payload: EventLogEvents[K]) => void): () => void {
    return this.#emitter.on(event, listener);
  }

  async close(): Promise<void> {
    await Promise.resolve();
    this.#closed = true;
    this.#listeners.clear();
    this.#emitter.clear();
  }

  /** Live events are missed from now on and everything else is refused. */
  loseConnection(): void {
    this.#connected = false;
    this.#emitter.emit('lost', undefined);
  }

  regainConnection(): void {
    this.#connected = true;
    this.#emitter.emit('regained', undefined);
  }

  /** Forgets an account's events up to and including `seq`. */
  purge(accountSid: string, seq: number): void {
    this.#lowWater.set(accountSid, seq);
    this.#stored = this.#stored.filter((event) => event.accountSid !== accountSid || event.position.seq > seq);
  }

  /** As if the stream had been deleted and made anew: another epoch, sequences from 1. */
  recreate(): void {
    this.#generation += 1;
    this.#head = 0;
    this.#stored = [];
    this.#published.clear();
    this.#lowWater.clear();
  }

  #epoch(): string {
    return `memory-${this.#generation}`;
  }

  #check(): void {
    if (this.#closed) throw new EventLogError('closed', 'the event log is closed');
    if (!this.#connected) throw new EventLogError('unavailable', 'the event log is not connected');
  }

  #deliver(event: LoggedEvent): void {
    queueMicrotask(() => {
      if (!this.#connected) return;
      for (const { accountSid, pattern, listener } of [...this.#listeners]) {
        if (accountSid === event.accountSid && topicMatches(pattern, event.topic)) listener(event);
      }
    });
  }
}
