import type { HistoryRequest, LoggedEvent } from './ports.ts';

/** An event that readers have not taken yet. Its bytes count once, however many they are. */
export interface HeldEvent {
  readonly event: LoggedEvent;
  readers: number;
}

export interface ScanReaderOptions {
  readonly request: HistoryRequest;
  readonly stream: string;
  /** `clock.monotonic()` now. */
  readonly since: number;
  /** Bytes of events that are held now (negative: no longer) because of this reader. */
  readonly onHeld: (bytes: number) => void;
}

/** `done`: all of the range came. `dropped`: too slow, to begin again after `covered`. `left`: it wants nothing more. */
type End = 'done' | 'dropped' | 'failed' | 'left';

/** One reader of a scan: what it asked for, how far it came, and what it has not taken yet. */
export class ScanReader {
  readonly request: HistoryRequest;
  readonly stream: string;
  /** Everything up to here that it asked for was put into its queue. */
  covered: number;
  lastTaken: number;
  ended: End | undefined;
  error: unknown;
  readonly #onHeld: (bytes: number) => void;
  #queue: HeldEvent[] = [];
  #head = 0;
  #pushed = 0;
  #wake: PromiseWithResolvers<void> | undefined;

  constructor(options: ScanReaderOptions) {
    this.request = options.request;
    this.stream = options.stream;
    this.covered = options.request.from.seq;
    this.lastTaken = options.since;
    this.#onHeld = options.onHeld;
  }

  get isHolding(): boolean {
    return this.#head < this.#queue.length;
  }

  push(held: HeldEvent): void {
    const { seq } = held.event.position;
    if (this.ended !== undefined || seq <= this.covered || seq > this.request.to.seq || seq <= this.#pushed) return;
    this.#pushed = seq;
    this.#queue.push(held);
    held.readers += 1;
    if (held.readers === 1) this.#onHeld(held.event.json.length);
    this.#notify();
  }

  /** The next event; undefined when there is none now. */
  take(now: number): LoggedEvent | undefined {
    const held = this.#queue[this.#head];
    this.lastTaken = now;
    if (held === undefined) return undefined;
    this.#head += 1;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    }
    this.#release(held);
    return held.event;
  }

  /** Resolves when there is something to take, or the end. */
  wait(): Promise<void> {
    if (this.isHolding || this.ended !== undefined) return Promise.resolve();
    this.#wake ??= Promise.withResolvers();
    return this.#wake.promise;
  }

  /** What is queued can still be taken after `done` and `failed`. The first end counts. */
  end(how: End, error?: unknown): void {
    if (how === 'dropped' || how === 'left') this.#clear();
    if (this.ended === undefined) {
      this.ended = how;
      this.error = error;
    }
    this.#notify();
  }

  #clear(): void {
    const rest = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    const [first] = rest;
    if (first !== undefined) this.covered = Math.min(this.covered, first.event.position.seq - 1);
    for (const held of rest) this.#release(held);
  }

  #release(held: HeldEvent): void {
    held.readers -= 1;
    if (held.readers === 0) this.#onHeld(-held.event.json.length);
  }

  #notify(): void {
    this.#wake?.resolve();
    this.#wake = undefined;
  }
}
