import type { ClientFrame } from '@hookswitch/shared';
import { describe, expect, it } from 'vitest';
import { settle } from '../kit/clock.fake.ts';
import { setUp } from './hub-client.fake.ts';
import type { FakeHub } from './hub.fake.ts';
import type { Delivered, Subscription } from './subscription.ts';

type Subscribe = Extract<ClientFrame, { type: 'subscribe' }>;
const at = (seq: number): { epoch: string; seq: number } => ({ epoch: 'e1', seq });
/** Commands about subscriptions since the last look. */
const told = (hub: FakeHub): ClientFrame[] =>
  hub.last.take().filter(({ type }) => type === 'subscribe' || type === 'unsubscribe');
const collect = (subscription: Subscription): number[] => {
  const seen: number[] = [];
  subscription.on('event', ({ position }) => seen.push(position.seq));
  return seen;
};

describe('options of a subscription', () => {
  it('are told to the server; only rewind is of the first time', async () => {
    const { client, hub, clock, connect } = setUp();
    await connect();
    const options = { rewind: { count: 20 }, filter: { type: 'call.*' }, conflate: true, presence: { info: { a: 1 } } };
    client.subscribe('app.room', options);
    client.subscribe('app.log', () => undefined, { position: at(3) });
    await settle();
    expect(told(hub)).toEqual([
      { type: 'subscribe', id: 1, topic: 'app.room', ...options },
      { type: 'subscribe', id: 2, topic: 'app.log', position: at(3) },
    ]);
    hub.last.drop();
    await clock.advance(200);
    await hub.accept();
    const { filter, conflate, presence } = options;
    expect(told(hub)[0]).toEqual({
      type: 'subscribe',
      id: 3,
      topic: 'app.room',
      position: at(0),
      filter,
      conflate,
      presence,
    });
    client.close();
  });

  it('EV-6 rewind: the past is delivered, and a loss before its end resumes from where it stopped', async () => {
    const { client, hub, clock, connect } = setUp();
    hub.manual.add('subscribe');
    await connect();
    const subscription = client.subscribe('app.chat', { rewind: { count: 3 } });
    const seen = collect(subscription);
    await settle();
    const { id } = told(hub)[0] as Subscribe;
    hub.last.send({ type: 'subscribed', id, topic: 'app.chat', position: at(99), recovered: true, start: at(70) });
    hub.event('app.chat', 71);
    hub.event('app.chat', 80);
    hub.last.drop();
    await clock.advance(200);
    await hub.accept();
    expect(told(hub)).toEqual([{ type: 'subscribe', id: id + 1, topic: 'app.chat', position: at(80) }]);
    expect(seen).toEqual([71, 80]);
    client.close();
  });

  it('the past of a topic that is subscribed already is refused, not forgotten', async () => {
    const { client, connect } = setUp();
    await connect();
    client.subscribe('app.a');
    expect(() => client.subscribe('app.a', { rewind: { count: 1 } })).toThrow(/subscribed already/);
    expect(() => client.subscribe('app.a', { position: at(1) })).toThrow(/subscribed already/);
    client.close();
  });
});

