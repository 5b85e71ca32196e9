import { describe, expect, it } from 'vitest';
import { accountGuardsSchema } from '../../tenants/account-guards.ts';
import type { AccountGuards } from '../../tenants/ports.ts';
import { HIGH_RISK } from './high-risk.ts';
import { judgeCall, priceOf } from './judge.ts';
import { spendAt, spendMore } from './spend.ts';
import type { Spend } from './spend.ts';

const NOTHING = spendAt(undefined, 0);
const guards = (own: AccountGuards = {}) =>
  accountGuardsSchema.parse({
    ...{ allowed: [], blocked: [], highRisk: 'blocked', prices: {}, defaultPrice: 0 },
    ...{ callsPerMinute: 0, spendPerHour: 0, spendPerDay: 0, ...own },
  });
const judge = (own: AccountGuards, number: string, spend: Spend = NOTHING): string => {
  const verdict = judgeCall(guards(own), number, spend);
  return verdict.ok ? 'ok' : verdict.reason;
};

describe('MT-10 destinations', () => {
  it.each<[string, AccountGuards, string, string]>([
    ['anywhere by default', {}, '+4930123456', 'ok'],
    ['short codes and names have no country', { allowed: ['+49'] }, '110', 'ok'],
    ['a satellite behind an international prefix of some country', {}, '011881612345678', 'destination'],
    ['a national number, of no country that is known', { blocked: ['+53'] }, '0900123456', 'destination'],
    ['an international prefix after another', { allowed: ['+1'] }, '00053712345678', 'destination'],
    ['a national number where nothing is guarded', { highRisk: 'open' }, '0900123456', 'ok'],
    ['what is blocked', { blocked: ['+53'] }, '+5371234567', 'destination'],
    ['with or without a plus', { blocked: ['53'] }, '+5371234567', 'destination'],
    ['what is not allowed', { allowed: ['+49', '+43'] }, '+33123456789', 'destination'],
    ['what is allowed', { allowed: ['+49', '+43'] }, '+43123456789', 'ok'],
    ['a longer prefix allows', { blocked: ['+1'], allowed: ['+1212', '+49'] }, '+12125550100', 'ok'],
    ['a longer prefix blocks', { allowed: ['+49'], blocked: ['+49900'] }, '+499001234', 'destination'],
    ['of equals the one that blocks', { allowed: ['+49'], blocked: ['+49'] }, '+4930123456', 'destination'],
    ['satellites', {}, '+8816123456', 'high-risk'],
    ['premium rate of an allowed country', { allowed: ['+44'] }, '+449012345678', 'high-risk'],
    ['a risky prefix that is allowed by name', { allowed: ['+449', '+44'] }, '+449012345678', 'ok'],
    ['all risky ones when they are open', { highRisk: 'open' }, '+979123456789', 'ok'],
  ])('%s', (_, own, number, expected) => {
    expect(judge(own, number)).toBe(expected);
  });

  it('every number of high risk is a prefix with a word for people', () => {
    for (const [prefix, what] of Object.entries(HIGH_RISK)) {
      expect(prefix).toMatch(/^[1-9]\d{2,5}$/);
      expect(what.length).toBeGreaterThan(8);
      expect(judge({}, `+${prefix}12345`)).toBe('high-risk');
    }
  });
});

describe('MT-10 prices and caps', () => {
  const priced = { prices: { '+49': 2, '4915': 9 }, defaultPrice: 30 };

  it('the longest prefix has the price', () => {
    const all = guards(priced);
    expect(['+4930', '+49151', '+33'].map((number) => priceOf(all, number))).toEqual([2, 9, 30]);
  });

  it('a call leaves when its first minute fits into the hour and the day', () => {
    const spent = spendMore(undefined, { calls: 3, amount: 95 }, 0);
    expect(judge({ ...priced, spendPerHour: 100 }, '+33123', spent)).toBe('spend-per-hour');
    expect(judge({ ...priced, spendPerHour: 100 }, '+4930', spent)).toBe('ok');
    expect(judge({ ...priced, spendPerDay: 100 }, '+33123', spent)).toBe('spend-per-day');
    expect(judge({ spendPerDay: 10 }, '+4930', spent)).toBe('ok');
    expect(judge({ callsPerMinute: 3 }, '+4930', spent)).toBe('calls-per-minute');
    expect(judge({ callsPerMinute: 4 }, '+4930', spent)).toBe('ok');
  });

  it('what was spent counts for its minute, hour and day, and never below nothing', () => {
    const HOUR = 3_600_000;
    const spent = spendMore(spendMore(undefined, { calls: 1, amount: 10 }, 0), { calls: 1, amount: 5 }, HOUR - 1);
    expect(spent).toMatchObject({ calls: 1, inHour: 15, inDay: 15 });
    expect(spendAt(spent, HOUR)).toMatchObject({ calls: 0, inHour: 0, inDay: 15 });
    expect(spendAt(spent, 24 * HOUR)).toMatchObject({ calls: 0, inHour: 0, inDay: 0 });
    expect(spendMore(spent, { calls: 0, amount: -9 }, HOUR)).toMatchObject({ inHour: 0, inDay: 6 });
  });
});
