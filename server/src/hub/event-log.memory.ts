import { eventSchema } from '@hookswitch/shared';
import { topicMatches } from '@hookswitch/shared';
import type { HookswitchEvent, Position } from '@hookswitch/shared';
import { Emitter, systemClock } from '../kernel/index.ts';
import type { Clock } from '../kernel/index.ts';
import { EventLogError } from './errors.ts';
import type {
  BackRequest,
  EventLog,
  EventLogEvents,
  HistoryRequest,
  LogBounds,
  LogSubscription,
  LoggedEvent,
  NextEvent,
  ScanBatch,
  ScanRequest,
} from './ports.ts';
import { readByScan } from './read-by-scan.ts';

/** Small, so that tests see batches. */
const MEMORY_BATCH = 4;

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
  readonly #seen = new Set<number>();
  #stored: LoggedEvent[] = [];
  /** Events whose live delivery waits; undefined: none is made to. */
  #late: LoggedEvent[] | undefined;
  #generation = 1;
  #head = 0;
  #connected = true;
  #closed = false;
  readonly #clock: Pick<Clock, 'now'>;
  /** Scans begun, for tests of how many there are. */
  scans = 0;

  constructor(clock: Pick<Clock, 'now'> = systemClock) {
    this.#clock = clock;
  }

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
    const logged = { accountSid, topic, position, event, json: JSON.stringify(event), storedAt: this.#clock.now() };
    this.#stored.push(logged);
    this.#published.set(key, position);
    if (this.#late !== undefined) this.#late.push(logged);
    else if (this.#connected) this.#deliver(logged);
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

  hasSeen(_accountSid: string, after: number, before: number): boolean {
    for (let seq = after + 1; seq < before; seq++) if (!this.#seen.has(seq)) return false;
    return true;
  }

  async next(accountSid: string, pattern: string, after: number): Promise<NextEvent | undefined> {
    this.#check();
    await Promise.resolve();
    const event = this.#stored.find(
      (one) => one.accountSid === accountSid && one.position.seq > after && topicMatches(pattern, one.topic),
    );
    return event === undefined ? undefined : { seq: event.position.seq, event };
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

  streamOf(): string {
    return 'memory';
  }

  async positionAt(_accountSid: string, time: number): Promise<Position> {
    this.#check();
    await Promise.resolve();
    const older = this.#stored.findLast((event) => (event.storedAt ?? 0) < time);
    return { epoch: this.#epoch(), seq: older?.position.seq ?? 0 };
  }

  async positionBack({ accountSid, pattern, count, before = Infinity }: BackRequest): Promise<Position> {
    this.#check();
    await Promise.resolve();
    const matching = this.#stored.filter(
      (event) => event.accountSid === accountSid && event.position.seq < before && topicMatches(pattern, event.topic),
    );
    const oldest = matching.at(-count);
    const seq = oldest === undefined ? (this.#lowWater.get(accountSid) ?? 0) : oldest.position.seq - 1;
    return { epoch: this.#epoch(), seq };
  }

  read(request: HistoryRequest): AsyncIterable<LoggedEvent> {
    return readByScan(this, request);
  }

  async *scan({ accounts, pattern = '>', from, to }: ScanRequest): AsyncIterable<ScanBatch> {
    this.scans += 1;
    const narrow = accounts.length === 1 ? pattern : '>';
    let after = from.seq;
    do {
      await Promise.resolve();
      this.#check();
      if (from.epoch !== this.#epoch()) throw new EventLogError('epoch-changed', `epoch ${from.epoch} is over`);
      const events = this.#stored
        .filter(
          (event) =>
            (accounts.length > 1 || accounts[0] === event.accountSid) &&
            event.position.seq > after &&
            event.position.seq <= to &&
            topicMatches(narrow, event.topic),
        )
        .slice(0, MEMORY_BATCH);
      after = events.length < MEMORY_BATCH ? to : (events.at(-1)?.position.seq ?? to);
      const scanned = events.map((event) => ({
        accountSid: event.accountSid,
        topic: event.topic,
        seq: event.position.seq,
        load: () => event,
      }));
      yield { events: scanned, upTo: after, lowWater: (accountSid) => this.#lowWater.get(accountSid) ?? 0 };
    } while (after < to);
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

  /** What is stored while `work` runs comes live later than what is stored after it, when the result is called. */
  late(work: () => void): () => void {
    const late: LoggedEvent[] = (this.#late = []);
    work();
    this.#late = undefined;
    return () => {
      for (const event of late) this.#deliver(event);
    };
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
    this.#seen.clear();
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
        if (accountSid !== event.accountSid || !topicMatches(pattern, event.topic)) continue;
        this.#seen.add(event.position.seq);
        listener(event);
      }
    });
  }
}
