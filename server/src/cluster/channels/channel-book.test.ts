import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ChannelBook } from './channel-book.ts';
import { counted } from './channel-policy.ts';
import type { ChannelLimits, ChannelUse, Direction } from './ports.ts';

/** One node's calls on one trunk, taken one by one from a book that others use too. */
class Node {
  readonly name: string;
  readonly #book: ChannelBook;
  held: ChannelUse = {};

  constructor(book: ChannelBook, name = 'a') {
    this.#book = book;
    this.name = name;
  }

  take(limits: ChannelLimits, accountSid: string, direction: Direction): boolean {
    const want = counted({}, accountSid, direction, 1);
    const granted = this.#book.ask({ node: this.name, trunk: 't', held: this.held, want }, limits);
    if (granted[accountSid] === undefined) return false;
    this.held = counted(this.held, accountSid, direction, 1);
    return true;
  }

  release(accountSid: string, direction: Direction): void {
    this.held = counted(this.held, accountSid, direction, -1);
    this.#book.ask({ node: this.name, trunk: 't', held: this.held, want: {} }, {});
  }
}

const times = (n: number, what: () => boolean): number => Array.from({ length: n }, what).filter(Boolean).length;

it('MT-6 what is reserved for an account nobody else gets on any node, and it gets more when there is more', () => {
  const book = new ChannelBook();
  const [one, two] = [new Node(book, 'one'), new Node(book, 'two')];
  const limits = { total: 10, shares: { a: { reserved: 4 }, b: { most: 3 } } };
  expect(times(5, () => one.take(limits, 'c', 'out'))).toBe(5);
  expect(times(5, () => two.take(limits, 'c', 'out'))).toBe(1);
  expect(times(9, () => two.take(limits, 'a', 'out'))).toBe(4);
  for (let n = 0; n < 5; n++) one.release('c', 'out');
  expect(times(9, () => one.take(limits, 'b', 'out'))).toBe(3);
  expect(times(9, () => one.take(limits, 'a', 'out'))).toBe(2);
  expect(book.used('t')).toEqual({ a: { in: 0, out: 6 }, b: { in: 0, out: 3 }, c: { in: 0, out: 1 } });
});

it('MT-2 outgoing calls leave room for callers; a caller is there already and gets any channel that is free', () => {
  const node = new Node(new ChannelBook());
  const limits = { total: 5, keptForCallers: 2, shares: { a: { reserved: 1 } } };
  expect(times(9, () => node.take(limits, 'b', 'out'))).toBe(2);
  expect(times(9, () => node.take(limits, 'b', 'in'))).toBe(3);
  expect(node.take(limits, 'a', 'out')).toBe(false);
});

it('MT-6 what is reserved is left where the limit is that of outgoing calls', () => {
  const node = new Node(new ChannelBook());
  const limits = { total: 10, out: 5, shares: { a: { reserved: 2 } } };
  expect(times(9, () => node.take(limits, 'b', 'out'))).toBe(3);
  expect(times(9, () => node.take(limits, 'a', 'out'))).toBe(2);
  expect(times(9, () => node.take(limits, 'b', 'in'))).toBe(5);
});

it('MT-6 a trunk that shrinks ends no call and takes no new one until it has room', () => {
  const node = new Node(new ChannelBook());
  times(4, () => node.take({ total: 5 }, 'a', 'out'));
  expect(node.take({ total: 2 }, 'a', 'in')).toBe(false);
  for (let n = 0; n < 3; n++) node.release('a', 'out');
  expect(times(5, () => node.take({ total: 2 }, 'a', 'out'))).toBe(1);
});

it('MT-6 many calls at once: callers first, then each account what it may have', () => {
  const book = new ChannelBook();
  const want = { a: { in: 0, out: 9 }, b: { in: 2, out: 9 } };
  const limits = { total: 8, shares: { b: { reserved: 3 } } };
  const granted = book.ask({ node: 'n', trunk: 't', held: {}, want }, limits);
  expect(granted).toEqual({ a: { in: 0, out: 5 }, b: { in: 2, out: 1 } });
});

it('MT-6 never above the limit of a trunk, and never a reservation given away, in 1,000 random schedules', () => {
  const accounts = ['a', 'b', 'c', 'd'] as const;
  const step = fc.record({
    what: fc.constantFrom('call', 'call', 'call', 'caller', 'end', 'end', 'configure', 'die'),
    account: fc.constantFrom(...accounts),
    node: fc.nat(2),
    value: fc.nat(1000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const book = new ChannelBook();
      const nodes = ['x', 'y', 'z'].map((name) => new Node(book, name));
      let limits = { total: 7, keptForCallers: 1, shares: { a: { reserved: 2 }, b: { most: 2 } } };
      // The model: every call by itself.
      let calls: { node: Node; account: string; direction: Direction }[] = [];
      const count = (account?: string, direction?: Direction): number =>
        calls.filter(
          (call) => call.account === (account ?? call.account) && call.direction === (direction ?? call.direction),
        ).length;
      for (const { what, account, node: index, value } of steps) {
        const node = nodes[index];
        if (node === undefined) continue;
        if (what === 'configure') {
          const total = 1 + (value % 12);
          const shares = { a: { reserved: Math.min(total, value % 4) }, b: { most: 1 + (value % 3) } };
          limits = { total, keptForCallers: value % 2, shares };
        } else if (what === 'caller') {
          const isFree = calls.length < limits.total;
          expect(node.take(limits, account, 'in')).toBe(isFree);
          if (isFree) calls.push({ node, account, direction: 'in' });
        } else if (what === 'call') {
          const before = calls.length;
          const isReserved = account === 'a' && count('a') < limits.shares.a.reserved;
          const isTaken = node.take(limits, account, 'out');
          if (isTaken) calls.push({ node, account, direction: 'out' });
          if (isReserved) expect(isTaken, 'reserved').toBe(before < limits.total);
          if (!isTaken) continue;
          expect(calls.length).toBeLessThanOrEqual(limits.total);
          if (account === 'b') expect(count('b', 'out')).toBeLessThanOrEqual(limits.shares.b.most);
          if (isReserved) continue;
          const promised = Math.max(0, limits.shares.a.reserved - count('a'));
          const forCallers = Math.max(0, limits.keptForCallers - count(undefined, 'in'));
          expect(limits.total - calls.length, 'left').toBeGreaterThanOrEqual(promised + forCallers);
        } else if (what === 'end') {
          const [ended] = calls.splice(value % Math.max(1, calls.length), 1);
          ended?.node.release(ended.account, ended.direction);
        } else {
          book.forget(node.name);
          node.held = {};
          calls = calls.filter((call) => call.node !== node);
        }
        const used = book.used('t');
        for (const each of accounts) {
          const { in: incoming = 0, out = 0 } = used[each] ?? {};
          expect([incoming, out]).toEqual([count(each, 'in'), count(each, 'out')]);
        }
      }
    }),
    { numRuns: 1000 },
  );
});
