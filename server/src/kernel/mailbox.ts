import { BoundedQueue } from './bounded-queue.ts';

/** What a mailbox tells its owner. */
export interface MailboxOptions<T> {
  /** Handles one input at a time, in order of arrival; the next waits until the returned promise settles. */
  readonly handle: (input: T) => void | Promise<void>;
  /** A handler threw or rejected. The mailbox goes on with the next input. */
  readonly onError: (error: unknown, input: T) => void;
  /** Most inputs waiting (default 10 000). */
  readonly capacity?: number;
}

/**
 * One mailbox per call or connection: inputs from timers, sockets and the bus are handled strictly one after another.
 * Overflow policy: `post` returns false and the input is dropped; a full mailbox means its owner is stuck, so owners
 * treat it as fatal for that call or connection, never for the process.
 */
export class Mailbox<T> {
  readonly #queue: BoundedQueue<T>;
  readonly #options: MailboxOptions<T>;
  #running = false;
  #closed = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: MailboxOptions<T>) {
    this.#options = options;
    this.#queue = new BoundedQueue(options.capacity ?? 10_000);
  }

  /** Inputs waiting, not counting the one in hand. */
  get size(): number {
    return this.#queue.size;
  }

  /** Nothing waits and nothing is in hand. */
  get idle(): boolean {
    return !this.#running && this.#queue.size === 0;
  }

  /** Runs at once when nothing is in hand. False when closed or full. */
  post(input: T): boolean {
    if (this.#closed || !this.#queue.push(input)) return false;
    if (!this.#running) void this.#run();
    return true;
  }

  /** Resolves when nothing is waiting or in hand. */
  async drained(): Promise<void> {
    if (!this.#running) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  /** Drops what waits and refuses what comes. The input in hand finishes. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#queue.clear();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let input = this.#queue.shift(); input !== undefined; input = this.#queue.shift()) {
      try {
        const pending = this.#options.handle(input);
        if (pending instanceof Promise) await pending;
      } catch (error) {
        this.#options.onError(error, input);
      }
    }
    this.#running = false;
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}
