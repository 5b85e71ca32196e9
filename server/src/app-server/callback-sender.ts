import { BoundedQueue, backoffDelay, delay, describeError, randomHex } from '../kernel/index.ts';
import type { Clock, Log, Random } from '../kernel/index.ts';
import type { Callbacks, InstructionRequest, Instructions } from '../calls/ports.ts';
import { AccountLanes } from './account-lanes.ts';
import { REQUEST_CODES } from './request-failure.ts';

export interface CallbackSenderOptions {
  readonly instructions: Instructions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Attempts at one callback, the first included (default 3). */
  readonly attempts?: number;
  /** Callbacks that may wait for one call (default 100). The newest is dropped beyond, with a warning. */
  readonly capacity?: number;
  /** Time that closing leaves to callbacks under way and waiting, milliseconds (default 2,000). */
  readonly closeGraceMs?: number;
}

/** Callbacks of one account under way at once; each call has at most one, so that none is refused for waiting. */
const WIDTH = 50;
/** Failures that another attempt cannot mend. */
const FINAL: ReadonlySet<number> = new Set([
  REQUEST_CODES.badUrl,
  REQUEST_CODES.tls,
  REQUEST_CODES.certificateName,
  REQUEST_CODES.certificateExpired,
  REQUEST_CODES.certificateChain,
  REQUEST_CODES.redirects,
]);
/** Of status callbacks in notifications. */
const CALLBACK_WARNING = 15_003;

/**
 * Sends status callbacks: one after another for each call, so that they arrive in order; calls do not wait for each
 * other, and no call waits for its callbacks. What the server answers is not looked at.
 */
export class CallbackSender implements Callbacks {
  readonly #options: CallbackSenderOptions;
  readonly #queues = new Map<string, BoundedQueue<InstructionRequest>>();
  readonly #lanes = new AccountLanes({ width: WIDTH, waiting: Number.MAX_SAFE_INTEGER });
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(options: CallbackSenderOptions) {
    this.#options = options;
  }

  /** Calls that have callbacks waiting or under way. */
  get busyCalls(): number {
    return this.#queues.size;
  }

  send(request: InstructionRequest): void {
    if (this.#closing !== undefined) return;
    const { callSid, url } = request;
    const waiting = this.#queues.get(callSid);
    if (waiting !== undefined) {
      if (!waiting.push(request)) this.#warn(request, `dropped: ${waiting.capacity} wait already; is ${url} slow?`);
      return;
    }
    const queue = new BoundedQueue<InstructionRequest>(this.#options.capacity ?? 100);
    queue.push(request);
    this.#queues.set(callSid, queue);
    const run = this.#run(callSid, queue).finally(() => {
      this.#running.delete(run);
    });
    this.#running.add(run);
  }

  /** Resolves when nothing waits and nothing is under way. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Takes no more; what is not delivered after the grace is given up. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { clock, closeGraceMs = 2000 } = this.#options;
    const timer = clock.setTimer(closeGraceMs, () => {
      this.#abort.abort(new Error('closed'));
    });
    await this.drained();
    timer.cancel();
  }

  async #run(callSid: string, queue: BoundedQueue<InstructionRequest>): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      try {
        await this.#deliver(next);
      } catch (error) {
        if (!this.#abort.signal.aborted) this.#warn(next, describeError(error));
      }
    }
    this.#queues.delete(callSid);
  }

  async #deliver(plain: InstructionRequest): Promise<void> {
    const { instructions, clock, random, attempts = 3 } = this.#options;
    const { signal } = this.#abort;
    const request = { ...plain, background: true, idempotencyToken: plain.idempotencyToken ?? randomHex(random, 16) };
    for (let attempt = 0; !signal.aborted; attempt++) {
      const response = await this.#lanes.run(request.accountSid, signal, () => instructions.fetch(request, signal));
      // A body that is too large was still an answer.
      if (response === undefined || response.ok || response.code === REQUEST_CODES.tooLarge) return;
      if (attempt + 1 >= attempts || FINAL.has(response.code)) {
        this.#warn(request, `${response.message}. ${response.hint}`);
        return;
      }
      await delay(clock, backoffDelay(attempt, random, { baseMs: 1000, maxMs: 10_000 }), signal);
    }
  }

  #warn(request: InstructionRequest, why: string): void {
    const { accountSid, callSid } = request;
    const address = request.url.replace(/\/\/[^/@]*@/, '//');
    this.#options.log.warn(
      { accountSid, callSid, code: CALLBACK_WARNING, url: address },
      `status callback to ${address} was not delivered: ${why}`,
    );
  }
}
