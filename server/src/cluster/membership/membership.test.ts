import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../kernel/index.ts';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { nodeLease } from './lease-store.conformance.ts';
import { MemoryLeases } from './lease-store.memory.ts';
import type { MemoryLeaseStore } from './lease-store.memory.ts';
import { ClusterMembership } from './membership.ts';
import type { JoinOptions } from './membership.ts';
import { PausableClock } from './testing/pausable-clock.ts';
import { RecordedTask } from './testing/recorded-task.ts';

interface Node {
  readonly it: ClusterMembership;
  readonly store: MemoryLeaseStore;
  readonly clock: PausableClock;
  readonly swept: string[];
  readonly heard: string[];
}

/** The times below are told in these. */
const TIMING = { leaseMs: 10_000, renewMs: 3_000 };

let clock: FakeClock;
let leases: MemoryLeases;
let open: ClusterMembership[];

beforeEach(() => {
  clock = new FakeClock();
  leases = new MemoryLeases();
  open = [];
});
afterEach(async () => {
  leases.up();
  await Promise.all(open.map((member) => member.leave()));
  expect(clock.pendingTimers).toBe(0);
});

async function join(node: string, more: Partial<JoinOptions> = {}): Promise<Node> {
  const store = leases.open();
  const own = new PausableClock(clock);
  const parts = { store, node, roles: ['call'], clock: own, log: silentLog, timing: TIMING };
  const member = await ClusterMembership.join({ ...parts, ...more });
  open.push(member);
  const [swept, heard]: [string[], string[]] = [[], []];
  member.registerSweep({
    name: 'things',
    sweep: (dead, fence) => {
      swept.push(`${dead} ${String(fence > 0)}`);
      return Promise.resolve();
    },
  });
  member.on('joined', (joined) => heard.push(`+${joined.node}`));
  member.on('left', ({ member: gone, reason }) => heard.push(`-${gone.node} ${reason}`));
  member.startSweeping();
  return { it: member, store, clock: own, swept, heard };
}

const names = (node: Node): string[] =>
  node.it
    .members()
    .map((member) => member.node)
    .sort();

/** Dies without a word. */
function kill(node: Node): void {
  node.it.abandon();
  open.splice(open.indexOf(node.it), 1);
}

