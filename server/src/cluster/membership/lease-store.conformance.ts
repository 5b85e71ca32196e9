import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../bus/testing/eventually.ts';
import type { LeaseChange, LeaseStore, NodeLease } from './ports.ts';

export function nodeLease(node: string, more: Partial<NodeLease> = {}): NodeLease {
  const lease = {
    fence: 1,
    roles: ['call'],
    addresses: { sip: '127.0.0.1:5060' },
    startedAt: 5,
    renewals: 0,
    tasks: [],
  };
  return { kind: 'node', node, ...lease, ...more };
}

/** The contract of {@link LeaseStore}: `open` gives two processes' stores with the same, empty content. */
export function leaseStoreConformance(name: string, open: () => Promise<readonly [LeaseStore, LeaseStore]>): void {
  describe(`leases: ${name}`, () => {
    let a: LeaseStore;
    let b: LeaseStore;
    beforeEach(async () => {
      [a, b] = await open();
      await Promise.all([a.ready, b.ready]);
    });
    afterEach(() => {
      a.close();
      b.close();
    });

    it('gives back what was written, and shows it to others', async () => {
      const record = nodeLease('n 1', { dead: { by: 'n2', at: 7, done: false } });
      const seen: LeaseChange[] = [];
      b.onChange((change) => seen.push(change));
      const revision = await a.create('node/n 1', record);
      expect(await b.get('node/n 1')).toEqual({ record, revision });
      await eventually(() => {
        expect(b.view('node/n 1')).toEqual({ record, revision });
      });
      expect([...b.entries()]).toEqual([['node/n 1', record]]);
      expect(seen).toEqual([{ kind: 'set', key: 'node/n 1', record, revision }]);
    });

    it('creates once', async () => {
      await a.create('node/x', nodeLease('x'));
      await expect(b.create('node/x', nodeLease('x'))).rejects.toMatchObject({ reason: 'conflict' });
    });

    it('updates and removes the revision named and no other; of two at once one wins', async () => {
      const first = await a.create('task/t/0', { kind: 'shard', node: 'x', nodeFence: 1 });
      const race = await Promise.allSettled([
        a.update('task/t/0', { kind: 'shard', node: 'a', nodeFence: 2 }, first),
        b.update('task/t/0', { kind: 'shard', node: 'b', nodeFence: 3 }, first),
      ]);
      expect(race.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      await expect(a.remove('task/t/0', first)).rejects.toMatchObject({ reason: 'conflict' });
      const held = await a.get('task/t/0');
      await b.remove('task/t/0', held?.revision ?? 0);
      expect(await a.get('task/t/0')).toBeUndefined();
    });

    it('tells of a removal, and takes the key anew with a higher revision', async () => {
      const removed: LeaseChange[] = [];
      b.onChange((change) => {
        if (change.kind === 'removed') removed.push(change);
      });
      const first = await a.create('node/y', nodeLease('y'));
      await a.remove('node/y', first);
      await eventually(() => {
        expect(removed).toEqual([{ kind: 'removed', key: 'node/y', why: 'deleted' }]);
      });
      expect(await a.create('node/y', nodeLease('y'))).toBeGreaterThan(first);
    });

    it('has one epoch for all, in milliseconds', async () => {
      const epoch = await a.epoch();
      await a.create('node/z', nodeLease('z'));
      expect(await b.epoch()).toBe(epoch);
      expect(Number.isSafeInteger(epoch)).toBe(true);
    });
  });
}
