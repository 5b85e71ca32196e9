import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topicMatches } from '@hookswitch/shared';
import { settle } from '../kernel/clock.fake.ts';
import { ACCOUNT, event } from '../hub/testing/fixtures.ts';
import { subscriber } from './testing/subscriber.ts';

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

describe('delivery through a bounded outbox', () => {
  it('the first event goes out at once, what follows within the window in one write', async () => {
    const s = subscriber();
    await s.subscribe('app.>');
    await s.publish('app.a');
    expect(s.transport.writes).toEqual([1]);
    for (let n = 0; n < 5; n++) await s.publish('app.a');
    expect(s.transport.writes).toEqual([1]);
    await s.clock.advanceAsync(5);
    expect(s.transport.writes).toEqual([1, 5]);
    await s.close();
  });

  it('an event that several patterns match arrives once', async () => {
    const s = subscriber();
    for (const pattern of ['app.>', 'app.a', 'app.*', '>']) await s.subscribe(pattern);
    await s.publish('app.a');
    await s.publish('app.a');
    await s.clock.advanceAsync(10);
    expect(s.seqs()).toEqual([1, 2]);
    await s.close();
  });

  it('EV-9 a stalled client costs a bounded amount, is told, and then gets what it missed', async () => {
    const s = subscriber({ maxEventFrames: 10, highWaterBytes: 1 });
    await s.subscribe('app.>');
    s.stall();
    for (let n = 1; n <= 100; n++) {
      await s.publish('app.a');
      await s.clock.advanceAsync(5);
      expect(s.outbox.waiting.events).toBeLessThanOrEqual(10);
    }
    expect(s.seqs().length).toBeLessThan(5);
    const last = s.seqs().at(-1) ?? 0;
    await s.resume();
    expect(s.transport.of('gap')).toMatchObject([{ topic: 'app.>', recovered: true, position: { seq: last } }]);
    expect(s.seqs()).toEqual(range(1, 100));
    expect(s.isSlow()).toBe(false);
    await s.close();
  });

  it('EV-9 what retention dropped while the client stood still is reported as lost', async () => {
    const s = subscriber({ maxEventFrames: 10, highWaterBytes: 1 });
    await s.subscribe('app.>');
    s.stall();
    for (let n = 1; n <= 3000; n++) await s.publish('app.a');
    s.log.purge(ACCOUNT, 2500);
    await s.resume();
    const [gap] = s.transport.of('gap');
    expect(gap).toMatchObject({ recovered: false, position: { seq: 3000 } });
    await s.publish('app.a');
    await s.clock.advanceAsync(10);
    expect(s.seqs().at(-1)).toBe(3001);
    await s.close();
  });

  it('control frames pass events by, and their overflow ends the connection', async () => {
    const s = subscriber({ highWaterBytes: 1, maxControlFrames: 3 });
    await s.subscribe('app.>');
    s.stall();
    await s.publish('app.a');
    await s.publish('app.b');
    for (let id = 0; id < 3; id++) s.outbox.sendControl({ type: 'pong', id });
    expect(s.outbox.waiting).toMatchObject({ control: 3, events: 1 });
    await s.resume();
    expect(s.transport.frames.map((frame) => frame.type)).toEqual(['event', 'pong', 'pong', 'pong', 'event']);
    s.stall();
    s.transport.bufferedBytes = 10;
    for (let id = 0; id < 4; id++) s.outbox.sendControl({ type: 'pong', id });
    expect(s.isSlow()).toBe(true);
    await s.close();
  });

  it('EV-6 events missed while the log was unreachable are delivered in order when it is back', async () => {
    const s = subscriber();
    await s.subscribe('app.>');
    await s.publish('app.a');
    s.log.loseConnection();
    for (let n = 0; n < 20; n++) s.log.append(ACCOUNT, 'app.a', event(n));
    s.log.regainConnection();
    await s.publish('app.a');
    await s.clock.advanceAsync(20);
    expect(s.seqs()).toEqual(range(1, 22));
    expect(s.transport.of('gap')).toEqual([]);
    await s.close();
  });

  it('a stream made anew is reported, delivery goes on in the new epoch', async () => {
    const s = subscriber();
    await s.subscribe('app.>');
    const before = await s.publish('app.a');
    s.log.recreate();
    await s.publish('app.a');
    await s.clock.advanceAsync(20);
    expect(s.transport.of('gap')).toMatchObject([{ recovered: false }]);
    await s.publish('app.a', 'new');
    await s.clock.advanceAsync(20);
    const last = s.transport.of('event').at(-1);
    expect(last?.event.data).toBe('new');
    expect(last?.position.epoch).not.toBe(before.epoch);
    await s.close();
  });
});