describe('members', () => {
  it('know each other from the start, with rising fences, and hear who comes and goes', async () => {
    const a = await join('a');
    const b = await join('b', { addresses: { sip: '127.0.0.1:1' } });
    expect(names(a)).toEqual(['a', 'b']);
    expect(names(b)).toEqual(['a', 'b']);
    expect(b.it.fence).toBeGreaterThan(a.it.fence);
    expect(a.it.members().find(({ node }) => node === 'b')).toMatchObject({
      fence: b.it.fence,
      roles: ['call'],
      addresses: { sip: '127.0.0.1:1' },
    });
    await clock.advanceAsync(60_000);
    expect(a.it.isAlive('b')).toBe(true);
    await b.it.leave();
    expect(a.it.isAlive('b')).toBe(false);
    expect(a.heard).toEqual(['+b', '-b stopped']);
    await clock.advanceAsync(60_000);
    expect(a.swept).toEqual([]);
  });

  it('BR-7 of three, one that died is swept once, by one of the others, no earlier than its lease ran out', async () => {
    const [a, b, c] = [await join('a'), await join('b'), await join('c')];
    await clock.advanceAsync(30_000);
    kill(b);
    await clock.advanceAsync(9_000);
    expect(a.it.isAlive('b')).toBe(true);
    await clock.advanceAsync(7_000);
    expect([...a.swept, ...c.swept]).toEqual(['b true']);
    expect([a.heard, c.heard].map((heard) => heard.at(-1))).toEqual(['-b expired', '-b expired']);
    await clock.advanceAsync(60_000);
    expect([...a.swept, ...c.swept]).toEqual(['b true']);
  });

  it('an outage of the store expires nobody, however long: who is gone for good is found a lease time after it', async () => {
    const [a, b, c] = [await join('a'), await join('b'), await join('c')];
    await clock.advanceAsync(30_000);
    leases.down();
    await clock.advanceAsync(600_000);
    kill(c);
    expect(a.it.standing).toBe('doubtful');
    expect(names(a)).toEqual(['a', 'b', 'c']);
    leases.up();
    await clock.advanceAsync(0);
    expect(a.it.standing).toBe('held');
    await clock.advanceAsync(9_900);
    expect(names(a)).toEqual(['a', 'b', 'c']);
    await clock.advanceAsync(6_000);
    expect(names(a)).toEqual(['a', 'b']);
    expect([...a.swept, ...b.swept]).toEqual(['c true']);
  });

  it('a new node judges nobody before it has been there for a whole lease time', async () => {
    const b = await join('b');
    await clock.advanceAsync(3_000);
    kill(b);
    await clock.advanceAsync(60_000);
    const a = await join('a');
    await clock.advanceAsync(9_000);
    expect(a.it.isAlive('b')).toBe(true);
    await clock.advanceAsync(6_000);
    expect(a.swept).toEqual(['b true']);
  });

  it('a store that lost everything gets the leases back, fences as they were; new ones are higher still', async () => {
    leases.revision = 5_000;
    const [a, b] = [await join('a'), await join('b')];
    const before = [a.it.fence, b.it.fence];
    await clock.advanceAsync(30_000);
    leases.down();
    leases.wipe();
    await clock.advanceAsync(60_000);
    leases.up();
    await clock.advanceAsync(30_000);
    expect([a.it.fence, b.it.fence]).toEqual(before);
    expect([a.it.standing, b.it.standing, ...names(a)]).toEqual(['held', 'held', 'a', 'b']);
    expect([...a.swept, ...b.swept]).toEqual([]);
    expect((await join('c')).it.fence).toBeGreaterThan(Math.max(...before));
  });

  it('who was lost with the store and does not come back is swept', async () => {
    const [a, b] = [await join('a'), await join('b')];
    await clock.advanceAsync(30_000);
    leases.down();
    leases.wipe();
    kill(b);
    leases.up();
    await clock.advanceAsync(9_000);
    expect(a.it.isAlive('b')).toBe(true);
    await clock.advanceAsync(20_000);
    expect(a.swept).toEqual(['b true']);
    expect(a.it.isAlive('b')).toBe(false);
  });
});

describe('a process that wakes up', () => {
  it('after its lease was taken: holds back what it publishes at once, then finds itself fenced, for good', async () => {
    const [a, b] = [await join('a'), await join('b')];
    await clock.advanceAsync(30_000);
    const { fence } = b.it;
    b.clock.pause();
    b.store.cut();
    await clock.advanceAsync(30_000);
    expect(a.swept).toEqual(['b true']);
    expect(a.it.isFenced('b', fence)).toBe(true);
    expect(a.it.isFenced('a', a.it.fence)).toBe(false);
    // Awake, before a single timer or message was handled.
    expect(b.it.publishGate).toBe('held');
    b.clock.resume();
    expect(b.it.publishGate).toBe('held');
    b.store.mend();
    await clock.advanceAsync(0);
    expect(b.it.standing).toBe('lost');
    expect(b.it.publishGate).toBe('shut');
    expect(b.it.isAlive('b')).toBe(false);
    await clock.advanceAsync(60_000);
    expect(b.it.standing).toBe('lost');
    expect(b.swept).toEqual([]);
    expect(names(a)).toEqual(['a']);
  });

  it('judges nobody by what it has missed', async () => {
    const [a, b] = [await join('a'), await join('b')];
    await clock.advanceAsync(30_000);
    // Both sleep, as on one machine that was suspended; one wakes up first.
    for (const node of [a, b]) {
      node.clock.pause();
      node.store.cut();
    }
    await clock.advanceAsync(3_600_000);
    a.store.mend();
    a.clock.resume();
    await clock.advanceAsync(8_000);
    b.store.mend();
    b.clock.resume();
    await clock.advanceAsync(60_000);
    expect([a.it.standing, b.it.standing, ...a.swept, ...b.swept]).toEqual(['held', 'held']);
  });

  it('when nobody took it: goes on with the same fence', async () => {
    const a = await join('a');
    const { fence } = a.it;
    a.clock.pause();
    await clock.advanceAsync(100_000);
    expect(a.it.publishGate).toBe('held');
    a.clock.resume();
    await clock.advanceAsync(0);
    expect([a.it.publishGate, a.it.fence]).toEqual(['open', fence]);
  });
});

