/** Bounds of one account's requests at a time. */
export interface LaneLimits {
  /** Under way at once. */
  readonly width: number;
  /** Waiting for their turn; one more is refused. */
  readonly waiting: number;
}

interface Lane {
  underWay: number;
  readonly waiting: (() => void)[];
}

/**
 * Every account has a lane of its own for its requests, so that one whose servers hang holds up nobody but itself. Within
 * a lane: first come, first served.
 */
export class AccountLanes {
  readonly #limits: LaneLimits;
  readonly #lanes = new Map<string, Lane>();

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** Accounts that have requests under way. */
  get busyAccounts(): number {
    return this.#lanes.size;
  }

  underWay(accountSid: string): number {
    return this.#lanes.get(accountSid)?.underWay ?? 0;
  }

  /** Of all accounts together, and of the one with the longest line. */
  totals(): { readonly underWay: number; readonly waiting: number; readonly longestLine: number } {
    const lanes = [...this.#lanes.values()];
    const sum = (of: (lane: Lane) => number): number => lanes.reduce((total, lane) => total + of(lane), 0);
    return {
      underWay: sum((lane) => lane.underWay),
      waiting: sum((lane) => lane.waiting.length),
      longestLine: Math.max(0, ...lanes.map((lane) => lane.waiting.length)),
    };
  }

  /**
   * Runs `work` when its turn comes. Undefined: too many wait already.
   * @throws the signal's reason when it aborts before that, and what `work` throws
   */
  async run<T>(accountSid: string, signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
    signal.throwIfAborted();
    const lane = this.#lanes.get(accountSid) ?? { underWay: 0, waiting: [] };
    this.#lanes.set(accountSid, lane);
    if (lane.underWay < this.#limits.width) lane.underWay += 1;
    else if (lane.waiting.length >= this.#limits.waiting) return undefined;
    else await turn(lane, signal);
    try {
      return await work();
    } finally {
      this.#leave(accountSid, lane);
    }
  }

  #leave(accountSid: string, lane: Lane): void {
    const next = lane.waiting.shift();
    // The place is handed on: it is never free in between.
    if (next !== undefined) next();
    else {
      lane.underWay -= 1;
      if (lane.underWay === 0) this.#lanes.delete(accountSid);
    }
  }
}

function turn(lane: Lane, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      lane.waiting.splice(lane.waiting.indexOf(begin), 1);
      reject(signal.reason as Error);
    };
    const begin = (): void => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    lane.waiting.push(begin);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