const topic = fc.constantFrom('app.a.x', 'app.a.y', 'app.b.x', 'app.b.y', 'app.c');
const pattern = fc.constantFrom('app.>', 'app.a.*', 'app.*.x', 'app.b.>', 'app.c', 'app.a.x', '>');
type Action =
  | { readonly do: 'publish'; readonly topic: string }
  | { readonly do: 'elsewhere'; readonly topics: readonly string[] }
  | { readonly do: 'subscribe'; readonly pattern: string; readonly back: number | undefined }
  | { readonly do: 'unsubscribe'; readonly pattern: string }
  | { readonly do: 'stall' | 'resume' | 'window' };
const action = (positions: boolean): fc.Arbitrary<Action> =>
  fc.oneof(
    { weight: 10, arbitrary: topic.map((name): Action => ({ do: 'publish', topic: name })) },
    {
      weight: 2,
      arbitrary: fc.array(topic, { maxLength: 12 }).map((names): Action => ({ do: 'elsewhere', topics: names })),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(pattern, positions ? fc.option(fc.nat(20), { nil: undefined }) : fc.constant(undefined))
        .map(([name, back]): Action => ({ do: 'subscribe', pattern: name, back })),
    },
    { weight: 1, arbitrary: pattern.map((name): Action => ({ do: 'unsubscribe', pattern: name })) },
    { weight: 3, arbitrary: fc.constantFrom<Action>({ do: 'stall' }, { do: 'resume' }, { do: 'window' }) },
  );

interface Held {
  readonly pattern: string;
  readonly start: number;
}

/** Plays the actions against one subscriber and checks what it got against the log. */
async function play(actions: readonly Action[], inOrder: boolean): Promise<void> {
  const s = subscriber({ maxEventFrames: 6, highWaterBytes: 1 });
  const topics: string[] = [];
  const held = new Map<string, Held>();
  const ended: Held[] = [];
  for (const one of actions) {
    if (one.do === 'publish') {
      topics.push(one.topic);
      void s.hub.publish(ACCOUNT, one.topic, event());
      await Promise.resolve();
    } else if (one.do === 'elsewhere') {
      s.log.loseConnection();
      for (const name of one.topics) {
        topics.push(name);
        s.log.append(ACCOUNT, name, event());
      }
      s.log.regainConnection();
    } else if (one.do === 'subscribe' && !held.has(one.pattern)) {
      const { epoch, seq } = await s.log.head(ACCOUNT);
      const asked = one.back === undefined ? undefined : { epoch, seq: Math.max(0, seq - one.back) };
      const { position, recovered } = await s.subscribe(one.pattern, asked);
      expect(recovered).toBe(true);
      held.set(one.pattern, { pattern: one.pattern, start: (asked ?? position).seq });
    } else if (one.do === 'unsubscribe' && s.delivery.unsubscribe(one.pattern)) {
      ended.push(held.get(one.pattern)!);
      held.delete(one.pattern);
    } else if (one.do === 'stall') s.stall();
    else if (one.do === 'resume') await s.resume();
    else if (one.do === 'window') await s.clock.advanceAsync(3);
  }
  await settle();
  for (let n = 0; n < 10; n++) await s.resume();
  const covers = ({ pattern: name, start }: Held, seq: number): boolean =>
    seq > start && topicMatches(name, topics[seq - 1] ?? '');
  const got = s.transport.of('event').map((frame) => ({ seq: frame.position.seq, topic: frame.topic }));
  const context = JSON.stringify({ got: got.map((one) => one.seq), held: [...held.values()], ended, topics });
  for (let seq = 1; seq <= topics.length; seq++) {
    const times = got.filter((one) => one.seq === seq).length;
    const wanted = [...held.values()].some((one) => covers(one, seq));
    const formerly = ended.some((one) => covers(one, seq));
    if (wanted) expect(times, `event ${seq} missing: ${context}`).toBeGreaterThan(0);
    // Who ends one subscription and asks another one for the same past gets it again.
    if (!formerly) expect(times, `event ${seq} came ${times} times: ${context}`).toBe(wanted ? 1 : 0);
  }
  if (inOrder) {
    for (const name of new Set(topics)) {
      const seqs = got.filter((one) => one.topic === name).map((one) => one.seq);
      expect(seqs, context).toEqual([...seqs].sort((a, b) => a - b));
    }
  }
  expect(
    s.transport.of('gap').every((gap) => gap.recovered),
    context,
  ).toBe(true);
  await s.close();
}