describe('the sweeper', () => {
  it('takes the lease of an earlier life at once, without waiting', async () => {
    const before = await join('a1');
    await clock.advanceAsync(3_000);
    kill(before);
    const now = await join('a2', { predecessor: 'a1' });
    expect(names(now)).toEqual(['a2']);
    await clock.advanceAsync(0);
    expect(now.swept).toEqual(['a1 true']);
  });

  it('goes on where another one died', async () => {
    const [a, b] = [await join('a'), await join('b')];
    a.it.registerSweep({ name: 'stuck', sweep: () => new Promise(() => undefined) });
    b.it.registerSweep({ name: 'stuck', sweep: () => Promise.resolve() });
    await clock.advanceAsync(30_000);
    const dead = nodeLease('c', { fence: 3, dead: { by: 'a', at: clock.now(), done: false } });
    await a.store.create('node/c', dead);
    await clock.advanceAsync(4_000);
    expect([a.swept, b.swept]).toEqual([['c true'], []]);
    kill(a);
    await clock.advanceAsync(30_000);
    expect(b.swept.sort()).toEqual(['a true', 'c true']);
    expect(b.store.view('node/c')?.record).toMatchObject({ dead: { by: 'b', done: true } });
  });

  it('repeats what failed, and forgets the dead after an hour', async () => {
    const a = await join('a');
    let failures = 2;
    a.it.registerSweep({
      name: 'fails',
      sweep: () => (failures-- > 0 ? Promise.reject(new Error('not now')) : Promise.resolve()),
    });
    const b = await join('b');
    await clock.advanceAsync(12_000);
    kill(b);
    await clock.advanceAsync(30_000);
    expect(a.swept).toHaveLength(3);
    expect(a.store.view('node/b')?.record).toMatchObject({ dead: { done: true } });
    await clock.advanceAsync(3_700_000);
    expect(a.store.view('node/b')).toBeUndefined();
    expect(a.swept).toHaveLength(3);
  });

  it('finds owners that have no lease at all', async () => {
    const a = await join('a');
    const things = new Set(['ghost', 'a']);
    a.it.registerSweep({
      name: 'owned',
      owners: () => things,
      sweep: (node) => {
        things.delete(node);
        return Promise.resolve();
      },
    });
    await clock.advanceAsync(15_000);
    expect([...things]).toEqual(['ghost', 'a']);
    await clock.advanceAsync(30_000);
    expect([...things]).toEqual(['a']);
    expect(a.swept).toEqual(['ghost false']);
  });
});

