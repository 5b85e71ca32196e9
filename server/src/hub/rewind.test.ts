import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topicMatches } from '@hookswitch/shared';
import type { Rewind } from '@hookswitch/shared';
import { FakeClock, settle } from '../kernel/clock.fake.ts';
import { createMetrics, silentLog } from '../kernel/index.ts';
import { MemoryEventLog } from './event-log.memory.ts';
import { createHub } from './index.ts';
import type { OutletItem } from './index.ts';
import { ACCOUNT, FakeKeys, OTHER_ACCOUNT, event } from './testing/fixtures.ts';

function world(ringEvents = 2000) {
  const clock = new FakeClock();
  const log = new MemoryEventLog(clock);
  const parts = { log, keys: new FakeKeys(), clock, logger: silentLog, metrics: createMetrics() };
  const hub = createHub({ ...parts, feed: { lingerMs: 0, ring: { maxEvents: ringEvents } } });
  const subscribe = async (pattern: string, options: { rewind: Rewind; position?: { epoch: string; seq: number } }) => {
    const got: number[] = [];
    const delivery = hub.openDelivery(ACCOUNT, {
      hasRoom: true,
      room: () => Promise.resolve(),
      enqueue: ({ event: one }: OutletItem) => {
        if (one !== undefined) got.push(one.position.seq);
      },
      flush: () => 0,
    });
    const answer = await delivery.subscribe(pattern, options);
    answer.begin();
    await settle();
    return { got, answer, delivery };
  };
  /** One event a second. */
  const append = (topic: string, account = ACCOUNT): void => {
    clock.advance(1000);
    log.append(account, topic, event({}, undefined, account));
  };
  return { clock, log, hub, subscribe, append };
}

describe('EV-6 rewind', () => {
  it('the newest events of the topic come first, then live ones, each once', async () => {
    const w = world();
    for (let n = 0; n < 20; n++) w.append(n % 2 === 0 ? 'app.a' : 'app.b');
    const { got, answer, delivery } = await w.subscribe('app.a', { rewind: { count: 3 } });
    expect(answer).toMatchObject({ recovered: true, start: { epoch: 'memory-1', seq: 14 }, position: { seq: 20 } });
    w.append('app.a');
    await settle();
    expect(got).toEqual([15, 17, 19, 21]);
    delivery.close();
  });

  it('is served from memory where that reaches: nothing is read', async () => {
    const w = world();
    const first = await w.subscribe('app.>', { rewind: { count: 5 } });
    for (let n = 0; n < 10; n++) w.append('app.a');
    await settle();
    const before = w.log.scans;
    const second = await w.subscribe('app.>', { rewind: { count: 5 } });
    expect(second.got).toEqual([6, 7, 8, 9, 10]);
    expect(w.log.scans).toBe(before);
    first.delivery.close();
    second.delivery.close();
  });

  it('since a time; a time that retention has passed is told', async () => {
    const w = world();
    for (let n = 0; n < 10; n++) w.append('app.a');
    const since = w.clock.now() - 3500;
    const whole = await w.subscribe('app.>', { rewind: { since } });
    expect([whole.answer.recovered, whole.got]).toEqual([true, [7, 8, 9, 10]]);
    const both = await w.subscribe('app.>', { rewind: { since, count: 2 } });
    expect(both.got).toEqual([9, 10]);
    w.log.purge(ACCOUNT, 8);
    const cut = await w.subscribe('app.*', { rewind: { since } });
    expect(cut.answer).toMatchObject({ recovered: false, start: { seq: 8 } });
    expect(cut.got).toEqual([9, 10]);
    const newest = await w.subscribe('app.*', { rewind: { count: 100 } });
    expect([newest.answer.recovered, newest.got]).toEqual([true, [9, 10]]);
    for (const one of [whole, both, cut, newest]) one.delivery.close();
  });

  it('beside a position it serves only when that cannot be honoured', async () => {
    const w = world();
    for (let n = 0; n < 10; n++) w.append('app.a');
    const position = { epoch: 'memory-1', seq: 4 };
    const good = await w.subscribe('app.a', { position, rewind: { count: 1 } });
    expect([good.answer.recovered, good.got]).toEqual([true, [5, 6, 7, 8, 9, 10]]);
    const bad = await w.subscribe('app.a', { position: { epoch: 'gone', seq: 4 }, rewind: { count: 2 } });
    expect([bad.answer.recovered, bad.got]).toEqual([false, [9, 10]]);
    good.delivery.close();
    bad.delivery.close();
  });

  it('whatever was stored, kept in memory and published meanwhile: exactly the newest, then all that follow', async () => {
    const topic = fc.constantFrom('app.a', 'app.b', 'calls.c.x');
    const pattern = fc.constantFrom('app.a', 'app.>', '>', 'calls.*.x');
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          before: fc.array(fc.tuple(topic, fc.boolean()), { maxLength: 40 }),
          after: fc.array(topic, { maxLength: 20 }),
          name: pattern,
          count: fc.integer({ min: 1, max: 12 }),
          ring: fc.integer({ min: 1, max: 20 }),
          warm: fc.boolean(),
        }),
        async ({ before, after, name, count, ring, warm }) => {
          const w = world(ring);
          const warmed = warm ? await w.subscribe('>', { rewind: { count: 1 } }) : undefined;
          const ours: { topic: string; seq: number }[] = [];
          let seq = 0;
          for (const [one, mine] of before) {
            w.append(one, mine ? ACCOUNT : OTHER_ACCOUNT);
            seq += 1;
            if (mine) ours.push({ topic: one, seq });
          }
          await settle();
          const wanted = ours.filter((one) => topicMatches(name, one.topic)).slice(-count);
          const { got, delivery } = await w.subscribe(name, { rewind: { count } });
          for (const one of after) {
            w.append(one);
            seq += 1;
            if (topicMatches(name, one)) wanted.push({ topic: one, seq });
          }
          await settle();
          expect(got).toEqual(wanted.map((one) => one.seq));
          delivery.close();
          warmed?.delivery.close();
          await w.hub.close();
        },
      ),
      { numRuns: 200 },
    );
  });
});
