import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CallQueue } from '../scheduler/index.ts';
import type { Waiting } from '../scheduler/index.ts';
import { ChannelLedger } from './channel-ledger.ts';
import type { ChannelPool, Direction } from './channel-ledger.ts';

const ledgerOf = (pool: Omit<ChannelPool, 'pool'>): ChannelLedger => {
  const ledger = new ChannelLedger();
  ledger.configure({ pool: 'p', ...pool });
  return ledger;
};
const times = (n: number, what: () => boolean): number => Array.from({ length: n }, what).filter(Boolean).length;

it('MT-6 what is reserved for an account nobody else gets, and it gets more when there is more', () => {
  const ledger = ledgerOf({ channels: 10, shares: { a: { reserved: 4 }, b: { most: 3 } } });
  expect(times(9, () => ledger.take('p', 'c', 'out'))).toBe(6);
  expect(ledger.isOpen('p')).toBe(false);
  expect([...ledger.kept('p')]).toEqual(['a']);
  expect(times(9, () => ledger.take('p', 'a', 'out'))).toBe(4);
  for (let n = 0; n < 6; n++) ledger.release('p', 'c', 'out');
  expect(times(9, () => ledger.take('p', 'b', 'out'))).toBe(3);
  expect(times(9, () => ledger.take('p', 'a', 'out'))).toBe(3);
  expect(ledger.used('p')).toEqual({ in: 0, out: 10 });
});

it('MT-2 outgoing calls leave room for callers; a caller is there already and gets any channel that is free', () => {
  const ledger = ledgerOf({ channels: 5, keptForInbound: 2, shares: { a: { reserved: 1 } } });
  expect(times(9, () => ledger.take('p', 'b', 'out'))).toBe(2);
  expect(times(9, () => ledger.take('p', 'b', 'in'))).toBe(3);
  expect(ledger.take('p', 'a', 'out')).toBe(false);
});

it('a pool that shrinks ends no call and takes no new one until it has room', () => {
  const ledger = ledgerOf({ channels: 5 });
  times(4, () => ledger.take('p', 'a', 'out'));
  ledger.configure({ pool: 'p', channels: 2 });
  expect(ledger.take('p', 'a', 'in')).toBe(false);
  for (let n = 0; n < 3; n++) ledger.release('p', 'a', 'out');
  expect(times(5, () => ledger.take('p', 'a', 'out'))).toBe(1);
  ledger.remove('p');
  expect([ledger.take('p', 'a', 'out'), ledger.isOpen('p'), ledger.isOpenFor('p', 'a')]).toEqual([false, false, false]);
});

it('MT-6 never above the limit of a trunk, and never a reservation given away, in 1,000 random schedules', () => {
  const step = fc.record({
    what: fc.constantFrom('queue', 'queue', 'dispatch', 'dispatch', 'dispatch', 'caller', 'end', 'end', 'configure'),
    account: fc.constantFrom('a', 'b', 'c', 'd'),
    pool: fc.constantFrom('p', 'q'),
    value: fc.nat(1000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ledger = new ChannelLedger();
      const limits: Record<string, ChannelPool> = {};
      const configure = (pool: string, value: number): void => {
        const channels = 1 + (value % 12);
        const shares = { a: { reserved: Math.min(channels, value % 4) }, b: { most: 1 + (value % 3) } };
        ledger.configure((limits[pool] = { pool, channels, keptForInbound: value % 2, shares }));
      };
      configure('p', 7);
      configure('q', 3);
      const free = { weight: 1, callsPerSecond: 1e6, burst: 1e6, concurrent: 1e6 };
      const queue = new CallQueue<Waiting>(() => free);
      const calls: { pool: string; account: string; direction: Direction }[] = [];
      let serial = 0;
      for (const { what, account, pool, value } of steps) {
        if (what === 'configure') {
          configure(pool, value);
          queue.freed(pool);
        } else if (what === 'queue') {
          queue.add({ callSid: `CA${serial++}`, accountSid: account, queuedAt: serial, pool }, serial);
        } else if (what === 'dispatch') {
          const next = queue.take(serial, ledger);
          if (next === undefined) continue;
          // What the queue hands out there is a channel for, always.
          expect(ledger.take(next.pool, next.accountSid, 'out')).toBe(true);
          calls.push({ pool: next.pool, account: next.accountSid, direction: 'out' });
          const used = ledger.used(next.pool);
          expect(used.in + used.out).toBeLessThanOrEqual(limits[next.pool]?.channels ?? 0);
          const outOf = (sid: string): number =>
            calls.filter((each) => each.pool === next.pool && each.account === sid && each.direction === 'out').length;
          const most = limits[next.pool]?.shares?.[next.accountSid]?.most ?? Infinity;
          expect(outOf(next.accountSid)).toBeLessThanOrEqual(most);
        } else if (what === 'caller') {
          const before = ledger.used(pool);
          const isFree = before.in + before.out < (limits[pool]?.channels ?? 0);
          expect(ledger.take(pool, account, 'in')).toBe(isFree);
          if (isFree) calls.push({ pool, account, direction: 'in' });
        } else if (calls.length > 0) {
          const [ended] = calls.splice(value % calls.length, 1);
          if (ended === undefined) continue;
          ledger.release(ended.pool, ended.account, ended.direction);
          if (ended.direction === 'out') queue.ended(ended.account, serial);
          queue.freed(ended.pool, ended.account);
        }
        for (const each of ['p', 'q']) {
          const count = (direction: Direction): number =>
            calls.filter((call) => call.pool === each && call.direction === direction).length;
          expect(ledger.used(each)).toEqual({ in: count('in'), out: count('out') });
        }
      }
    }),
    { numRuns: 1000 },
  );
});