describe('work with a single doer', () => {
  const offer = (node: Node, shards = 4): RecordedTask => {
    const task = new RecordedTask('projector', shards);
    node.it.singleDoer.offer(task);
    return task;
  };
  const counts = (...tasks: RecordedTask[]): number[] => tasks.map(({ doing }) => doing.size);

  it('starts at once on one node, and is balanced when others come', async () => {
    const a = await join('a');
    const one = offer(a);
    await clock.advanceAsync(0);
    expect(counts(one)).toEqual([4]);
    const b = await join('b');
    const two = offer(b);
    await clock.advanceAsync(100);
    expect(counts(one, two)).toEqual([2, 2]);
    const three = offer(await join('c'));
    await clock.advanceAsync(100);
    expect(counts(one, two, three).sort()).toEqual([1, 1, 2]);
  });

  it('is given back by a node that stops, and handed over after a death; the fence rises with every change of hands', async () => {
    const [a, b, c] = [await join('a'), await join('b'), await join('c')];
    const [one, two, three] = [offer(a), offer(b), offer(c)];
    await clock.advanceAsync(15_000);
    await c.it.leave();
    await clock.advanceAsync(0);
    expect(counts(one, two, three)).toEqual([2, 2, 0]);
    kill(b);
    await clock.advanceAsync(9_000);
    expect(counts(one)).toEqual([2]);
    await clock.advanceAsync(8_000);
    expect(counts(one)).toEqual([4]);
    for (let shard = 0; shard < 4; shard++) {
      const fences = [three, two, one].flatMap((task) => task.fences).filter((duty) => duty.shard === shard);
      const last = Math.max(...fences.map(({ fence }) => fence));
      expect(one.doing.get(shard)).toBe(last);
      expect(new Set(fences.map(({ fence }) => fence)).size).toBe(fences.length);
    }
  });

  it('is dropped by a node in doubt before another one can begin', async () => {
    const [a, b] = [await join('a'), await join('b')];
    const [one, two] = [offer(a), offer(b)];
    await clock.advanceAsync(30_000);
    b.store.cut();
    for (let step = 0; step < 300; step++) {
      await clock.advanceAsync(100);
      const both = [...one.doing.keys()].filter((shard) => two.doing.has(shard));
      expect(both).toEqual([]);
    }
    expect(counts(one, two)).toEqual([4, 0]);
    b.store.mend();
    await clock.advanceAsync(0);
    expect(b.it.standing).toBe('lost');
  });

  it('is not taken from a node that has not yet written itself back into a store that lost everything', async () => {
    const [a, b] = [await join('a'), await join('b')];
    // The odd shard is one of `b`: `a` would take it, when it seems to be free.
    const two = offer(b, 5);
    await clock.advanceAsync(3_000);
    const one = offer(a, 5);
    await clock.advanceAsync(30_000);
    expect([...two.doing.keys()].sort()).toEqual([0, 1, 2]);
    const mine = new Set(two.doing.keys());
    leases.down();
    leases.wipe();
    a.store.mend();
    for (let step = 0; step < 60; step++) {
      await clock.advanceAsync(100);
      expect([...one.doing.keys()].filter((shard) => two.doing.has(shard) && mine.has(shard))).toEqual([]);
    }
    b.store.mend();
    await clock.advanceAsync(30_000);
    expect(counts(one, two).sort()).toEqual([2, 3]);
    expect([a.it.standing, b.it.standing, ...a.swept, ...b.swept]).toEqual(['held', 'held']);
  });

  it('is resumed with new fences after an outage of the store', async () => {
    const a = await join('a');
    const one = offer(a);
    await clock.advanceAsync(0);
    leases.down();
    await clock.advanceAsync(20_000);
    expect(counts(one)).toEqual([0]);
    leases.up();
    await clock.advanceAsync(5_000);
    expect(counts(one)).toEqual([4]);
    expect(new Set(one.fences.map(({ fence }) => fence)).size).toBe(8);
  });

  it('moves on when its holder no longer offers it; what returns early is called again', async () => {
    const a = await join('a');
    let calls = 0;
    const stop = a.it.singleDoer.offer({
      name: 'short',
      shards: 1,
      run: () => {
        calls++;
        return calls === 1 ? Promise.reject(new Error('oops')) : Promise.resolve();
      },
    });
    await clock.advanceAsync(7_000);
    expect(calls).toBe(3);
    await stop();
    await clock.advanceAsync(20_000);
    expect(calls).toBe(3);
    expect(a.store.view('task/short/0')).toBeUndefined();
  });
});
