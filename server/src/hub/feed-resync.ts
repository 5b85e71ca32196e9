import { describeError } from '../kernel/index.ts';
import type { Clock, Log, Timer } from '../kernel/index.ts';
import { EventLogError } from './errors.ts';
import type { LoggedEvent } from './ports.ts';

export interface FeedResyncOptions {
  readonly accountSid: string;
  readonly clock: Clock;
  readonly logger: Log;
  readonly connected: () => boolean;
  /** More live events than this are not held: the re-read starts again. */
  readonly maxHeldBack: number;
  /** The feed's. */
  readonly epoch: () => string | undefined;
  /** Dispatches what is stored after the last dispatched event. */
  readonly reread: () => Promise<void>;
  /** What was held back goes on. */
  readonly release: (events: LoggedEvent[]) => void;
}

const RETRY_MS = 500;

/** A feed's re-read of what it may have missed, until it succeeds. Live events are held back meanwhile. */
export class FeedResync {
  readonly #options: FeedResyncOptions;
  /** Undefined when none are held. */
  #heldBack: LoggedEvent[] | undefined;
  #again = false;
  #running = false;
  #retry: Timer | undefined;
  #closed = false;

  constructor(options: FeedResyncOptions) {
    this.#options = options;
  }

  get isHolding(): boolean {
    return this.#heldBack !== undefined;
  }

  /** What comes from now on is held back. */
  hold(): void {
    this.#heldBack ??= [];
  }

  /** Nothing has to be re-read, unless that is under way. */
  letGo(): void {
    if (!this.#running) this.#heldBack = undefined;
  }

  /** Whether a live event is held back. */
  keeps(event: LoggedEvent): boolean {
    if (this.#heldBack === undefined) return false;
    if (this.#heldBack.length < this.#options.maxHeldBack) this.#heldBack.push(event);
    else {
      this.#heldBack.length = 0;
      this.#again = true;
    }
    return true;
  }

  /** Begins; one that is under way begins again after it. */
  restart(): void {
    this.#again = true;
    this.#retry?.cancel();
    this.#retry = undefined;
    void this.run();
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
  }

  /** Begins unless it is under way. Never rejects. */
  async run(): Promise<void> {
    this.#heldBack ??= [];
    if (this.#running) return;
    this.#running = true;
    try {
      do {
        this.#again = false;
        await this.#options.reread();
        // A new request or an overflow of the held-back events during the re-read: go on from where it came to.
      } while (this.#wanted());
    } catch (error) {
      this.#running = false;
      this.#failed(error);
      return;
    }
    this.#running = false;
    const held = this.#heldBack;
    if (held.some((event) => event.position.epoch !== this.#options.epoch())) {
      // They are stored: the next re-read finds them.
      held.length = 0;
      this.#failed(new EventLogError('epoch-changed', 'live events are of another epoch than the stream'));
      return;
    }
    this.#heldBack = undefined;
    this.#options.release(held);
  }

  #wanted(): boolean {
    return this.#again && !this.#closed;
  }

  /** Live events stay held back. Without a connection the next attempt comes with `restart`. */
  #failed(error: unknown): void {
    const { connected, clock, logger, accountSid } = this.#options;
    if (this.#closed || !connected()) return;
    logger.warn({ account: accountSid }, `re-reading missed events failed, trying again: ${describeError(error)}`);
    this.#retry?.cancel();
    this.#retry = clock.setTimer(RETRY_MS, () => {
      this.#retry = undefined;
      void this.run();
    });
  }
}