describe('overlapping subscriptions', () => {
  it('EV-3 the event names its topic only: each gets what its own filter lets through', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const rings = collect(client.subscribe('calls.>', { filter: { type: 'call.ringing' } }));
    const ends = collect(client.subscribe('calls.*.ended', { filter: { type: 'call.ended' } }));
    const own = collect(client.subscribe('calls.CA1.*', { filter: { call: 'CA1' } }));
    await settle();
    hub.event('calls.CA1.ringing', 1, { type: 'call.ringing', subject: 'CA1' });
    hub.event('calls.CA2.ended', 2, { type: 'call.ended', subject: 'CA2' });
    hub.event('calls.CA1.ended', 3, { type: 'call.ended', subject: 'CA1' });
    expect([rings, ends, own]).toEqual([[1], [2, 3], [1, 3]]);
    client.close();
  });

  it('EV-3 other filters of the same topic share a subscription that has what is common', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const first = client.subscribe('calls.>', { filter: { type: 'call.ended', call: 'CA1' }, conflate: true });
    const ends = collect(first);
    await settle();
    expect(told(hub)[0]).toMatchObject({ filter: { type: 'call.ended', call: 'CA1' }, conflate: true });
    hub.event('calls.CA1.ended', 4, { type: 'call.ended', subject: 'CA1' });
    hub.head = 6;
    const second = client.subscribe('calls.>', { filter: { type: 'call.ended', call: 'CA2' } });
    const others = collect(second);
    hub.event('calls.CA2.ended', 3, { type: 'call.ended', subject: 'CA2' });
    await settle();
    expect(told(hub)).toEqual([
      { type: 'unsubscribe', id: 2, topic: 'calls.>' },
      { type: 'subscribe', id: 3, topic: 'calls.>', position: at(4), filter: { type: 'call.ended' } },
    ]);
    await expect(second.ready).resolves.toEqual({ recovered: true });
    hub.event('calls.CA2.ended', 5, { type: 'call.ended', subject: 'CA2' });
    hub.event('calls.CA2.ended', 7, { type: 'call.ended', subject: 'CA2' });
    hub.event('calls.CA1.ended', 8, { type: 'call.ended', subject: 'CA1' });
    expect(ends).toEqual([4, 8]);
    expect(others, 'the past that is read again is for the first one').toEqual([7]);
    second.unsubscribe();
    expect(told(hub), 'having more than is wanted is no reason to change').toEqual([]);
    client.close();
  });

  it('BR-7 a membership ends with the subscription that asked for it, whoever else listens', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    client.subscribe('app.room');
    const member = client.subscribe('app.room', { presence: true });
    await settle();
    expect(told(hub).map((frame) => [frame.type, 'presence' in frame])).toEqual([
      ['subscribe', false],
      ['unsubscribe', false],
      ['subscribe', true],
    ]);
    member.unsubscribe();
    await settle();
    expect(told(hub).map((frame) => [frame.type, 'presence' in frame])).toEqual([
      ['unsubscribe', false],
      ['subscribe', false],
    ]);
    client.close();
  });
});

describe('the end of a subscription', () => {
  it('a signal ends it; one that was aborted before never begins', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const abort = new AbortController();
    const subscription = client.subscribe('app.a', { signal: abort.signal });
    const iterating = (async () => {
      for await (const { topic } of subscription) expect(topic).toBe('never');
    })();
    await settle();
    abort.abort();
    await iterating;
    expect(subscription.isClosed).toBe(true);
    const never = client.subscribe('app.b', { signal: abort.signal });
    await expect(never.ready).rejects.toMatchObject({ name: 'closed' });
    expect(told(hub).map((frame) => 'topic' in frame && frame.topic)).toEqual(['app.a', 'app.a']);
    client.close();
  });

  it('EV-4 what a new token does not grant ends with the error; the others go on', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const narrowed = client.subscribe('app.a');
    const kept = client.subscribe('app.b');
    const errors: string[] = [];
    const general: string[] = [];
    narrowed.on('error', ({ name }) => errors.push(name));
    client.on('error', ({ name }) => general.push(name));
    await settle();
    const error = { type: 'error', code: 120, name: 'notPermitted', message: 'ended', temporary: false } as const;
    hub.last.send({ ...error, topic: 'app.a' });
    hub.last.send(error);
    expect(errors).toEqual(['notPermitted']);
    expect(general).toEqual(['notPermitted']);
    expect([narrowed.isClosed, kept.isClosed]).toEqual([true, false]);
    client.close();
  });

  it('a refusal that may pass is tried again, but not after the end', async () => {
    const { client, hub, clock, connect } = setUp();
    hub.manual.add('subscribe');
    await connect();
    const subscription = client.subscribe('app.a');
    await settle();
    hub.last.send({ type: 'error', id: 1, code: 150, name: 'unavailable', message: 'later', temporary: true });
    await clock.advance(1000);
    expect(told(hub)).toHaveLength(2);
    hub.last.send({ type: 'error', id: 2, code: 150, name: 'unavailable', message: 'later', temporary: true });
    await settle();
    subscription.unsubscribe();
    await clock.advance(1000);
    expect(told(hub).map(({ type }) => type)).toEqual(['unsubscribe']);
    client.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('iteration', () => {
  it('has every event since the subscription was made, also when it begins later', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const subscription = client.subscribe('app.>');
    await subscription.ready;
    hub.event('app.a', 1);
    hub.event('app.a', 2);
    const seen: number[] = [];
    for await (const { position } of subscription) {
      seen.push(position.seq);
      if (position.seq === 2) hub.event('app.a', 3);
      if (position.seq === 3) break;
    }
    expect(seen).toEqual([1, 2, 3]);
    expect(subscription.isClosed).toBe(true);
    client.close();
  });

  it('a reader that falls behind loses the oldest and is told once', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const subscription = client.subscribe('app.>', { maxBuffered: 3 });
    const gaps: string[] = [];
    subscription.on('gap', ({ reason }) => gaps.push(reason));
    const iterator = subscription[Symbol.asyncIterator]();
    for (let seq = 1; seq <= 6; seq++) hub.event('app.a', seq);
    expect(gaps).toEqual(['slow-reader']);
    expect(((await iterator.next()).value as Delivered).position.seq).toBe(4);
    client.close();
  });

  it('or ends with an error, when it was made so', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const subscription = client.subscribe('app.>', { maxBuffered: 2, overflow: 'fail' });
    const iterator = subscription[Symbol.asyncIterator]();
    for (let seq = 1; seq <= 3; seq++) hub.event('app.a', seq);
    expect([(await iterator.next()).done, (await iterator.next()).done]).toEqual([false, false]);
    await expect(iterator.next()).rejects.toMatchObject({ name: 'readerTooSlow', code: 309 });
    client.close();
  });

  it('or is given the newest of each topic, when that is what it asked for', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const subscription = client.subscribe('app.>', { conflate: true, maxBuffered: 2 });
    let gaps = 0;
    subscription.on('gap', () => gaps++);
    const iterator = subscription[Symbol.asyncIterator]();
    for (let seq = 1; seq <= 9; seq++) hub.event(seq % 2 === 0 ? 'app.a' : 'app.b', seq);
    expect(((await iterator.next()).value as Delivered).position.seq).toBe(8);
    expect(((await iterator.next()).value as Delivered).position.seq).toBe(9);
    expect(gaps).toBe(0);
    client.close();
  });

  it('nothing is held, and no gap told, for a subscription that has listeners or is never read', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const unread = client.subscribe('app.>', { maxBuffered: 1, overflow: 'fail' });
    let gaps = 0;
    unread.on('gap', () => gaps++);
    for (let seq = 1; seq <= 5; seq++) hub.event('app.a', seq);
    expect([gaps, unread.isClosed]).toEqual([0, false]);
    client.close();
  });
});

