import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { orderNaptr, orderSrv } from './order.ts';
import type { SrvRecord } from './ports.ts';

const srv = (target: string, priority: number, weight: number): SrvRecord => ({ target, priority, weight, port: 5060 });

describe('order of DNS records', () => {
  it('RFC 2782: lower priorities come first, whatever their weight', () => {
    const records = [srv('c', 20, 100), srv('a', 0, 0), srv('b', 10, 1)];
    expect(orderSrv(records, seededRandom(1)).map(({ target }) => target)).toEqual(['a', 'b', 'c']);
  });

  it('RFC 2782: among equals the share of first places follows the weights', () => {
    const records = [srv('heavy', 1, 60), srv('light', 1, 20), srv('lighter', 1, 20), srv('zero', 1, 0)];
    const random = seededRandom(2);
    const first: Record<string, number> = {};
    for (let round = 0; round < 10_000; round++) {
      const order = orderSrv(records, random).map(({ target }) => target);
      expect([...order].sort()).toEqual(['heavy', 'light', 'lighter', 'zero']);
      const [winner = ''] = order;
      first[winner] = (first[winner] ?? 0) + 1;
    }
    expect(first['heavy']).toBeGreaterThan(5_700);
    expect(first['heavy']).toBeLessThan(6_300);
    expect(first['light']).toBeGreaterThan(1_700);
    expect(first['zero']).toBeLessThan(250);
  });

  it('RFC 3403 section 4.1: order before preference', () => {
    const record = (order: number, preference: number) => ({
      order,
      preference,
      flags: 's',
      service: '',
      replacement: '',
    });
    const sorted = orderNaptr([record(20, 1), record(10, 50), record(10, 5)]);
    expect(sorted.map(({ order, preference }) => [order, preference])).toEqual([
      [10, 5],
      [10, 50],
      [20, 1],
    ]);
  });
});
