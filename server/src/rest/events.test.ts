import { beforeEach, describe, expect, it } from 'vitest';
import { topicMatches } from '@hookswitch/shared';
import type { HookswitchEvent } from '@hookswitch/shared';
import type { OutletItem } from '../hub/index.ts';
import { event } from '../hub/testing/fixtures.ts';
import { settle } from '../kernel/clock.fake.ts';
import { seededRandom } from '../kernel/index.ts';
import { RestWorld } from './testing/rest-world.ts';

interface Listed {
  readonly events: readonly { topic: string; position: { seq: number }; event: HookswitchEvent }[];
  readonly meta: { next_page_url: string | null; complete: boolean };
}

let world: RestWorld;
beforeEach(async () => {
  world = await RestWorld.open();
});

const path = (query = ''): string => `/v1/accounts/${world.account.sid}/events${query}`;
const publish = (json: unknown, key?: string) =>
  world.request('POST', path(), { json, ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }) });

/** Follows the links to the end. */
async function listAll(query: string): Promise<Listed['events'][number][]> {
  const out: Listed['events'][number][] = [];
  let next: string | null = path(query);
  while (next !== null) {
    const answer = await world.request('GET', next.slice(next.indexOf('/v1/')));
    expect(answer.statusCode, answer.body).toBe(200);
    const page = answer.json<Listed>();
    out.push(...page.events);
    next = page.meta.next_page_url;
    // On a clock that stands still all of this would be one turn, of which others get their share.
    world.tick();
  }
  return out;
}

/** What a subscriber with a rewind is given. */
async function replay(topic: string, since: number): Promise<string[]> {
  const got: string[] = [];
  const delivery = world.hub.openDelivery(world.account.sid, {
    hasRoom: true,
    room: () => Promise.resolve(),
    enqueue: ({ event: one }: OutletItem) => {
      if (one !== undefined) got.push(one.event.id);
    },
    flush: () => 0,
  });
  const answer = await delivery.subscribe(topic, { rewind: { since } });
  expect(answer.recovered).toBe(true);
  answer.begin();
  await settle();
  await settle();
  delivery.close();
  return got;
}

describe('EV-5 publishing over HTTP', () => {
  it('one event: stored when answered, with its position', async () => {
    const answer = await publish({ topic: 'app.orders', type: 'order.created', data: { n: 1 }, subject: 'shop' });
    expect(answer.statusCode, answer.body).toBe(201);
    expect(answer.json()).toMatchObject({ topic: 'app.orders', position: { seq: 1 } });
    const [stored] = await listAll('');
    expect(stored).toMatchObject({
      topic: 'app.orders',
      event: { type: 'order.created', subject: 'shop', data: { n: 1 }, accountsid: world.account.sid },
    });
  });

  it('an idempotency key makes repeating harmless, for each event of a batch', async () => {
    const batch = { events: [1, 2, 3].map((data) => ({ topic: `app.t${data % 2}`, data })) };
    const first = await publish(batch, 'k-1');
    expect(first.statusCode, first.body).toBe(200);
    expect((await publish(batch, 'k-1')).json()).toEqual(first.json());
    expect(await listAll('')).toHaveLength(3);
    await publish(batch, 'k-2');
    expect(await listAll('')).toHaveLength(6);
  });

  it('a batch has an outcome for each, in its order', async () => {
    const events = [
      { topic: 'app.a', data: 1 },
      { topic: 'calls.CA1.ended', data: {} },
      { topic: 'app..a', data: 1 },
      { topic: 'app.a', data: 'x'.repeat(40_000) },
      { topic: 'app.z' },
    ];
    const answer = await publish({ events });
    expect(answer.statusCode, answer.body).toBe(200);
    const { results } = answer.json<{ results: { outcome: string }[] }>();
    expect(results.map(({ outcome }) => outcome)).toEqual(['stored', 'refused', 'refused', 'refused', 'stored']);
  });

  it('503 with a problem document while it cannot be stored', async () => {
    world.log.loseConnection();
    for (const json of [{ topic: 'app.a' }, { events: [{ topic: 'app.a' }, { topic: 'app.b' }] }]) {
      const answer = await publish(json);
      expect(answer.statusCode).toBe(503);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.headers['retry-after']).toBe('1');
    }
    expect((await world.request('GET', path())).statusCode).toBe(503);
  });

  const bad = [{}, { topic: 'app.a', type: 'Upper' }, { events: [] }, { topic: 'calls.CA1.x' }, { topic: 'app.*' }];
  it.each(bad)('refuses %j', async (json) => {
    expect((await publish(json)).statusCode).toBe(400);
  });
});

