import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TrunkChannels } from './channels.ts';
import type { CallDirection, ChannelLease } from './channels.ts';

describe('channels of a trunk', () => {
  it('limits the total and each direction', () => {
    const channels = new TrunkChannels();
    const trunk = { sid: 'TK1', channels: { total: 3, in: 2 } };
    const first = channels.acquire(trunk, 'in');
    expect(channels.acquire(trunk, 'in')).toBeDefined();
    expect(channels.acquire(trunk, 'in')).toBeUndefined();
    expect(channels.acquire(trunk, 'out')).toBeDefined();
    expect(channels.acquire(trunk, 'out')).toBeUndefined();
    first?.release();
    first?.release();
    expect(channels.used('TK1')).toEqual({ in: 1, out: 1 });
    expect(channels.acquire(trunk, 'out')).toBeDefined();
    expect(channels.hasFree({ sid: 'TK2', channels: {} }, 'out')).toBe(true);
  });

  it('MT-6 never exceeds a limit, frees each channel exactly once, forgets idle trunks: any order of calls', () => {
    const limit = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('take' as const),
        trunk: fc.integer({ min: 0, max: 2 }),
        direction: fc.constantFrom<CallDirection>('in', 'out'),
      }),
      fc.record({ kind: fc.constant('free' as const), at: fc.nat(20) }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(limit, limit, limit), { minLength: 3, maxLength: 3 }),
        fc.array(step, { maxLength: 80 }),
        (limits, steps) => {
          const trunks = limits.map(([total, incoming, out], i) => ({
            sid: `TK${String(i)}`,
            channels: {
              ...(total === undefined ? {} : { total }),
              ...(incoming === undefined ? {} : { in: incoming }),
              ...(out === undefined ? {} : { out }),
            },
          }));
          const channels = new TrunkChannels();
          const held: { lease: ChannelLease; sid: string; direction: CallDirection; open: boolean }[] = [];
          for (const move of steps) {
            if (move.kind === 'take') {
              const trunk = trunks[move.trunk]!;
              const lease = channels.acquire(trunk, move.direction);
              const mine = held.filter(({ sid, open }) => open && sid === trunk.sid);
              const same = mine.filter(({ direction }) => direction === move.direction);
              const free =
                mine.length < (trunk.channels.total ?? Infinity) &&
                same.length < (trunk.channels[move.direction] ?? Infinity);
              expect(lease !== undefined).toBe(free);
              if (lease !== undefined) held.push({ lease, sid: trunk.sid, direction: move.direction, open: true });
            } else {
              // Also ones that were freed before: nothing may come of it.
              const one = held[move.at % Math.max(1, held.length)];
              one?.lease.release();
              if (one !== undefined) one.open = false;
            }
            expect(channels.size).toBe(held.filter(({ open }) => open).length);
          }
          for (const { lease } of held) lease.release();
          expect(channels.size).toBe(0);
          for (const { sid } of trunks) expect(channels.used(sid)).toEqual({ in: 0, out: 0 });
        },
      ),
    );
  });
});