interface Orders {
  'order.created': { readonly order: number };
}

describe('events by type', () => {
  it('have the data of their type; your own types are named with the subscription', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const seen: (string | number)[] = [];
    const calls = client.subscribe('calls.>');
    const off = calls.on('call.ringing', ({ data }, { topic }) => seen.push(data.from, topic));
    calls.on('call.ended', ({ data }) => seen.push(data.cause));
    // @ts-expect-error: there is no such type
    calls.on('call.rining', () => undefined);
    const orders = client.subscribe<Orders>('app.orders.>');
    orders.on('order.created', ({ data, type }) => seen.push(data.order, type));
    await settle();
    hub.event('calls.CA1.ringing', 1, { type: 'call.ringing', data: { from: '+15550111' } });
    hub.event('app.orders.x', 2, { type: 'order.created', data: { order: 17 } });
    off();
    hub.event('calls.CA1.ringing', 3, { type: 'call.ringing', data: { from: '+15550199' } });
    expect(seen).toEqual(['+15550111', 'calls.CA1.ringing', 17, 'order.created']);
    client.close();
  });

  it('an event that a client published is not taken for one of the server, whatever type it names', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    const everything = client.subscribe('>');
    let rings = 0;
    everything.on('call.ringing', () => rings++);
    await settle();
    hub.event('app.forged', 1, { type: 'call.ringing', data: { from: 'nobody' } });
    hub.event('calls.CA1.ringing', 2, { type: 'call.ringing', data: { from: '+15550111' } });
    expect(rings).toBe(1);
    client.close();
  });
});

describe('presence', () => {
  it('BR-7 answers who is on a topic, page by page', async () => {
    const { client, hub, connect } = setUp();
    await connect();
    hub.members = [{ connection: 'c1', since: 5 }];
    hub.last.take();
    await expect(client.presence('app.room', { limit: 1, after: 'c0' })).resolves.toEqual({
      members: hub.members,
      occupancy: 7,
      next: 'n',
    });
    expect(hub.last.take()).toEqual([{ type: 'presence', id: 1, topic: 'app.room', limit: 1, after: 'c0' }]);
    client.close();
  });
});
