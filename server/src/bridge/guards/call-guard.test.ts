import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { createMetrics, silentLog } from '../../kernel/index.ts';
import { guardsInForce } from '../../tenants/account-guards.ts';
import type { AccountGuards } from '../../tenants/ports.ts';
import { ACCOUNT, FakeBus } from '../testing/world.fake.ts';
import { CallGuard } from './call-guard.ts';
import type { GuardedCall } from './call-guard.ts';
import { MemorySpend } from './shared-spend.memory.ts';

const MINUTE = 60_000;

function world(own: AccountGuards) {
  const metrics = createMetrics();
  const clock = new FakeClock();
  const [spend, events] = [new MemorySpend(clock), new FakeBus(clock)];
  const directory = { guardsOf: () => guardsInForce({ accountBySid: () => undefined }, { guards: own }) };
  const guard = new CallGuard({ directory, spend, clock, events, metrics, log: silentLog });
  const call = (number = '+4930123'): GuardedCall | string => {
    const guarded = guard.admit({ accountSid: ACCOUNT, callSid: 'CA1', number });
    return 'ok' in guarded ? guarded.reason : guarded;
  };
  const admitted = (): GuardedCall => {
    const guarded = call();
    if (typeof guarded === 'string') throw new Error(guarded);
    return guarded;
  };
  return { clock, spend, events, guard, metrics, call, admitted };
}

describe('MT-10 what a call costs', () => {
  it('is paid minute by minute; a call that was not answered costs nothing', () => {
    const { clock, spend, admitted } = world({ defaultPrice: 7 });
    const [rings, talks] = [admitted(), admitted()];
    expect(spend.of(ACCOUNT)).toMatchObject({ calls: 2, inHour: 14 });
    rings.end();
    rings.end();
    talks.answered(() => undefined);
    expect(spend.of(ACCOUNT).inHour).toBe(7);
    clock.advance(MINUTE - 1);
    expect(spend.of(ACCOUNT).inHour).toBe(7);
    clock.advance(1);
    expect(spend.of(ACCOUNT).inHour).toBe(14);
    talks.end();
    clock.advance(5 * MINUTE);
    expect(spend.of(ACCOUNT).inHour).toBe(14);
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends a call whose next minute does not fit, and refuses the next; both are told, the alarms once each', () => {
    const { clock, events, call, admitted } = world({ defaultPrice: 4, spendPerHour: 10 });
    const talks = admitted();
    const cuts: string[] = [];
    talks.answered((message) => cuts.push(message));
    clock.advance(MINUTE);
    expect(events.of('guard.alarm')).toEqual([{ cap: 'spendPerHour', limit: 10, used: 8, percent: 80 }]);
    clock.advance(MINUTE);
    expect(cuts).toEqual(['a minute to +4930123 costs 4, and 8 of 10 are spent']);
    talks.end();
    expect(call()).toBe('spend-per-hour');
    expect(events.of('guard.refused').map(({ reason }) => reason)).toEqual(['spend-per-hour', 'spend-per-hour']);
    expect(events.of('guard.alarm')).toHaveLength(1);
    clock.advance(3_600_000);
    expect(typeof call()).toBe('object');
  });

  it('is told of once a period, however often a call that nobody answers gives its minute back', () => {
    const { clock, events, guard, admitted } = world({ defaultPrice: 8, spendPerHour: 10 });
    const { guard: other } = world({ defaultPrice: 8 });
    for (let n = 0; n < 5; n++) admitted().end();
    expect(events.of('guard.alarm')).toEqual([{ cap: 'spendPerHour', limit: 10, used: 8, percent: 80 }]);
    expect(guard.nearCap(10)).toEqual([]);
    clock.advance(3_600_000);
    admitted();
    expect(events.of('guard.alarm')).toHaveLength(2);
    expect(guard.caps(ACCOUNT)).toEqual([{ limit: 'spendPerHour', used: 8, of: 10 }]);
    expect(guard.nearCap(10)).toEqual([ACCOUNT]);
    expect(guard.nearCap(0)).toEqual([]);
    expect(other.caps(ACCOUNT)).toEqual([]);
  });

  it('is counted: what was refused and why, and the alarms', async () => {
    const { metrics, call, admitted } = world({ defaultPrice: 8, spendPerDay: 10 });
    admitted();
    call();
    const { body } = await metrics.expose();
    expect(body).toContain('hookswitch_guard_refused_total{reason="spend-per-day"} 1');
    expect(body).toContain('hookswitch_guard_alarms_total{cap="spendPerDay",percent="80"} 1');
  });

  it('never comes to more than the cap, however calls begin, are answered and end', () => {
    const step = fc.oneof(
      fc.constant({ kind: 'call' as const }),
      fc.record({ kind: fc.constant('answer' as const), at: fc.nat(20) }),
      fc.record({ kind: fc.constant('end' as const), at: fc.nat(20) }),
      fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(200) }),
    );
    const cap = fc.integer({ min: 1, max: 60 });
    const price = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(cap, price, fc.array(step, { maxLength: 80 }), (spendPerDay, defaultPrice, steps) => {
        const { clock, spend, call } = world({ defaultPrice, spendPerDay });
        const calls: GuardedCall[] = [];
        for (const each of steps) {
          if (each.kind === 'call') {
            const made = call();
            if (typeof made === 'object') calls.push(made);
          } else if (each.kind === 'wait') clock.advance(each.seconds * 1000);
          else {
            const chosen = calls[each.at % Math.max(1, calls.length)];
            if (each.kind === 'end') chosen?.end();
            else
              chosen?.answered(() => {
                chosen.end();
              });
          }
          expect(spend.of(ACCOUNT).inDay).toBeLessThanOrEqual(spendPerDay);
        }
        for (const each of calls) each.end();
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
