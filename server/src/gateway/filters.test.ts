import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesFilter, topicMatches } from '@hookswitch/shared';
import type { Filter, HookswitchEvent } from '@hookswitch/shared';
import { settle } from '../kernel/clock.fake.ts';
import { systemClock } from '../kernel/index.ts';
import { ACCOUNT, event, token } from '../hub/testing/fixtures.ts';
import { TRANSPORTS, gatewayFixture } from './testing/clients.ts';
import type { TestClient } from './testing/clients.ts';
import { subscriber } from './testing/subscriber.ts';

const topic = fc.constantFrom('calls.1.x', 'calls.1.y', 'calls.2.x', 'app.c');
const pattern = fc.constantFrom('calls.>', 'calls.1.*', 'calls.*.x', 'app.c', '>');
const callEvent = fc
  .record({
    topic,
    type: fc.constantFrom('call.ringing', 'call.ended', 'app.x'),
    data: fc.record({ callSid: fc.constantFrom('CA1', 'CA2'), from: fc.constantFrom('+15550100', '+15550199') }),
  })
  .map(({ topic: name, type, data }) => ({ topic: name, event: { ...event(data), type } }));
const some = <T>(...values: T[]): fc.Arbitrary<T | T[]> =>
  fc.oneof(fc.constantFrom(...values), fc.uniqueArray(fc.constantFrom(...values), { minLength: 1 }));
const filter: fc.Arbitrary<Filter | undefined> = fc.option(
  fc.record(
    { type: some('call.ringing', 'call.ended', 'call.*'), call: some('CA1', 'CA2', 'CA3'), number: some('+15550100') },
    { requiredKeys: [] },
  ),
  { nil: undefined },
);

type Published = { readonly topic: string; readonly event: HookswitchEvent };
type Action =
  | { readonly do: 'publish' | 'elsewhere'; readonly events: readonly Published[] }
  | {
      readonly do: 'subscribe' | 'change';
      readonly pattern: string;
      readonly filter: Filter | undefined;
      readonly back: number | undefined;
    }
  | { readonly do: 'unsubscribe'; readonly pattern: string }
  | { readonly do: 'stall' | 'resume' | 'window' };
const action = (changes: boolean): fc.Arbitrary<Action> => {
  const subscription = (what: 'subscribe' | 'change'): fc.Arbitrary<Action> =>
    fc
      .record({ pattern, filter, back: fc.option(fc.nat(20), { nil: undefined }) })
      .map((more): Action => ({ do: what, ...more }));
  return fc.oneof(
    { weight: 10, arbitrary: callEvent.map((one): Action => ({ do: 'publish', events: [one] })) },
    {
      weight: 2,
      arbitrary: fc.array(callEvent, { maxLength: 12 }).map((events): Action => ({ do: 'elsewhere', events })),
    },
    { weight: 3, arbitrary: subscription('subscribe') },
    { weight: changes ? 3 : 0, arbitrary: subscription('change') },
    { weight: 1, arbitrary: pattern.map((name): Action => ({ do: 'unsubscribe', pattern: name })) },
    { weight: 3, arbitrary: fc.constantFrom<Action>({ do: 'stall' }, { do: 'resume' }, { do: 'window' }) },
  );
};

interface Held {
  readonly pattern: string;
  readonly start: number;
  readonly filters: (Filter | undefined)[];
}

const accepts = (one: Filter | undefined, published: Published): boolean =>
  one === undefined || matchesFilter(one, published.event);

