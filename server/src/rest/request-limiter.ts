import { FairLimiter, TokenBucket } from '../kernel/index.ts';
import type { Clock } from '../kernel/index.ts';
import { RestError } from './errors.ts';
import { RequestWidth } from './request-width.ts';

export interface RequestLimiterOptions {
  readonly clock: Clock;
  /** Requests of one account that are worked on at once, in this process. Default: see `RequestWidth`. */
  readonly atOnce?: number;
  /** Requests of one account that wait for that. Overflow policy: the newest is refused. Default 1000. */
  readonly waiting?: number;
  /** Share of the time that the event loop worked since it was asked before, 0 to 1. Default: of this thread. */
  readonly utilization?: () => number;
}

export interface RequestRates {
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
}

/** What takes longer waits for somebody else: its turn is over, milliseconds. */
const TURN_MS = 50;
/** A refusal is answered after this, so that who asks again at once does not do so at the speed of the network, milliseconds. */
const REFUSAL_MS = 500;
/** Refusals of one account that are answered late; what comes beyond is answered at once, and its connection closed. */
const MOST_REFUSALS = 1000;
/** Accounts whose rate is remembered; beyond, the one that asked longest ago starts anew. */
const MOST_ACCOUNTS = 10_000;

/**
 * Shares a process among the accounts that ask it over REST: each has a rate, and so many requests under way at a time,
 * the accounts one after the other. Rates hold in each process by itself.
 */
export class RequestLimiter {
  readonly #clock: Clock;
  readonly #turns: FairLimiter;
  readonly #width: RequestWidth;
  readonly #rates = new Map<string, TokenBucket>();
  readonly #refused = new Map<string, number>();

  constructor({ clock, atOnce, waiting = 1000, utilization }: RequestLimiterOptions) {
    this.#clock = clock;
    const width = new RequestWidth(clock, utilization);
    const widthOf = (accountSid: string): number => width.of(accountSid);
    this.#turns = new FairLimiter({ atOnce: Infinity, atOncePerAccount: atOnce ?? widthOf, waiting });
    this.#width = width;
  }

  /**
   * Resolves when the request may go on, with what is to be called when it is answered.
   *
   * @throws RestError `tooManyRequests`, after a while
   */
  async admit(accountSid: string, rates: RequestRates): Promise<() => void> {
    const waitMs = this.#take(accountSid, rates);
    if (waitMs !== undefined) {
      const { requestsPerSecond: rate, requestBurst: burst } = rates;
      const limit = `${rate} requests a second (requestsPerSecond), ${burst} at once after a pause (requestBurst)`;
      return this.#refuse(accountSid, `Account ${accountSid} may make ${limit}: wait and ask again`, waitMs);
    }
    this.#width.asked(accountSid);
    const turn = this.#turns.turn(accountSid);
    if (turn === undefined) {
      const message = `Too many requests of account ${accountSid} wait already: wait for answers before you ask more`;
      return this.#refuse(accountSid, message, REFUSAL_MS);
    }
    const over = await turn;
    const timer = this.#clock.setTimer(TURN_MS, over);
    return () => {
      timer.cancel();
      const pauseMs = this.#width.pauseMs(accountSid);
      if (pauseMs === 0) over();
      else this.#clock.setTimer(pauseMs, over);
    };
  }

  /** Milliseconds to wait when there are too many. */
  #take(accountSid: string, { requestsPerSecond, requestBurst }: RequestRates): number | undefined {
    const now = this.#clock.monotonic();
    const bucket = this.#rates.get(accountSid) ?? new TokenBucket(requestBurst, now);
    // To the end: the first is who asked longest ago.
    this.#rates.delete(accountSid);
    this.#rates.set(accountSid, bucket);
    if (this.#rates.size > MOST_ACCOUNTS) {
      const [oldest] = this.#rates.keys();
      if (oldest !== undefined) this.#rates.delete(oldest);
    }
    return bucket.take(requestsPerSecond, requestBurst, now);
  }

  async #refuse(accountSid: string, message: string, waitMs: number): Promise<never> {
    const headers = { 'retry-after': String(Math.ceil(waitMs / 1000)) };
    const waiting = this.#refused.get(accountSid) ?? 0;
    if (waiting >= MOST_REFUSALS) {
      throw new RestError('tooManyRequests', message, { headers: { ...headers, connection: 'close' } });
    }
    this.#refused.set(accountSid, waiting + 1);
    await new Promise<void>((resolve) => this.#clock.setTimer(REFUSAL_MS, resolve));
    const left = (this.#refused.get(accountSid) ?? 1) - 1;
    if (left === 0) this.#refused.delete(accountSid);
    else this.#refused.set(accountSid, left);
    throw new RestError('tooManyRequests', message, { headers });
  }
}
