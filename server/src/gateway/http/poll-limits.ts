import type { Clock } from '../../kernel/index.ts';
import { HttpRefusal } from './refusal.ts';

export interface PollLimits {
  /** Polls of one account that wait at once in one process. */
  readonly waiting: number;
  /** Polls of one account that begin in a second in one process; twice as many may come at once. */
  readonly perSecond: number;
}

export const POLL_LIMITS: PollLimits = { waiting: 1000, perSecond: 200 };

interface Use {
  waiting: number;
  tokens: number;
  /** Monotonic, of `tokens`. */
  at: number;
}

/** How much each account polls. */
export class PollBudget {
  readonly #limits: PollLimits;
  readonly #clock: Clock;
  readonly #uses = new Map<string, Use>();

  constructor(limits: PollLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Polls that wait now, of all accounts. */
  get waiting(): number {
    let sum = 0;
    for (const use of this.#uses.values()) sum += use.waiting;
    return sum;
  }

  /** @returns to be called once, when the poll is over. @throws HttpRefusal `limitExceeded` */
  enter(accountSid: string): () => void {
    const { waiting, perSecond } = this.#limits;
    const use = this.#refilled(accountSid);
    if (use.waiting >= waiting) {
      throw new HttpRefusal('limitExceeded', `at most ${waiting} polls of an account wait at once on one server`);
    }
    if (use.tokens < 1) {
      throw new HttpRefusal('limitExceeded', `at most ${perSecond} polls a second: wait for the answer, use timeout`);
    }
    use.tokens -= 1;
    use.waiting += 1;
    return () => {
      use.waiting -= 1;
    };
  }

  #refilled(accountSid: string): Use {
    const now = this.#clock.monotonic();
    const burst = this.#limits.perSecond * 2;
    let use = this.#uses.get(accountSid);
    if (use === undefined) {
      // Those that have been idle long enough to have everything again need not be remembered.
      for (const [sid, old] of this.#uses) if (old.waiting === 0 && now - old.at > 2000) this.#uses.delete(sid);
      use = { waiting: 0, tokens: burst, at: now };
      this.#uses.set(accountSid, use);
    }
    use.tokens = Math.min(burst, use.tokens + ((now - use.at) / 1000) * this.#limits.perSecond);
    use.at = now;
    return use;
  }
}