/** Plays the actions against one subscriber, and compares what it got with the filtered stream. */
async function play(actions: readonly Action[]): Promise<void> {
  const s = subscriber({ maxEventFrames: 6, highWaterBytes: 1 });
  const stream: Published[] = [];
  const held = new Map<string, Held>();
  const ended: Held[] = [];
  for (const one of actions) {
    if (one.do === 'publish') {
      stream.push(...one.events);
      for (const { topic: name, event: published } of one.events) void s.hub.publish(ACCOUNT, name, published);
      await Promise.resolve();
    } else if (one.do === 'elsewhere') {
      s.log.loseConnection();
      stream.push(...one.events);
      for (const { topic: name, event: published } of one.events) s.log.append(ACCOUNT, name, published);
      s.log.regainConnection();
    } else if (one.do === 'subscribe' && !held.has(one.pattern)) {
      const { epoch, seq } = await s.log.head(ACCOUNT);
      const asked = one.back === undefined ? undefined : { epoch, seq: Math.max(0, seq - one.back) };
      const { position } = await s.subscribe(one.pattern, asked, s.hub.filters.of({ asked: one.filter }));
      held.set(one.pattern, { pattern: one.pattern, start: (asked ?? position).seq, filters: [one.filter] });
    } else if (one.do === 'change' && held.has(one.pattern)) {
      held.get(one.pattern)!.filters.push(one.filter);
      s.delivery.changeFilter(one.pattern, s.hub.filters.of({ asked: one.filter }));
      s.outbox.retain((item) => item.event === undefined || s.delivery.keeps(item.event));
    } else if (one.do === 'unsubscribe' && s.delivery.unsubscribe(one.pattern)) {
      ended.push(held.get(one.pattern)!);
      held.delete(one.pattern);
    } else if (one.do === 'stall') s.stall();
    else if (one.do === 'resume') await s.resume();
    else if (one.do === 'window') await s.clock.advanceAsync(3);
  }
  await settle();
  for (let n = 0; n < 10; n++) await s.resume();
  const got = s.transport.of('event').map((frame) => frame.position.seq);
  const context = JSON.stringify({ got, held: [...held.values()], ended, stream });
  for (const [at, published] of stream.entries()) {
    const seq = at + 1;
    const covers = ({ pattern: name, start }: Held): boolean => seq > start && topicMatches(name, published.topic);
    const under = (which: 'every' | 'some') => (one: Held) =>
      covers(one) && one.filters[which]((each) => accepts(each, published));
    const times = got.filter((one) => one === seq).length;
    if (ended.some(under('some'))) continue;
    if ([...held.values()].some(under('every'))) expect(times, `event ${seq}: ${context}`).toBe(1);
    else if ([...held.values()].some(under('some'))) expect(times, `event ${seq}: ${context}`).toBeLessThanOrEqual(1);
    else expect(times, `event ${seq}: ${context}`).toBe(0);
  }
  await s.close();
}

describe('EV-3 filter(stream) == delivered', () => {
  it('over live delivery, stalls, outages, and positions of the past', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action(false), { minLength: 10, maxLength: 80 }), (actions) => play(actions)),
      { numRuns: 200 },
    );
  });

  it('with filters that change meanwhile: nothing that every one of them lets through is lost or comes twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action(true), { minLength: 10, maxLength: 80 }), (actions) => play(actions)),
      { numRuns: 200 },
    );
  });

  it('looks at an event once for each distinct filter, not for each subscriber', async () => {
    const s = subscriber();
    let evaluated = 0;
    const asked = { call: 'CA1' };
    const data = {
      get callSid() {
        evaluated += 1;
        return 'CA1';
      },
    };
    const same = s.hub.filters.of({ asked });
    expect(s.hub.filters.of({ asked: { call: ['CA1'] } })).toBe(same);
    expect(s.hub.filters.of({ asked: {} })).toBeUndefined();
    const logged = {
      accountSid: ACCOUNT,
      topic: 'a',
      position: { epoch: 'e', seq: 1 },
      event: event(data),
      json: '{}',
    };
    const other = { ...logged };
    for (let n = 0; n < 100; n++) expect(same?.accepts(n % 2 === 0 ? logged : other)).toBe(true);
    expect(evaluated).toBe(2);
    await s.close();
  });
});

const filtered = (grant: unknown, more: object = {}): string =>
  token(systemClock, { identity: 'alice', hub: { subscribe: [grant as string], publish: [] }, ...more });
const call = (callSid: string, type = 'call.ringing'): HookswitchEvent => ({ ...event({ callSid }), type });

