import type { EventSink } from '../../calls/ports.ts';
import type { Clock, Log, Timer } from '../../kernel/index.ts';
import { judgeCall, judgeMinute } from './judge.ts';
import type { GuardVerdict } from './judge.ts';
import type { GuardDirectory, SharedSpend } from './ports.ts';

export interface CallGuardOptions {
  readonly directory: GuardDirectory;
  readonly spend: SharedSpend;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log: Log;
}

/** The call that is to leave. */
export interface GuardedFacts {
  readonly accountSid: string;
  readonly callSid: string;
  /** E.164, or a short code. */
  readonly number: string;
}

/** A call that may leave. Its first minute is paid for; without an answer it is given back at `end`. */
export interface GuardedCall {
  /** It costs from now on. @param cut called when the next minute would be above a cap: the call is to end */
  answered(cut: (message: string) => void): void;
  /** Idempotent. */
  end(): void;
}

const MINUTE_MS = 60_000;
/** Shares of a cap that are told of. */
const ALARMS = [0.8, 1];

/**
 * Keeps an account from calls that it did not mean: by destination, calls a minute, and what is spent in an hour and in a day, over all
 * nodes. Every minute is paid for when it begins, so that a node by itself never goes above a cap; nodes hear of each other about a
 * second later, and can together go above it by what they begin in that second.
 */
export class CallGuard {
  readonly #options: CallGuardOptions;

  constructor(options: CallGuardOptions) {
    this.#options = options;
  }

  admit(facts: GuardedFacts): GuardedCall | Extract<GuardVerdict, { ok: false }> {
    const { directory, spend } = this.#options;
    const verdict = judgeCall(directory.guardsOf(facts.accountSid), facts.number, spend.of(facts.accountSid));
    if (!verdict.ok) {
      this.#refused(facts, verdict);
      return verdict;
    }
    this.#add(facts.accountSid, { calls: 1, amount: verdict.price });
    return new PaidCall(verdict.price, {
      clock: this.#options.clock,
      giveBack: (amount) => {
        spend.add(facts.accountSid, { calls: 0, amount: -amount });
      },
      pay: () => this.#pay(facts),
    });
  }

  /** @returns why not, when the next minute may not begin */
  #pay(facts: GuardedFacts): string | undefined {
    const { directory, spend } = this.#options;
    const verdict = judgeMinute(directory.guardsOf(facts.accountSid), facts.number, spend.of(facts.accountSid));
    if (verdict.ok) {
      this.#add(facts.accountSid, { calls: 0, amount: verdict.price });
      return undefined;
    }
    this.#refused(facts, verdict);
    return verdict.message;
  }

  #add(accountSid: string, change: { readonly calls: number; readonly amount: number }): void {
    const { directory, spend, events, log } = this.#options;
    const { callsPerMinute, spendPerHour, spendPerDay } = directory.guardsOf(accountSid);
    const before = spend.of(accountSid);
    spend.add(accountSid, change);
    const after = spend.of(accountSid);
    for (const [cap, most, was, is] of [
      ['callsPerMinute', callsPerMinute, before.calls, after.calls],
      ['spendPerHour', spendPerHour, before.inHour, after.inHour],
      ['spendPerDay', spendPerDay, before.inDay, after.inDay],
    ] as const) {
      const reached = ALARMS.filter((share) => most > 0 && was < share * most && is >= share * most).at(-1);
      if (reached === undefined) continue;
      const data = { cap, limit: most, used: is, percent: reached * 100 };
      log.warn({ accountSid, ...data }, `an account has used ${String(reached * 100)} % of what it may`);
      events.emit({ accountSid, type: 'guard.alarm', subject: accountSid, data });
    }
  }

  #refused({ accountSid, callSid, number }: GuardedFacts, verdict: Extract<GuardVerdict, { ok: false }>): void {
    const { events, log } = this.#options;
    const { reason, message } = verdict;
    log.warn(
      { accountSid, callSid, to: number, reason, hint: 'see `hookswitch guards show`' },
      `a call is not made: ${message}`,
    );
    events.emit({
      accountSid,
      type: 'guard.refused',
      subject: callSid,
      data: { callSid, to: number, reason, message },
    });
  }
}

interface PaidParts {
  readonly clock: Clock;
  /** @returns why not, when the next minute may not begin */
  readonly pay: () => string | undefined;
  readonly giveBack: (amount: number) => void;
}

class PaidCall implements GuardedCall {
  readonly #price: number;
  readonly #parts: PaidParts;
  #state: 'ringing' | 'answered' | 'over' = 'ringing';
  #timer: Timer | undefined;

  constructor(price: number, parts: PaidParts) {
    this.#price = price;
    this.#parts = parts;
  }

  answered(cut: (message: string) => void): void {
    if (this.#state !== 'ringing') return;
    this.#state = 'answered';
    // What costs nothing needs no count.
    if (this.#price > 0) this.#next(cut);
  }

  end(): void {
    if (this.#state === 'ringing' && this.#price > 0) this.#parts.giveBack(this.#price);
    this.#state = 'over';
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #next(cut: (message: string) => void): void {
    this.#timer = this.#parts.clock.setTimer(MINUTE_MS, () => {
      const problem = this.#parts.pay();
      if (problem === undefined) this.#next(cut);
      else cut(problem);
    });
  }
}
