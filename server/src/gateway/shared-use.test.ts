import { describe, expect, it } from 'vitest';
import { ACCOUNT, OTHER_ACCOUNT } from '../hub/testing/fixtures.ts';
import { FakeClock } from '../kernel/clock.fake.ts';
import type { UseReport, UseReports } from './ports.ts';
import { Quotas } from './quotas.ts';
import type { AccountQuotas, ConnectionUse } from './quotas.ts';
import { SharedUse } from './shared-use.ts';

/** Reports reach everybody at once, until the line is cut. */
class Line {
  readonly listeners = new Set<(report: UseReport) => void>();
  readonly reports: UseReport[] = [];
  cut = false;

  end(): UseReports {
    return {
      publish: (report) => {
        this.reports.push(report);
        if (!this.cut) for (const listener of this.listeners) listener(report);
      },
      onReport: (listener) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
      },
    };
  }
}

function fixture(defaults: Partial<AccountQuotas>, count = 2) {
  const clock = new FakeClock();
  const line = new Line();
  const gateways = Array.from({ length: count }, (_, index) => {
    const elsewhere = new SharedUse({ node: `n${index}`, clock, reports: line.end() });
    const quotas = new Quotas({ clock, defaults, elsewhere });
    elsewhere.start(quotas);
    const open = (of = ACCOUNT): ConnectionUse => {
      const use = quotas.connect(of);
      if ('message' in use) throw new Error(use.message);
      return use;
    };
    return { elsewhere, quotas, open };
  });
  const [a, b] = gateways;
  if (a === undefined || b === undefined) throw new Error('two gateways at least');
  const close = (): void => {
    for (const { elsewhere } of gateways) elsewhere.close();
  };
  return { clock, line, gateways, a, b, close };
}

describe('limits of an account over several gateways', () => {
  it('EV-9 connections and subscriptions of all gateways count, and places are free again everywhere', () => {
    const { clock, a, b, close } = fixture({ connections: 3, subscriptions: 5 });
    const [first, second] = [a.open(), a.open()];
    first.holds(4);
    b.open(OTHER_ACCOUNT);
    clock.advance(1000);
    const third = b.open();
    expect(b.quotas.connect(ACCOUNT)).toMatchObject({ message: 'the account has its 3 connections' });
    expect(third.subscribe()).toBeUndefined();
    expect(third.subscribe(2)).toMatchObject({ message: 'the account has its 5 subscriptions' });
    b.open(OTHER_ACCOUNT);
    first.release();
    second.release();
    clock.advance(1000);
    b.open();
    b.open();
    expect(third.subscribe(5)).toBeUndefined();
    close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('EV-9 the rates of all gateways together come to the limit, however they are used', () => {
    const { clock, gateways, close } = fixture(
      { publishesPerSecond: 100, publishBurst: 5, publishBytesPerSecond: 1e9 },
      3,
    );
    const clients = gateways.map(({ open }) => open());
    const rate = (wanted: readonly number[], seconds: number): number[] => {
      const sent = wanted.map(() => 0);
      for (let ms = 0; ms < seconds * 1000; ms++) {
        clock.advance(1);
        for (const [at, want] of wanted.entries()) {
          if (ms % (1000 / want) < 1 && clients[at]?.publish(10) === undefined) sent[at] = (sent[at] ?? 0) + 1;
        }
      }
      return sent.map((count) => count / seconds);
    };
    rate([1000, 1000, 1000], 5);
    const equal = rate([1000, 1000, 1000], 10);
    expect(equal.reduce((x, y) => x + y)).toBeGreaterThan(90);
    expect(equal.reduce((x, y) => x + y)).toBeLessThan(115);
    // One that has the account alone gets all of it, within seconds.
    rate([1000, 0.001, 0.001], 5);
    expect(rate([1000, 0.001, 0.001], 10)[0]).toBeGreaterThan(95);
    // What others use little of is left to who wants more.
    rate([1000, 10, 0.001], 5);
    const uneven = rate([1000, 10, 0.001], 10);
    expect(uneven[1]).toBeGreaterThan(9);
    expect(uneven[0]).toBeGreaterThan(80);
    close();
  });

  it('a gateway that is heard of no more counts for nothing; accounts with little use are not told', () => {
    const { clock, line, a, b, close } = fixture({ connections: 100 });
    for (let n = 0; n < 60; n++) a.open();
    a.open(OTHER_ACCOUNT);
    clock.advance(1000);
    expect(line.reports).toEqual([
      { node: 'n0', accounts: [{ accountSid: ACCOUNT, connections: 60, subscriptions: 0, events: 0, bytes: 0 }] },
    ]);
    expect(b.elsewhere.of(ACCOUNT).connections).toBe(60);
    expect(b.elsewhere.gateways).toBe(1);
    line.cut = true;
    clock.advance(5000);
    expect(b.elsewhere.of(ACCOUNT).connections).toBe(0);
    expect(b.elsewhere.gateways).toBe(0);
    close();
  });

  it('tells of many accounts in reports of a bounded size', () => {
    const { clock, line, a, close } = fixture({ connections: 2 });
    const sid = (n: number): string => `AC${String(n).padStart(32, '0')}`;
    for (let n = 0; n < 1200; n++) a.open(sid(n));
    clock.advance(1000);
    expect(line.reports.map(({ accounts }) => accounts.length)).toEqual([500, 500, 200]);
    expect(line.listeners.size).toBe(2);
    close();
    expect(line.listeners.size).toBe(0);
  });
});
