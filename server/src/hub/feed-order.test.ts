import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topicMatches } from '@hookswitch/shared';
import { FakeClock, settle } from '../kernel/clock.fake.ts';
import { Beginnings } from './beginnings.ts';
import { widened } from './feed-order.ts';
import { ACCOUNT, OTHER_ACCOUNT, event, hubFixture } from './testing/fixtures.ts';
import { Wish } from './wishes.ts';

async function following(...patterns: string[]) {
  const { hub, log } = hubFixture(new FakeClock());
  const seen: unknown[] = [];
  for (const pattern of patterns) {
    const subscription = hub.subscribe(ACCOUNT, pattern, (logged) => seen.push(logged.event.data));
    await subscription.ready;
  }
  const store = (topic: string, data: unknown, account = ACCOUNT): void => {
    log.append(account, topic, event(data, undefined, account));
  };
  return { hub, log, seen, store };
}

describe('EV-2 events are dispatched in the order in which they are stored', () => {
  it('one that comes after its successor is fetched and given before it, and not again when it comes', async () => {
    const { hub, log, seen, store } = await following('app.>');
    store('app.a', 1);
    const come = log.late(() => {
      store('app.a', 2);
      store('app.b', 3);
    });
    store('app.a', 4);
    await settle();
    expect(seen).toEqual([1, 2, 3, 4]);
    come();
    store('app.a', 5);
    await settle();
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    await hub.close();
  });

  it('events that come while the log is asked wait, and keep their order', async () => {
    const { hub, log, seen, store } = await following('app.>');
    const come = log.late(() => {
      store('app.a', 1);
    });
    store('app.a', 2);
    await Promise.resolve();
    const again = log.late(() => {
      store('app.a', 3);
    });
    store('app.a', 4);
    await settle();
    expect(seen).toEqual([1, 2, 3, 4]);
    come();
    again();
    await settle();
    expect(seen).toEqual([1, 2, 3, 4]);
    await hub.close();
  });

  it('nobody asks where nothing is missing, nor for what others in this process were given', async () => {
    const { hub, log, seen, store } = await following('app.>');
    const other = hub.subscribe(OTHER_ACCOUNT, '>', () => undefined);
    await other.ready;
    let asked = 0;
    const next = log.next.bind(log);
    log.next = (...of) => {
      asked++;
      return next(...of);
    };
    for (let n = 0; n < 20; n++) {
      if (n % 3 === 0) store('app.x', 'theirs', OTHER_ACCOUNT);
      store(`app.t${n % 2}`, n);
      await settle();
    }
    expect(seen).toHaveLength(20);
    expect(asked).toBe(0);
    store('calls.x', 'followed by nobody');
    store('app.t', 20);
    await settle();
    expect(seen).toHaveLength(21);
    expect(asked).toBe(1);
    await hub.close();
  });

  it('what is purged before it can be fetched is told as lost before anything later', async () => {
    const { hub, log, seen, store } = await following();
    const subscription = hub.subscribe(
      ACCOUNT,
      'app.>',
      (logged) => seen.push(logged.event.data),
      () => seen.push('lost'),
    );
    await subscription.ready;
    store('app.a', 1);
    await settle();
    log.late(() => {
      store('app.a', 2);
    });
    store('app.a', 3);
    log.purge(ACCOUNT, 3);
    store('app.a', 4);
    await settle();
    expect(seen[1]).toBe('lost');
    expect(seen).not.toContain(2);
    await hub.close();
  });

  it('when the log cannot be asked, what waits is read again once it can', async () => {
    const { hub, log, seen, store } = await following('app.>');
    log.next = () => Promise.reject(new Error('no answer'));
    const come = log.late(() => {
      store('app.a', 1);
    });
    store('app.a', 2);
    await settle();
    expect(seen).toEqual([1, 2]);
    come();
    await settle();
    expect(seen).toEqual([1, 2]);
    await hub.close();
  });

  it('whatever changes places, whatever is followed: each event once, in order', async () => {
    const word = fc.constantFrom('app.a', 'app.b', 'app.c.d', 'calls.x');
    const step = fc.record({ topic: word, theirs: fc.boolean(), late: fc.nat(4), pause: fc.boolean() });
    const patterns = fc.uniqueArray(fc.constantFrom('app.a', 'app.*', 'app.>', 'app.c.d', 'calls.x', 'app.b', '>'), {
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(patterns, fc.array(step, { maxLength: 60 }), async (followed, steps) => {
        const { hub, log } = hubFixture(new FakeClock());
        const seen = new Map<string, unknown[]>();
        for (const pattern of followed) {
          const own: unknown[] = [];
          seen.set(pattern, own);
          await hub.subscribe(ACCOUNT, pattern, (logged) => own.push(logged.event.data)).ready;
        }
        const late: { after: number; come: () => void }[] = [];
        for (const [n, { topic, theirs, late: after, pause }] of steps.entries()) {
          const account = theirs ? OTHER_ACCOUNT : ACCOUNT;
          const append = (): void => void log.append(account, topic, event(n, undefined, account));
          if (after > 1) late.push({ after: n + after, come: log.late(append) });
          else append();
          for (const one of late.filter((other) => other.after === n)) one.come();
          if (pause) await settle();
        }
        for (const one of late.filter(({ after }) => after >= steps.length)) one.come();
        for (let turn = 0; turn < 20; turn++) await settle();
        for (const [pattern, own] of seen) {
          const owed = steps.flatMap(({ topic, theirs }, n) => (!theirs && topicMatches(pattern, topic) ? [n] : []));
          expect(own, pattern).toEqual(owed);
        }
        await hub.close();
      }),
      { numRuns: 200 },
    );
  });
});

it('a widened pattern matches whatever one of the two matches', () => {
  expect(widened(undefined, 'app.a')).toBe('app.a');
  expect(widened('app.a', 'app.a')).toBe('app.a');
  expect(widened('app.a', 'app.b.c')).toBe('app.>');
  expect(widened('app.a', 'app.a.b')).toBe('app.>');
  expect(widened('app.a.>', 'app.a.b.c')).toBe('app.a.>');
  expect(widened('calls.>', 'app.a')).toBe('>');
});

describe('EV-6 subscriptions of one client that may give the same events', () => {
  it.each([
    ['app.a', 'app.>', true],
    ['app.>', 'app.a', true],
    ['app.*', 'app.>', true],
    ['app.a', 'app.b', false],
    ['app.a', 'calls.>', false],
  ])('%s waits for %s, which is on its way, to begin together: %s', (first, second, waits) => {
    const begun: string[] = [];
    const beginnings = new Beginnings(({ pattern }) => begun.push(pattern));
    const owner = { deliver: () => undefined, reset: () => undefined };
    const [one, other] = [first, second].map((pattern) => new Wish(pattern, owner, undefined));
    beginnings.asked(one!);
    beginnings.asked(other!);
    beginnings.ready(one!);
    expect(begun).toEqual(waits ? [] : [first]);
    beginnings.ready(other!);
    expect(begun).toEqual([first, second]);
    expect(beginnings.isEmpty).toBe(true);
  });

  it('one that fails holds up nobody', () => {
    const begun: string[] = [];
    const beginnings = new Beginnings(({ pattern }) => begun.push(pattern));
    const owner = { deliver: () => undefined, reset: () => undefined };
    const [one, other] = ['app.a', 'app.>'].map((pattern) => new Wish(pattern, owner, undefined));
    beginnings.asked(one!);
    beginnings.asked(other!);
    beginnings.ready(one!);
    beginnings.drop(other!);
    expect(begun).toEqual(['app.a']);
    beginnings.ready(other!);
    expect(begun).toEqual(['app.a']);
  });
});
