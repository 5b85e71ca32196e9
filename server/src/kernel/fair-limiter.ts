import { BoundedQueue } from './bounded-queue.ts';

export interface FairLimiterOptions {
  /** Pieces of work at once, of all accounts. */
  readonly atOnce: number;
  /** Those of one account; the rest is for the others, whatever it does. A function is asked each time. */
  readonly atOncePerAccount: number | ((accountSid: string) => number);
  /** Pieces of work of one account that wait. */
  readonly waiting: number;
}

interface Lane {
  running: number;
  readonly waiting: BoundedQueue<() => void>;
}

/** Turns for work of accounts: each account's in order, the accounts one after the other. Overflow policy: the newest is refused. */
export class FairLimiter {
  readonly #options: FairLimiterOptions;
  /** Accounts with work, whose turn is longest ago first. */
  readonly #lanes = new Map<string, Lane>();
  #running = 0;

  constructor(options: FairLimiterOptions) {
    this.#options = options;
  }

  /** Resolves with what ends the turn (once; later calls do nothing), when it has come. Undefined: too much waits already. */
  turn(accountSid: string): Promise<() => void> | undefined {
    const lane = this.#lanes.get(accountSid) ?? { running: 0, waiting: new BoundedQueue(this.#options.waiting) };
    const came = Promise.withResolvers<void>();
    if (!lane.waiting.push(came.resolve)) return undefined;
    this.#lanes.set(accountSid, lane);
    this.#next();
    return came.promise.then(() => {
      let over = false;
      return () => {
        if (over) return;
        over = true;
        lane.running--;
        this.#running--;
        if (lane.running === 0 && lane.waiting.size === 0) this.#lanes.delete(accountSid);
        this.#next();
      };
    });
  }

  #next(): void {
    const { atOnce, atOncePerAccount: most } = this.#options;
    if (this.#running >= atOnce) return;
    for (const [accountSid, lane] of this.#lanes) {
      if (lane.running >= (typeof most === 'number' ? most : most(accountSid))) continue;
      const go = lane.waiting.shift();
      if (go === undefined) continue;
      lane.running++;
      this.#running++;
      this.#lanes.delete(accountSid);
      this.#lanes.set(accountSid, lane);
      go();
      return;
    }
  }
}
