import { afterEach, beforeEach, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { createMetrics, silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { NodePresence } from '../../hub/presence/index.ts';
import { MemoryPresenceCluster } from '../../hub/presence/store.memory.ts';
import { StoredEvents } from '../../hub/presence/testing/presence-world.ts';
import { token } from '../../hub/testing/fixtures.ts';
import { eventually } from '../../bus/testing/eventually.ts';
import { gatewayFixture, nativeClient } from '../testing/clients.ts';
import type { GatewayFixture, TestClient } from '../testing/clients.ts';

let events: StoredEvents;
let cluster: MemoryPresenceCluster;
let presence: NodePresence;
let fixture: GatewayFixture;
beforeEach(async () => {
  events = new StoredEvents();
  cluster = new MemoryPresenceCluster();
  presence = new NodePresence({
    store: cluster.open(),
    events: events.sink,
    node: 'node-1',
    gate: () => 'open',
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    metrics: createMetrics(),
    limits: { windowMs: 5, settleMs: 5, membersPerTopic: 3 },
  });
  fixture = await gatewayFixture({ presence });
});
afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
  await presence.close();
  expect(cluster.records.size).toBe(0);
});

type Hub = NonNullable<Parameters<typeof token>[1]>['hub'];

async function connect(identity: string, hub: Partial<NonNullable<Hub>> = {}): Promise<TestClient> {
  const client = await nativeClient(fixture.port);
  const grants = { subscribe: ['app.>'], presence: ['app.>'], ...hub };
  await client.ask({ type: 'connect', id: 1, token: token(systemClock, { identity, hub: grants }) });
  return client;
}

it('BR-7 who subscribes with presence is listed with identity and info, and leaves with its connection', async () => {
  const alice = await connect('alice', { info: { role: 'agent' } });
  const watcher = await connect('watcher');
  const info = { mood: 'fine', role: 'admin' };
  await alice.ask({ type: 'subscribe', id: 2, topic: 'app.room', presence: { info } });
  await eventually(() => {
    expect(events.told).toEqual(['joined alice 1/1']);
  });
  const listed = await watcher.ask({ type: 'presence', id: 2, topic: 'app.room' });
  expect(listed).toMatchObject({ type: 'presence', topic: 'app.room', occupancy: 1 });
  // What the token says cannot be said otherwise.
  expect(listed).toMatchObject({ members: [{ identity: 'alice', info: { mood: 'fine', role: 'agent' } }] });
  await alice.close();
  await eventually(() => {
    expect(events.told).toEqual(['joined alice 1/1', 'left alice 0/0']);
  });
  expect(events.stored[1]?.data).toMatchObject({ reason: 'disconnected' });
  await watcher.close();
});

it('subscribing without presence makes no member; unsubscribing ends a membership', async () => {
  const alice = await connect('alice');
  await alice.ask({ type: 'subscribe', id: 2, topic: 'app.a', presence: false });
  await alice.ask({ type: 'subscribe', id: 3, topic: 'app.b', presence: true });
  await eventually(() => {
    expect(events.told).toEqual(['joined alice 1/1']);
  });
  await alice.ask({ type: 'unsubscribe', id: 4, topic: 'app.b' });
  await eventually(() => {
    expect(events.told).toEqual(['joined alice 1/1', 'left alice 0/0']);
  });
  expect(events.topics).toEqual(['presence.app.b.joined', 'presence.app.b.left']);
  await alice.close();
});

it('BR-1 presence needs its own grant, an exact topic and little info', async () => {
  const alice = await connect('alice', { presence: ['app.mine.*'] });
  const big = { info: { text: 'x'.repeat(1024) } };
  const ask = async (id: number, topic: string, wish: true | typeof big): Promise<unknown> => {
    const answer = await alice.ask({ type: 'subscribe', id, topic, presence: wish });
    return answer.type === 'error' ? answer.name : answer.type;
  };
  expect(await ask(2, 'app.other', true)).toBe('notPermitted');
  expect(await ask(3, 'app.mine.*', true)).toBe('badTopic');
  expect(await ask(4, 'app.mine.x', big)).toBe('payloadTooLarge');
  expect(await ask(5, `app.mine.${'x'.repeat(495)}`, true)).toBe('badTopic');
  expect(await ask(6, 'app.mine.x', true)).toBe('subscribed');
  expect(await alice.ask({ type: 'presence', id: 7, topic: 'app.other' })).toMatchObject({ name: 'notPermitted' });
  await alice.close();
});

it('BR-1 a membership ends when a new token does not grant it, the subscription stays', async () => {
  const alice = await connect('alice');
  await alice.ask({ type: 'subscribe', id: 2, topic: 'app.room', presence: true });
  await eventually(() => {
    expect(events.told).toHaveLength(1);
  });
  const hub = { subscribe: ['app.>'] };
  await alice.ask({ type: 'refresh', id: 3, token: token(systemClock, { identity: 'alice', hub }) });
  expect(await alice.next('error')).toMatchObject({ name: 'notPermitted' });
  await eventually(() => {
    expect(events.stored[1]?.data).toMatchObject({ reason: 'not-permitted' });
  });
  expect(await alice.ask({ type: 'unsubscribe', id: 4, topic: 'app.room' })).toMatchObject({ type: 'unsubscribed' });
  await alice.close();
});

it('a full topic is told, the subscription stays', async () => {
  const clients = [];
  for (const name of ['a', 'b', 'c', 'd']) {
    const client = await connect(name);
    expect(await client.ask({ type: 'subscribe', id: 2, topic: 'app.room', presence: true })).toMatchObject({
      type: 'subscribed',
    });
    clients.push(client);
  }
  expect(await clients[3]?.next('error')).toMatchObject({ name: 'limitExceeded' });
  for (const client of clients) await client.close();
});

it('a server without presence says so', async () => {
  await using plain = await gatewayFixture({}, new FakeClock());
  const client = await nativeClient(plain.port);
  const clock = new FakeClock();
  await client.ask({ type: 'connect', id: 1, token: token(clock, { hub: { subscribe: ['app.>'], presence: ['>'] } }) });
  expect(await client.ask({ type: 'presence', id: 2, topic: 'app.a' })).toMatchObject({ name: 'unknownCommand' });
  await client.close();
});
