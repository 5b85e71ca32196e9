import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom } from '../../kernel/index.ts';
import type { NodePresence, PresenceMembership } from './index.ts';
import { PresenceError } from './index.ts';
import { MemoryPresenceCluster } from './store.memory.ts';
import { ACCOUNT, StoredEvents, presenceNode } from './testing/presence-world.ts';

const TOPIC = 'app.room';
const PAGE = { limit: 1000 };

let clock: FakeClock;
let cluster: MemoryPresenceCluster;
let events: StoredEvents;
let connections: number;
beforeEach(() => {
  clock = new FakeClock();
  cluster = new MemoryPresenceCluster();
  events = new StoredEvents();
  connections = 0;
});

function join(presence: NodePresence, identity: string | undefined, topic = TOPIC, accountSid = ACCOUNT) {
  connections += 1;
  return presence.join({ accountSid, topic, connection: `c${connections}`, identity, info: undefined });
}
const who = (presence: NodePresence, topic = TOPIC): string[] =>
  presence.members(ACCOUNT, topic, PAGE).members.map(({ identity, connection }) => identity ?? connection);
const node = (name: string, more: object = {}): NodePresence =>
  presenceNode(cluster, events, { node: name, clock, ...more });

describe('members', () => {
  it('BR-7 a member is seen on every node once it is written, and told after that', async () => {
    const [a, b] = [node('a'), node('b')];
    let ready = false;
    const alice = join(a, 'alice');
    void alice.ready.then(() => (ready = true));
    expect([who(a), events.told, ready]).toEqual([[], [], false]);
    await clock.advanceAsync(50);
    expect([who(a), who(b), ready]).toEqual([['alice'], ['alice'], true]);
    expect(events.told).toEqual(['joined alice 1/1']);
    alice.leave('unsubscribed');
    alice.leave('unsubscribed');
    await clock.advanceAsync(50);
    expect([who(a), who(b)]).toEqual([[], []]);
    expect(events.told).toEqual(['joined alice 1/1', 'left alice 0/0']);
    expect(events.topics).toEqual(['presence.app.room.joined', 'presence.app.room.left']);
    expect(events.stored[1]?.data).toMatchObject({ connection: 'c1', node: 'a', reason: 'unsubscribed' });
    await clock.advanceAsync(5000);
    expect([cluster.records.size, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('shows identity, info and time, by page, and nothing of the store', async () => {
    const a = node('a');
    a.join({ accountSid: ACCOUNT, topic: TOPIC, connection: 'c2', identity: 'bob', info: { role: 'agent' } });
    a.join({ accountSid: ACCOUNT, topic: TOPIC, connection: 'c1', identity: undefined, info: undefined });
    await clock.advanceAsync(50);
    const since = Date.UTC(2030, 0, 1);
    const first = a.members(ACCOUNT, TOPIC, { limit: 1 });
    expect(first).toEqual({ members: [{ connection: 'c1', since }], occupancy: 2, next: 'c1' });
    expect(a.members(ACCOUNT, TOPIC, { limit: 1, after: first.next })).toEqual({
      members: [{ connection: 'c2', identity: 'bob', info: { role: 'agent' }, since }],
      occupancy: 2,
      next: undefined,
    });
  });

  it('BR-7 occupancy of all topics under a pattern, of one account', async () => {
    const a = node('a');
    join(a, 'alice', 'app.a.x');
    join(a, 'bob', 'app.a.x');
    join(a, 'alice', 'app.a.y');
    join(a, 'alice', 'app.b');
    join(a, 'eve', 'app.a.x', `AC${'b'.repeat(32)}`);
    await clock.advanceAsync(50);
    const [x, y, b] = [
      { topic: 'app.a.x', occupancy: 2 },
      { topic: 'app.a.y', occupancy: 1 },
      { topic: 'app.b', occupancy: 1 },
    ];
    expect(a.occupancy(ACCOUNT, 'app.>', PAGE)).toEqual({ topics: [x, y, b], next: undefined });
    expect(a.occupancy(ACCOUNT, 'app.a.*', { limit: 1 })).toEqual({ topics: [x], next: 'app.a.x' });
    expect(a.occupancy(ACCOUNT, 'app.a.*', { limit: 1, after: 'app.a.x' })).toEqual({ topics: [y], next: undefined });
  });

  it('changes of a moment are one write; a membership shorter than that is none', async () => {
    const a = node('a');
    const all = Array.from({ length: 100 }, (_, at) => join(a, `user${at}`));
    all[0]?.leave('disconnected');
    await clock.advanceAsync(50);
    expect([cluster.writes, who(a).length, events.told.length]).toEqual([1, 99, 99]);
    await clock.advanceAsync(5000);
    expect(cluster.writes).toBe(2);
  });

  it('many members are spread over records, so that a join does not write all of them', async () => {
    const a = node('a', { limits: { membersPerPart: 10 } });
    const all = Array.from({ length: 25 }, () => join(a, 'bot'));
    await clock.advanceAsync(5000);
    expect([...cluster.records.values()].map(({ record }) => record.members.length)).toEqual([10, 10, 5]);
    for (const member of all) member.leave('disconnected');
    await clock.advanceAsync(5000);
    expect([cluster.records.size, events.told.at(-1)]).toEqual([0, 'left bot 0/0']);
  });

  it('a full topic and a full account are told so', () => {
    const a = node('a', { limits: { membersPerTopic: 2, membersPerAccount: 3 } });
    join(a, 'alice');
    const bob = join(a, 'bob');
    expect(() => join(a, 'carol')).toThrow(PresenceError);
    join(a, 'carol', 'app.other');
    expect(() => join(a, 'dave', 'app.third')).toThrow(/account/);
    bob.leave('unsubscribed');
    join(a, 'dave');
  });
});

describe('events', () => {
  it('BR-7 the first and the last connection of an identity are known from its count, over nodes', async () => {
    const [a, b] = [node('a'), node('b')];
    const one = join(a, 'alice');
    await clock.advanceAsync(50);
    const two = join(b, 'alice');
    await clock.advanceAsync(50);
    one.leave('disconnected');
    two.leave('disconnected');
    await clock.advanceAsync(50);
    expect(events.told).toEqual(['joined alice 1/1', 'joined alice 2/2', 'left alice 1/1', 'left alice 0/0']);
  });

  it('a connection that replaces another in one moment does not empty the topic', async () => {
    const a = node('a');
    const old = join(a, 'alice');
    await clock.advanceAsync(50);
    old.leave('disconnected');
    join(a, 'alice');
    await clock.advanceAsync(50);
    expect(events.told).toEqual(['joined alice 1/1', 'joined alice 2/2', 'left alice 1/1']);
  });

  it('what the outbox refused is told later, joins before leaves', async () => {
    const a = node('a');
    events.refuse = true;
    const alice = join(a, 'alice');
    await clock.advanceAsync(700);
    alice.leave('disconnected');
    await clock.advanceAsync(700);
    expect(events.told).toEqual([]);
    events.refuse = false;
    await clock.advanceAsync(3000);
    expect(events.stored.map(({ type }) => type)).toEqual(['presence.joined', 'presence.left']);
    expect([cluster.records.size, clock.pendingTimers]).toEqual([0, 0]);
  });
});

describe('faults of the store', () => {
  it('an outage loses and doubles nothing', async () => {
    const [a, b] = [node('a'), node('b')];
    const alice = join(a, 'alice');
    await clock.advanceAsync(50);
    cluster.fault = 'unreachable';
    join(a, 'bob');
    alice.leave('disconnected');
    await clock.advanceAsync(60_000);
    expect([who(a), who(b)]).toEqual([['alice'], ['alice']]);
    cluster.fault = 'none';
    await clock.advanceAsync(3000);
    expect([who(a), who(b)]).toEqual([['bob'], ['bob']]);
    expect(events.told).toEqual(['joined alice 1/1', 'joined bob 1/2', 'left alice 0/1']);
  });

  it('a write whose answer was lost is not told twice', async () => {
    const a = node('a');
    cluster.fault = 'no-answer';
    const alice = join(a, 'alice');
    await clock.advanceAsync(5000);
    alice.leave('disconnected');
    await clock.advanceAsync(5000);
    cluster.fault = 'none';
    await clock.advanceAsync(5000);
    expect([events.told, cluster.records.size]).toEqual([['joined alice 1/1', 'left alice 0/0'], 0]);
  });

  it('a store that lost everything is filled again, without a word', async () => {
    const a = node('a');
    join(a, 'alice');
    await clock.advanceAsync(5000);
    cluster.lose();
    await clock.advanceAsync(5000);
    expect([who(a), events.told]).toEqual([['alice'], ['joined alice 1/1']]);
  });

  it('while the lease is in doubt nothing is written; after it was taken never again', async () => {
    let gate: 'open' | 'held' | 'shut' = 'held';
    const a = node('a', { gate: () => gate });
    const alice = join(a, 'alice');
    await clock.advanceAsync(5000);
    expect(cluster.writes).toBe(0);
    gate = 'open';
    await clock.advanceAsync(5000);
    expect(events.told).toEqual(['joined alice 1/1']);
    gate = 'shut';
    alice.leave('disconnected');
    await clock.advanceAsync(5000);
    expect([events.told.length, clock.pendingTimers]).toEqual([1, 0]);
  });
});

describe('death of a node', () => {
  it('BR-7 one leave for each of its members, none for others', async () => {
    const [a, b] = [node('a'), node('b')];
    join(a, 'alice');
    join(a, 'bob', 'app.other');
    join(b, 'alice');
    await clock.advanceAsync(5000);
    a.abandon();
    expect([...b.owners()].sort()).toEqual(['a', 'b']);
    await b.sweep('a');
    await b.sweep('a');
    expect(events.told.slice(3).sort()).toEqual(['left alice 1/1', 'left bob 0/0']);
    expect(events.stored.at(-1)?.data).toMatchObject({ node: 'a', reason: 'node-lost' });
    expect([who(b), [...b.owners()]]).toEqual([['alice'], ['b']]);
    await clock.advanceAsync(5000);
    expect(events.told).toHaveLength(5);
  });

  it('a node that died between writing and telling: others tell, once', async () => {
    const [a, b] = [node('a'), node('b')];
    const alice = join(a, 'alice');
    await clock.advanceAsync(5000);
    events.open = false;
    alice.leave('unsubscribed');
    join(a, 'bob');
    await clock.advanceAsync(50);
    // What it had emitted died with it, but for one event that was stored without its knowing.
    const [joined] = events.waiting.splice(0);
    a.abandon();
    if (joined !== undefined) events.stored.push(joined);
    events.open = true;
    await b.sweep('a');
    expect(events.told).toEqual(['joined alice 1/1', 'joined bob 1/2', 'left alice 0/1', 'left bob 0/0']);
  });

  it('a sweeper that dies in between is followed by another: still one leave each', async () => {
    const [a, b, c] = [node('a'), node('b'), node('c')];
    join(a, 'alice');
    join(a, 'bob', 'app.other');
    await clock.advanceAsync(5000);
    a.abandon();
    events.open = false;
    const first = b.sweep('a').catch((error: unknown) => error);
    await clock.advanceAsync(1000);
    const [told] = events.waiting.splice(0);
    b.abandon();
    if (told !== undefined) events.stored.push(told);
    events.open = true;
    await c.sweep('a');
    await clock.advanceAsync(20_000);
    expect(await first).toBeInstanceOf(PresenceError);
    expect(events.told.slice(2).sort()).toEqual(['left alice 0/0', 'left bob 0/0']);
    expect([cluster.records.size, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('a node that was taken for dead and wakes up brings nobody back', async () => {
    let gate: 'open' | 'shut' = 'open';
    const [a, b] = [node('a', { gate: () => gate }), node('b')];
    join(a, 'alice');
    await clock.advanceAsync(5000);
    gate = 'shut';
    await b.sweep('a');
    join(a, 'bob');
    await clock.advanceAsync(5000);
    expect(who(b)).toEqual([]);
  });
});

describe('shutdown', () => {
  it('tells every leave before it ends', async () => {
    const [a, b] = [node('a'), node('b')];
    join(a, 'alice');
    await clock.advanceAsync(5000);
    const closed = a.close();
    await clock.advanceAsync(200);
    await closed;
    expect([who(b), events.told.at(-1), clock.pendingTimers]).toEqual([[], 'left alice 0/0', 0]);
    expect(cluster.records.size).toBe(0);
  });

  it('does not wait for ever', async () => {
    const a = node('a');
    join(a, 'alice');
    cluster.fault = 'unreachable';
    const closed = a.close();
    await clock.advanceAsync(3000);
    await closed;
    expect(clock.pendingTimers).toBe(0);
  });
});

/** The life of one membership in what was stored. */
function checkHistory(stored: StoredEvents['stored'], alive: ReadonlySet<string>): void {
  const joined = new Map<string, number>();
  const left = new Map<string, number>();
  for (const { type, data } of stored) {
    const counts = type === 'presence.joined' ? joined : left;
    counts.set(data.connection, (counts.get(data.connection) ?? 0) + 1);
    if (type === 'presence.left')
      expect(joined.get(data.connection), `${data.connection} left before it joined`).toBe(1);
  }
  for (const [connection, times] of joined) {
    expect([connection, times, left.get(connection) ?? 0]).toEqual([connection, 1, alive.has(connection) ? 0 : 1]);
  }
  for (const connection of alive) expect(joined.get(connection), connection).toBe(1);
}

it.each(Array.from({ length: 30 }, (_, seed) => seed))(
  'BR-7 seed %i: joins, leaves, faults and deaths leave exactly the truth',
  async (seed) => {
    const random = seededRandom(seed);
    const names = ['n0', 'n1', 'n2'];
    const gates = new Map<string, 'open' | 'shut'>();
    const nodes = new Map<string, NodePresence>();
    const held = new Map<string, { member: PresenceMembership; node: string }>();
    const start = (name: string): void => {
      gates.set(name, 'open');
      nodes.set(name, node(name, { gate: () => gates.get(name) ?? 'shut', limits: { membersPerPart: 3 } }));
    };
    for (const name of names) start(name);
    const pick = (): string => [...nodes.keys()][random.int(nodes.size)] ?? '';
    for (let step = 0; step < 150; step++) {
      const dice = random.int(100);
      if (dice < 45) {
        const name = pick();
        const presence = nodes.get(name);
        if (presence !== undefined) {
          const member = join(presence, `user${random.int(4)}`);
          held.set(`c${connections}`, { member, node: name });
        }
      } else if (dice < 75) {
        const [connection, one] = [...held][random.int(Math.max(1, held.size))] ?? [];
        one?.member.leave('unsubscribed');
        if (connection !== undefined) held.delete(connection);
      } else if (dice < 80) cluster.fault = (['none', 'unreachable', 'no-answer'] as const)[random.int(3)] ?? 'none';
      else if (dice < 85) events.open = !events.open;
      else if (dice < 88 && nodes.size > 1) {
        const dead = pick();
        nodes.get(dead)?.abandon();
        nodes.delete(dead);
        gates.set(dead, 'shut');
        for (const [connection, one] of held) if (one.node === dead) held.delete(connection);
        start(`n${names.push(dead)}`);
      } else await clock.advanceAsync(random.int(400));
      if (events.open) events.store();
    }
    cluster.fault = 'none';
    events.open = true;
    events.store();
    await clock.advanceAsync(3000);
    const [judge] = nodes.values();
    for (const owner of judge?.owners() ?? []) {
      if (nodes.has(owner)) continue;
      const swept = judge?.sweep(owner);
      await clock.advanceAsync(1000);
      await swept;
    }
    await clock.advanceAsync(3000);
    const alive = new Set(held.keys());
    for (const presence of nodes.values()) {
      const seen = presence.members(ACCOUNT, TOPIC, PAGE).members.map(({ connection }) => connection);
      expect(seen).toEqual([...alive].sort());
    }
    checkHistory(events.stored, alive);
    expect(clock.pendingTimers).toBe(0);
  },
);
