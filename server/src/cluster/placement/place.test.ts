import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PLACEMENT_POLICY, place, roomOf } from './place.ts';
import type { Candidate } from './ports.ts';

const node = (name: string, more: Partial<Candidate> = {}): Candidate => ({
  node: name,
  ...{
    channels: 0,
    pending: 0,
    capacity: 10,
    cpu: 0,
    loopLagMs: 0,
    packetsPerSecond: 0,
    draining: false,
    startedAt: 0,
  },
  ...more,
});
const chosen = (...nodes: Candidate[]): string | undefined => place(nodes, PLACEMENT_POLICY)?.node;

it('MT-2 the fullest node that has room is filled first, so that others run empty', () => {
  expect(chosen(node('a', { channels: 2 }), node('b', { channels: 5 }), node('c'))).toBe('b');
  expect(chosen(node('a', { channels: 2, pending: 4 }), node('b', { channels: 5 }))).toBe('a');
  expect(chosen(node('b', { startedAt: 1 }), node('a', { startedAt: 2 }))).toBe('b');
  expect(chosen(node('b'), node('a'))).toBe('a');
  expect(chosen()).toBeUndefined();
});

it('MT-2 a part of each node is kept for callers, and a node that is busy gets nothing', () => {
  expect(roomOf(node('a', { channels: 4, pending: 1 }), PLACEMENT_POLICY)).toBe(4);
  expect(roomOf(node('a', { channels: 9 }), PLACEMENT_POLICY)).toBe(0);
  expect(roomOf(node('a', { channels: 30 }), PLACEMENT_POLICY)).toBe(0);
  for (const busy of [{ cpu: 0.9 }, { loopLagMs: 200 }, { packetsPerSecond: 1e6 }, { draining: true }]) {
    expect(chosen(node('a', { channels: 5, ...busy }), node('b'))).toBe('b');
  }
});

it('MT-2 never beyond the capacity less the reserve, and no room is left unused, over random nodes', () => {
  const candidate = fc.record({
    capacity: fc.integer({ min: 0, max: 20 }),
    channels: fc.nat(25),
    draining: fc.boolean(),
    cpu: fc.constantFrom(0.1, 0.5, 0.95),
  });
  fc.assert(
    fc.property(fc.array(candidate, { maxLength: 6 }), fc.constantFrom(0, 0.1, 0.5), (given, inboundReserve) => {
      const policy = { ...PLACEMENT_POLICY, inboundReserve };
      const nodes = given.map((each, at) => node(`n${at}`, each));
      const room = nodes.reduce((sum, each) => sum + roomOf(each, policy), 0);
      let placed = 0;
      for (;;) {
        const best = place(nodes, policy);
        if (best === undefined) break;
        const at = nodes.indexOf(best);
        nodes[at] = { ...best, pending: best.pending + 1 };
        placed++;
        expect(best.channels + best.pending + 1).toBeLessThanOrEqual(best.capacity * (1 - inboundReserve));
      }
      expect(placed).toBe(room);
    }),
  );
});
