import { expect, it } from 'vitest';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import type { ChannelLimits, ChannelUse } from '../channels/index.ts';
import { CallQueue } from '../scheduler/index.ts';
import type { Waiting } from '../scheduler/index.ts';
import { TrunkOpenings } from './trunk-openings.ts';

const FREE = { weight: 1, callsPerSecond: 1e6, burst: 1e6, concurrent: 1e6 };

/** A queue whose calls need the trunks that their number names, and nodes that a test plays. */
class World {
  readonly clock = new FakeClock();
  limits: Record<string, ChannelLimits> = {};
  used: Record<string, ChannelUse> = {};
  asked = 0;
  isAway = false;
  fresh = 0;
  readonly queue = new CallQueue<Waiting>(() => FREE);
  readonly openings = new TrunkOpenings({
    trunks: {
      trunksOf: ({ order }) => {
        const trunks = (order as string).split(' ');
        return trunks.every((trunk) => trunk in this.limits) ? trunks : undefined;
      },
      limitsOf: (trunk) => this.limits[trunk],
      used: (trunks) => {
        this.asked++;
        if (this.isAway) return Promise.reject(new Error('nobody counts'));
        return Promise.resolve(Object.fromEntries(trunks.map((trunk) => [trunk, this.used[trunk] ?? {}])));
      },
    },
    clock: this.clock,
    log: silentLog,
    onFresh: (pools) => {
      this.fresh++;
      for (const pool of pools) this.queue.freed(pool);
    },
  });
  #calls = 0;

  add(accountSid: string, order: string): string {
    const callSid = `CA${++this.#calls}`;
    const pool = this.openings.poolOf({ accountSid, order });
    this.queue.add({ callSid, accountSid, queuedAt: this.#calls, pool }, this.clock.now());
    return callSid;
  }

  /** Hands out what can be; the nodes take each. @returns whose calls they are */
  pump(): string[] {
    const placed: string[] = [];
    for (;;) {
      const call = this.queue.take(this.clock.now(), this.openings);
      if (call === undefined) break;
      this.openings.taken(call);
      this.openings.answered(call, 'placed');
      placed.push(call.accountSid);
    }
    this.openings.look();
    return placed;
  }

  async pass(ms: number): Promise<string[]> {
    this.clock.advance(ms);
    await settle();
    return this.pump();
  }
}

it('MT-6 calls wait while the trunk for them is full, and begin when it has room; others do not wait for them', async () => {
  const world = new World();
  world.limits['t'] = { total: 2 };
  for (let n = 0; n < 4; n++) world.add('a', 't');
  world.add('b', 'u');
  expect(world.pump().sort()).toEqual(['a', 'a', 'b']);
  expect(world.queue.size.waiting).toBe(2);
  expect(world.openings.left('t')).toBe(0);
  world.used['t'] = { a: { in: 0, out: 2 } };
  expect(await world.pass(500)).toEqual([]);
  expect(await world.pass(500)).toEqual([]);
  world.used['t'] = { a: { in: 0, out: 1 } };
  expect(await world.pass(500)).toEqual(['a']);
  world.used['t'] = {};
  expect(await world.pass(500)).toEqual(['a']);
});

it('MT-6 nobody is asked about channels while no call waits for one', async () => {
  const world = new World();
  world.limits['t'] = { total: 2 };
  world.add('a', 't');
  expect(world.pump()).toEqual(['a']);
  await world.pass(10_000);
  expect(world.asked).toBe(0);
});

it('MT-6 a call that has ended is looked after soon', async () => {
  const world = new World();
  world.limits['t'] = { total: 1 };
  for (let n = 0; n < 2; n++) world.add('a', 't');
  world.pump();
  world.used['t'] = { a: { in: 0, out: 1 } };
  expect(await world.pass(0)).toEqual([]);
  world.used['t'] = {};
  world.openings.look(true);
  expect(await world.pass(50)).toEqual(['a']);
});

it('MT-6 an account that has all it may have is passed over, and gets what is reserved for it though the others wait', async () => {
  const world = new World();
  world.limits['t'] = { total: 4, shares: { a: { most: 1 }, c: { reserved: 1 } } };
  for (const account of ['a', 'a', 'b', 'b', 'b']) world.add(account, 't');
  expect(world.pump().sort()).toEqual(['a', 'b', 'b']);
  world.add('c', 't');
  expect(world.pump()).toEqual(['c']);
  expect([...world.openings.kept('t')]).toEqual([]);
  world.used['t'] = { c: { in: 0, out: 1 } };
  // Of three that are left for all a may have one; b has two, and what is left of three is its third.
  expect((await world.pass(500)).sort()).toEqual(['a', 'b']);
});

it('MT-6 where a node found no channel none is tried until somebody was asked', async () => {
  const world = new World();
  world.limits = { t: { total: 5 }, v: { total: 5 } };
  for (let n = 0; n < 2; n++) world.add('a', 't v');
  const call = world.queue.take(0, world.openings)!;
  world.openings.taken(call);
  world.openings.answered(call, 'no-channel');
  world.queue.ended('a', 0);
  world.queue.add(call, 0);
  expect(world.pump()).toEqual([]);
  expect(world.openings.left('t v')).toBe(0);
  world.used['v'] = { z: { in: 4, out: 0 } };
  world.used['t'] = { z: { in: 5, out: 0 } };
  expect(await world.pass(500)).toEqual(['a']);
  world.used['v'] = { z: { in: 4, out: 0 }, a: { in: 0, out: 1 } };
  expect(await world.pass(500)).toEqual([]);
});

it('MT-6 a call that could never have a channel is not kept waiting for one', () => {
  const world = new World();
  world.limits = { none: { total: 0 }, own: { total: 2, shares: { a: { most: 0 } } } };
  expect(world.openings.poolOf({ accountSid: 'a', order: 'none' })).toBe('');
  expect(world.openings.poolOf({ accountSid: 'a', order: 'none own' })).toBe('');
  expect(world.openings.poolOf({ accountSid: 'b', order: 'none own' })).toBe('own');
});

it('MT-6 calls that wait are placed when their trunk has no limit any more, or a higher one, or is gone', () => {
  for (const change of [undefined, {}, { total: 2 }]) {
    const world = new World();
    world.limits['t'] = { total: 1 };
    for (let n = 0; n < 2; n++) world.add('a', 't');
    expect(world.pump()).toEqual(['a']);
    if (change === undefined) delete world.limits['t'];
    else world.limits['t'] = change;
    world.openings.trunksChanged();
    expect(world.openings.left('t')).toBe(change?.total === 2 ? 1 : Infinity);
    expect(world.pump()).toEqual(['a']);
  }
});

it('MT-6 while nobody counts channels calls wait, and somebody is asked again and again', async () => {
  const world = new World();
  world.limits['t'] = { total: 1 };
  for (let n = 0; n < 2; n++) world.add('a', 't');
  world.pump();
  world.isAway = true;
  for (let n = 0; n < 3; n++) expect(await world.pass(500)).toEqual([]);
  expect(world.asked).toBeGreaterThanOrEqual(3);
  world.isAway = false;
  expect(await world.pass(500)).toEqual(['a']);
  world.used['t'] = { a: { in: 0, out: 1 } };
  world.add('a', 't');
  world.pump();
  expect(world.clock.pendingTimers).toBe(1);
  world.openings.close();
  expect(world.clock.pendingTimers).toBe(0);
});
