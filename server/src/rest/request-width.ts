import { performance } from 'node:perf_hooks';
import type { Clock } from '../kernel/index.ts';

interface Bounds {
  /** Requests of an account at once while the event loop is busy, and while it is not: more gain nothing. */
  readonly least: number;
  readonly most: number;
  /** A loop that works for a larger share of the time makes everybody wait. */
  readonly busy: number;
}

/** While nobody else asks: what requests wait for (database, bus) overlaps. */
const ALONE: Bounds = { least: 3, most: 16, busy: 0.8 };
const AMONG_OTHERS: Bounds = { least: 1, most: 16, busy: 0.4 };
/** Who asked longer ago is not waited for, milliseconds. */
const RECENT_MS = 1000;
const LOOK_MS = 100;
/** Pauses after a request, where one at a time is too much still: the shortest and the longest, milliseconds, and how they change. */
const PAUSES = { least: 0.5, most: 8, longer: 1.5, shorter: 0.9 };

/** Share of the time since it was asked before that the event loop of this thread worked, 0 to 1. */
export function loopUtilization(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
}

/**
 * How many requests one account may have under way, and how long its place stays empty after one: who asks alone has most of the event
 * loop, among others each has what they would not feel. Looks at the loop when it is asked, every 100 ms at most.
 */
export class RequestWidth {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #utilization: () => number;
  #width = ALONE.least;
  #lookedAt: number;
  #pauseMs = 0;
  /** The two accounts that asked last, and when. */
  #newest = { accountSid: '', at: -Infinity };
  #other = this.#newest;

  constructor(clock: Pick<Clock, 'monotonic'>, utilization = loopUtilization()) {
    this.#clock = clock;
    this.#utilization = utilization;
    this.#lookedAt = clock.monotonic();
  }

  /** It asks for something. */
  asked(accountSid: string): void {
    if (accountSid !== this.#newest.accountSid) this.#other = this.#newest;
    this.#newest = { accountSid, at: this.#clock.monotonic() };
  }

  of(accountSid: string): number {
    const now = this.#clock.monotonic();
    const { least, most, busy } = this.#isAmongOthers(accountSid, now) ? AMONG_OTHERS : ALONE;
    if (now - this.#lookedAt >= LOOK_MS) {
      this.#lookedAt = now;
      if (this.#utilization() > busy) this.#narrow(least);
      else this.#widen();
    }
    this.#width = Math.min(most, Math.max(least, this.#width));
    return this.#width;
  }

  /** How long the place of a request that is answered stays empty, milliseconds: one at a time may be too much still. */
  pauseMs(accountSid: string): number {
    return this.#isAmongOthers(accountSid, this.#clock.monotonic()) ? this.#pauseMs : 0;
  }

  /** Quickly: somebody waits. */
  #narrow(least: number): void {
    if (this.#width > least) this.#width = Math.floor(this.#width / 2);
    else this.#pauseMs = Math.min(PAUSES.most, Math.max(PAUSES.least, this.#pauseMs * PAUSES.longer));
  }

  #widen(): void {
    if (this.#pauseMs === 0) this.#width += 1;
    else this.#pauseMs = this.#pauseMs > PAUSES.least ? this.#pauseMs * PAUSES.shorter : 0;
  }

  #isAmongOthers(accountSid: string, now: number): boolean {
    const other = this.#newest.accountSid === accountSid ? this.#other : this.#newest;
    return now - other.at < RECENT_MS;
  }
}
