import type { EventSink } from '../../calls/ports.ts';
import type { Clock, Log, MetricCounter, Metrics, Timer } from '../../kernel/index.ts';
import type { AllAccountGuards } from '../../tenants/ports.ts';
import { judgeCall, judgeMinute } from './judge.ts';
import type { GuardVerdict } from './judge.ts';
import type { GuardDirectory, SharedSpend } from './ports.ts';
import type { Spend } from './spend.ts';
import { ToldAlarms } from './told-alarms.ts';

export interface CallGuardOptions {
  readonly directory: GuardDirectory;
  readonly spend: SharedSpend;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A cap of an account, and how much of it is used now, on all nodes. */
export interface CapUse {
  readonly limit: 'callsPerMinute' | 'spendPerHour' | 'spendPerDay';
  readonly used: number;
  readonly of: number;
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
const ALARMS = [0.8, 1] as const;

/**
 * Keeps an account from calls that it did not mean: by destination, calls a minute, and what is spent in an hour and in a day, over all
 * nodes. Every minute is paid for when it begins, so that a node by itself never goes above a cap; nodes hear of each other about a
 * second later, and can together go above it by what they begin in that second.
 */
export class CallGuard {
  readonly #options: CallGuardOptions;
  readonly #told = new ToldAlarms();
  readonly #refusals: MetricCounter<'reason'>;
  readonly #alarms: MetricCounter<'cap' | 'percent'>;

  constructor(options: CallGuardOptions) {
    this.#options = options;
    const { metrics } = options;
    this.#refusals = metrics.counter('hookswitch_guard_refused_total', 'Calls that a guard stopped', ['reason']);
    this.#alarms = metrics.counter('hookswitch_guard_alarms_total', 'Caps of accounts used to a share', [
      'cap',
      'percent',
    ]);
  }

  /** The caps that an account has. */
  caps(accountSid: string): CapUse[] {
    const { directory, spend } = this.#options;
    const all = capUses(directory.guardsOf(accountSid), spend.of(accountSid));
    return all.map(({ limit, used, of }) => ({ limit, used, of }));
  }

  /** Accounts that have used a cap to the share from which it is told of; at most so many. */
  nearCap(most: number): string[] {
    const near: string[] = [];
    for (const accountSid of this.#options.spend.accounts()) {
      if (near.length >= most) break;
      if (this.caps(accountSid).some(({ used, of }) => used >= ALARMS[0] * of)) near.push(accountSid);
    }
    return near;
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
    const guards = directory.guardsOf(accountSid);
    const before = capUses(guards, spend.of(accountSid));
    spend.add(accountSid, change);
    for (const [n, { limit: cap, period, used, of: most }] of capUses(guards, spend.of(accountSid)).entries()) {
      const was = before[n]?.used ?? 0;
      const reached = ALARMS.filter((share) => was < share * most && used >= share * most).at(-1);
      if (reached === undefined || !this.#told.isNew(accountSid, cap, { period, share: reached })) continue;
      const data = { cap, limit: most, used, percent: reached * 100 };
      this.#alarms.inc({ cap, percent: String(data.percent) });
      log.warn({ accountSid, ...data }, `an account has used ${String(reached * 100)} % of what it may`);
      events.emit({ accountSid, type: 'guard.alarm', subject: accountSid, data });
    }
  }

  #refused({ accountSid, callSid, number }: GuardedFacts, verdict: Extract<GuardVerdict, { ok: false }>): void {
    const { events, log } = this.#options;
    const { reason, message } = verdict;
    this.#refusals.inc({ reason });
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

/** @returns with the number of the minute, hour or day */
function capUses(guards: AllAccountGuards, spend: Spend): (CapUse & { readonly period: number })[] {
  const { callsPerMinute, spendPerHour, spendPerDay } = guards;
  return [
    { limit: 'callsPerMinute' as const, used: spend.calls, of: callsPerMinute, period: spend.minute },
    { limit: 'spendPerHour' as const, used: spend.inHour, of: spendPerHour, period: spend.hour },
    { limit: 'spendPerDay' as const, used: spend.inDay, of: spendPerDay, period: spend.day },
  ].filter(({ of }) => of > 0);
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