describe.each(Object.entries(TRANSPORTS))('EV-4 filters in tokens, %s', (_name, connect) => {
  async function connected(port: number, grant: unknown): Promise<TestClient> {
    const client = await connect(port);
    expect(await client.ask({ type: 'connect', id: 1, token: filtered(grant) })).toMatchObject({ type: 'connected' });
    return client;
  }

  it('limit every subscription, and refuse one that asks for more before anything of it exists', async () => {
    await using fixture = await gatewayFixture();
    const client = await connected(fixture.port, { topic: 'calls.>', filter: { call: ['CA1', 'CA2'] } });
    const wider: [string, Filter | undefined][] = [
      ['calls.>', { call: 'CA3' }],
      ['calls.>', { call: ['CA1', 'CA3'] }],
      ['>', { call: 'CA1' }],
      ['app.x', { call: 'CA1' }],
      ['>', undefined],
    ];
    for (const [at, [name, asked]] of wider.entries()) {
      const answer = await client.ask({ type: 'subscribe', id: 10 + at, topic: name, ...(asked && { filter: asked }) });
      expect(answer, name).toMatchObject({ name: 'notPermitted' });
    }
    expect(
      await client.ask({ type: 'subscribe', id: 20, topic: 'calls.>', filter: { calls: 'CA1' } as Filter }),
    ).toMatchObject({ name: 'badFrame' });
    expect(fixture.log.subscriptions).toBe(0);
    await client.ask({ type: 'subscribe', id: 30, topic: 'calls.*.a' });
    await client.ask({ type: 'subscribe', id: 31, topic: 'calls.*.b', filter: { call: 'CA2', type: 'call.*' } });
    for (const [name, published] of [
      ['calls.CA3.a', call('CA3')],
      ['calls.CA1.a', call('CA1')],
      ['calls.CA1.b', call('CA1')],
      ['calls.CA2.b', call('CA2', 'other.x')],
      ['calls.CA2.b', call('CA2')],
      ['calls.CA2.a', call('CA2')],
    ] as const) {
      await fixture.hub.publish(ACCOUNT, name, published);
    }
    const got = await client.eventCount(3);
    expect(got.map((frame) => frame.topic)).toEqual(['calls.CA1.a', 'calls.CA2.b', 'calls.CA2.a']);
    await client.close();
  });

  it('are narrowed on refresh, for what waits to be sent too', async () => {
    await using fixture = await gatewayFixture();
    const client = await connected(fixture.port, { topic: 'calls.>', filter: { call: ['CA1', 'CA2'] } });
    await client.ask({ type: 'subscribe', id: 2, topic: 'calls.a' });
    await client.ask({ type: 'subscribe', id: 3, topic: 'calls.b', filter: { call: 'CA2' } });
    const narrow = filtered({ topic: 'calls.>', filter: { call: 'CA1' } });
    expect(await client.ask({ type: 'refresh', id: 4, token: narrow })).toMatchObject({ type: 'refreshed' });
    // What it asked for is not granted any more; the other one goes on, with less.
    expect(await client.next('error')).toMatchObject({ name: 'notPermitted' });
    await fixture.hub.publish(ACCOUNT, 'calls.a', call('CA2'));
    await fixture.hub.publish(ACCOUNT, 'calls.b', call('CA1'));
    await fixture.hub.publish(ACCOUNT, 'calls.a', call('CA1'));
    expect((await client.eventCount(1)).map((frame) => frame.event.data)).toEqual([{ callSid: 'CA1' }]);
    expect(await client.ask({ type: 'ping', id: 9 })).toMatchObject({ type: 'pong' });
    expect(client.events()).toHaveLength(1);
    await client.close();
  });
});

it('EV-4 a batch in flight is looked through when a token narrows', async () => {
  const s = subscriber({ highWaterBytes: 1 });
  await s.subscribe('calls.>');
  s.stall();
  for (const sid of ['CA1', 'CA2', 'CA3', 'CA2', 'CA1']) {
    await s.hub.publish(ACCOUNT, `calls.${sid}`, call(sid));
    await settle();
  }
  await s.clock.advanceAsync(10);
  s.delivery.changeFilter('calls.>', s.hub.filters.of({ granted: [{ call: 'CA2' }] }));
  s.outbox.retain((item) => item.event === undefined || s.delivery.keeps(item.event));
  await s.resume();
  // The first one had been written before.
  expect(s.seqs()).toEqual([1, 2, 4]);
  await s.close();
});

it('EV-3 an event that was taken out of the queue counts as never given: another subscription may still get it', async () => {
  const s = subscriber({ highWaterBytes: 1 });
  const { position } = await s.subscribe('calls.>');
  s.stall();
  for (const sid of ['CA1', 'CA1', 'CA2']) {
    await s.hub.publish(ACCOUNT, `calls.${sid}`, call(sid));
    await settle();
  }
  s.delivery.changeFilter('calls.>', s.hub.filters.of({ asked: { call: 'CA2' } }));
  s.outbox.retain((item) => item.event === undefined || s.delivery.keeps(item.event));
  await s.subscribe('calls.CA1', position);
  await s.resume();
  expect([...s.seqs()].sort((a, b) => a - b)).toEqual([1, 2, 3]);
  await s.close();
});