describe('EV-8 history over HTTP', () => {
  /** Events over many topics, one a second. */
  async function fill(count: number): Promise<void> {
    const random = seededRandom(7);
    const { sid } = world.account;
    for (let n = 0; n < count; n++) {
      const callSid = `CA${random.int(3)}`;
      const kinds = [
        [`calls.${callSid}.ended`, 'call.ended'],
        ['app.a.x', 'app.message'],
        ['app.a.y', 'app.message'],
        ['clients.alice.registered', 'client.registered'],
      ] as const;
      const [topic, type] = kinds[random.int(kinds.length)] ?? kinds[0];
      world.log.append(sid, topic, { ...event({ callSid }, `e${n}`, sid), type });
      world.tick();
    }
    await Promise.resolve();
  }

  it.each(['>', 'app.>', 'calls.*.ended', 'app.a.x', 'calls.CA1.>'])('list == replay: %s', async (topic) => {
    await fill(120);
    const since = world.clock.now() - 80_000;
    const from = encodeURIComponent(new Date(since).toISOString());
    const replayed = await replay(topic, since);
    expect(replayed.length).toBeGreaterThan(1);
    for (const size of [1, 7, 50, 1000]) {
      const oldest = await listAll(`?topic=${topic}&from=${from}&order=oldest&PageSize=${size}`);
      expect(oldest.map((one) => one.event.id)).toEqual(replayed);
      const newest = await listAll(`?topic=${topic}&from=${from}&PageSize=${size}`);
      expect(newest.map((one) => one.event.id)).toEqual([...replayed].reverse());
    }
    expect((await listAll(`?topic=${topic}`)).every((one) => topicMatches(topic, one.topic))).toBe(true);
  });

  it('by type and call, in either order, up to a time', async () => {
    await fill(100);
    const to = encodeURIComponent(new Date(world.clock.now() - 30_000).toISOString());
    const all = (await listAll('?order=oldest')).slice(0, -30);
    const wanted = all.filter(
      ({ event: one }) => one.type === 'call.ended' && (one.data as { callSid: string }).callSid === 'CA1',
    );
    expect(wanted.length).toBeGreaterThan(2);
    const query = `?type=call.*&call=CA1&to=${to}&PageSize=3`;
    expect(await listAll(`${query}&order=oldest`)).toEqual(wanted);
    expect(await listAll(query)).toEqual(wanted.toReversed());
  });

  it('says when a part is not kept any more, and keeps accounts apart', async () => {
    await fill(20);
    world.log.purge(world.account.sid, 10);
    const from = encodeURIComponent(new Date(world.clock.now() - 15_000).toISOString());
    const page = (await world.request('GET', path(`?from=${from}&order=oldest`))).json<Listed>();
    expect(page.meta.complete).toBe(false);
    expect(page.events.map((one) => one.position.seq)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    const other = await world.newAccount('Other');
    const theirs = await world.request('GET', `/v1/accounts/${other.sid}/events`, { as: other });
    expect(theirs.json()).toMatchObject({ events: [], meta: { next_page_url: null, complete: true } });
    expect((await world.request('GET', path(), { as: other })).statusCode).toBeGreaterThanOrEqual(403);
  });

  it('a page of a stream that was made anew is refused, as are bad parameters', async () => {
    await fill(5);
    const next = (await world.request('GET', path('?PageSize=2'))).json<Listed>().meta.next_page_url ?? '';
    world.log.recreate();
    expect((await world.request('GET', next.slice(next.indexOf('/v1/')))).statusCode).toBe(400);
    for (const query of ['?topic=a..b', '?order=up', '?from=yesterday', '?PageToken=x', '?PageSize=0', '?type=.']) {
      expect((await world.request('GET', path(query))).statusCode, query).toBe(400);
    }
  });
});