describe('EV-6 whatever happens, a subscriber gets everything once', () => {
  it('live subscriptions, overlapping patterns, stalls, outages: in order per topic', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action(false), { minLength: 10, maxLength: 80 }), (actions) => play(actions, true)),
      { numRuns: 200 },
    );
  });

  it('with positions of the past as well', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action(true), { minLength: 10, maxLength: 80 }), (actions) => play(actions, false)),
      { numRuns: 200 },
    );
  });
});

describe('EV-9 a client whose reading is known by its word', () => {
  it('is sent no more than may be unread, though the transport takes everything; then all of it', async () => {
    const acknowledgements = { askEveryBytes: 2000, maxUnreadBytes: 8000 };
    const s = subscriber({ acknowledgements });
    await s.subscribe('app.>');
    const numbers = (): number[] => s.transport.of('ping').map(({ n }) => n ?? -1);
    for (let n = 1; n <= 30; n++) await s.publish('app.a');
    await s.clock.advanceAsync(50);
    expect(numbers()).toEqual([1]);
    s.outbox.acknowledged(1);
    // From now on it is silent: what is sent stays within the bound and one write.
    const before = s.seqs().length;
    for (let n = 31; n <= 200; n++) {
      await s.publish('app.a');
      await s.clock.advanceAsync(5);
    }
    const sent = s.seqs().length - before;
    expect(sent).toBeGreaterThan(5);
    expect(sent).toBeLessThan(40);
    expect(s.outbox.waiting.events).toBeGreaterThan(100);
    for (let answered = 1; s.seqs().length < 200; answered = numbers().at(-1) ?? 0) {
      s.outbox.acknowledged(answered);
      s.outbox.acknowledged(numbers().at(-1));
      await s.clock.advanceAsync(10);
    }
    expect(s.seqs()).toEqual(range(1, 200));
    await s.close();
  });
});

describe('EV-9 a client that answers late', () => {
  it('is asked again at once when more than may be unread was written before its answer, and gets everything', async () => {
    const s = subscriber({ acknowledgements: { askEveryBytes: 2000, maxUnreadBytes: 8000 } });
    await s.subscribe('app.>');
    for (let n = 1; n <= 100; n++) {
      await s.publish('app.a');
      await s.clock.advanceAsync(5);
    }
    const numbers = (): number[] => s.transport.of('ping').map(({ n }) => n ?? -1);
    expect([numbers(), s.seqs().length]).toEqual([[1], 100]);
    s.outbox.acknowledged(1);
    expect(numbers()).toEqual([1, 2]);
    for (let n = 101; n <= 110; n++) await s.publish('app.a');
    await s.clock.advanceAsync(50);
    expect(s.seqs().length).toBe(100);
    s.outbox.acknowledged(2);
    await s.clock.advanceAsync(50);
    expect(s.seqs()).toEqual(range(1, 110));
    await s.close();
  });
});

describe('EV-9 a subscription that conflates', () => {
  it('keeps the newest event of every topic for a slow reader, and everything of the others', async () => {
    const s = subscriber({ maxEventFrames: 10, highWaterBytes: 1 });
    s.outbox.conflates = (topic) => topic.startsWith('app.state.');
    await s.subscribe('app.state.*');
    await s.subscribe('app.log');
    s.stall();
    for (let n = 1; n <= 40; n++) {
      await s.publish(n % 4 === 0 ? 'app.log' : `app.state.${n % 4}`, n);
      await s.clock.advanceAsync(5);
    }
    await s.resume();
    const of = (topic: string): unknown[] =>
      s.transport.of('event').flatMap((frame) => (frame.topic === topic ? [frame.event.data] : []));
    expect(of('app.log')).toEqual(range(1, 10).map((n) => n * 4));
    for (const [topic, newest] of [
      ['1', 37],
      ['2', 38],
      ['3', 39],
    ] as const) {
      const seen = of(`app.state.${topic}`).map(Number);
      expect(seen.at(-1)).toBe(newest);
      expect(seen.length).toBeLessThan(5);
      expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    }
    // A reader that keeps up gets everything.
    await s.publish('app.state.1', 100);
    await s.publish('app.state.1', 101);
    await s.clock.advanceAsync(20);
    expect(of('app.state.1').slice(-2)).toEqual([100, 101]);
    await s.close();
  });
});
