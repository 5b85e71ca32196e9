import type { AllAccountGuards } from '../../tenants/ports.ts';
import { HIGH_RISK } from './high-risk.ts';
import type { Spend } from './spend.ts';

export type GuardReason = 'destination' | 'high-risk' | 'calls-per-minute' | 'spend-per-hour' | 'spend-per-day';

export type GuardVerdict =
  | { readonly ok: true; /** Of each minute that begins. */ readonly price: number }
  | { readonly ok: false; readonly reason: GuardReason; readonly message: string };

/** Up to six digits, without the prefix of a national or international number before it. */
const SHORT_CODE = /^[1-9][0-9]{1,5}$/;

const digitsOf = (number: string): string => number.replace(/\D/g, '');

/** The longest of the prefixes that begins the number, in digits. */
export function longestPrefix(prefixes: Iterable<string>, digits: string): string | undefined {
  let longest: string | undefined;
  for (const prefix of prefixes) {
    const own = digitsOf(prefix);
    if (digits.startsWith(own) && own.length > (longest?.length ?? 0)) longest = own;
  }
  return longest;
}

export function priceOf(guards: AllAccountGuards, number: string): number {
  const digits = digitsOf(number);
  const prefix = longestPrefix(Object.keys(guards.prices), digits);
  if (prefix === undefined) return guards.defaultPrice;
  return guards.prices[prefix] ?? guards.prices[`+${prefix}`] ?? guards.defaultPrice;
}

/** Whether a call may leave: its destination first, then how many there were, then what its first minute costs. */
export function judgeCall(guards: AllAccountGuards, number: string, spend: Spend): GuardVerdict {
  const destination = judgeDestination(guards, number);
  if (destination !== undefined) return destination;
  const { callsPerMinute } = guards;
  if (callsPerMinute > 0 && spend.calls >= callsPerMinute) {
    return no(
      'calls-per-minute',
      `${String(callsPerMinute)} calls have left in this minute, the most that this account may make`,
    );
  }
  return judgeMinute(guards, number, spend);
}

/** Whether one more minute of a call may begin. */
export function judgeMinute(guards: AllAccountGuards, number: string, spend: Spend): GuardVerdict {
  const price = priceOf(guards, number);
  for (const [reason, used, most] of [
    ['spend-per-hour', spend.inHour, guards.spendPerHour],
    ['spend-per-day', spend.inDay, guards.spendPerDay],
  ] as const) {
    if (most > 0 && price > 0 && used + price > most) {
      return no(
        reason,
        `a minute to ${number} costs ${String(price)}, and ${String(used)} of ${String(most)} are spent`,
      );
    }
  }
  return { ok: true, price };
}

function judgeDestination(guards: AllAccountGuards, number: string): GuardVerdict | undefined {
  const digits = digitsOf(number);
  if (!number.startsWith('+')) return judgeUnknown(guards, number);
  const allowed = longestPrefix(guards.allowed, digits);
  const blocked = longestPrefix(guards.blocked, digits);
  const risky = guards.highRisk === 'blocked' ? longestPrefix(Object.keys(HIGH_RISK), digits) : undefined;
  if (guards.allowed.length > 0 && allowed === undefined) {
    return no('destination', `${number} begins with none of the prefixes that this account may call`);
  }
  const length = allowed?.length ?? 0;
  if (blocked !== undefined && blocked.length >= length) {
    return no('destination', `+${blocked} is blocked for this account`);
  }
  if (risky !== undefined && risky.length > length) {
    return no('high-risk', `+${risky} (${HIGH_RISK[risky] ?? ''}) is blocked unless the account allows it`);
  }
  return undefined;
}

/** Short codes have no country and no price of a country. Longer ones have: which, only a carrier knows that is not asked. */
function judgeUnknown(guards: AllAccountGuards, number: string): GuardVerdict | undefined {
  if (SHORT_CODE.test(number)) return undefined;
  if (guards.allowed.length === 0 && guards.blocked.length === 0 && guards.highRisk === 'open') return undefined;
  return no(
    'destination',
    `${number} is not in international form (+49...), so that nobody knows whether this account may call it`,
  );
}

const no = (reason: GuardReason, message: string): GuardVerdict => ({ ok: false, reason, message });
