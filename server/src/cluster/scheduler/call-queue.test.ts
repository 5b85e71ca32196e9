import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallQueue } from './call-queue.ts';
import type { DispatchLimits, Openings, Waiting } from './ports.ts';

const FREE: DispatchLimits = { weight: 1, callsPerSecond: 1e6, burst: 1e6, concurrent: 1e6 };
const OPEN: Openings = { isOpen: () => true, isOpenFor: () => true, kept: () => [] };

let serial = 0;
const call = (accountSid: string, rest: Partial<Waiting> = {}): Waiting => ({
  callSid: `CA${String(++serial).padStart(6, '0')}`,
  accountSid,
  queuedAt: serial,
  pool: '',
  ...rest,
});
const queueOf = (limits: Readonly<Record<string, Partial<DispatchLimits>>> = {}) =>
  new CallQueue<Waiting>((sid) => ({ ...FREE, ...limits[sid] }));
const drain = (queue: CallQueue<Waiting>, now: number, openings = OPEN, most = Infinity): Waiting[] => {
  const taken: Waiting[] = [];
  while (taken.length < most) {
    const next = queue.take(now, openings);
    if (next === undefined) break;
    taken.push(next);
  }
  return taken;
};
const countBy = (calls: readonly Waiting[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { accountSid } of calls) counts[accountSid] = (counts[accountSid] ?? 0) + 1;
  return counts;
};

describe('order', () => {
  it('MT-1 accounts take turns, however much one of them has queued', () => {
    const queue = queueOf();
    for (let n = 0; n < 10_000; n++) queue.add(call('noisy'), 0);
    for (let n = 0; n < 3; n++) for (let quiet = 0; quiet < 9; quiet++) queue.add(call(`quiet${quiet}`), 0);
    const first = countBy(drain(queue, 0, OPEN, 30));
    expect(Object.keys(first)).toHaveLength(10);
    expect(new Set(Object.values(first))).toEqual(new Set([3]));
    expect(countBy(drain(queue, 0))).toEqual({ noisy: 9997 });
  });

  it('MT-1 accounts are served by their weights, fractions too', () => {
    const weights = { a: { weight: 4 }, b: { weight: 1 }, c: { weight: 0.5 }, d: { weight: 2.5 } };
    const queue = queueOf(weights);
    for (const sid of Object.keys(weights)) for (let n = 0; n < 3000; n++) queue.add(call(sid), 0);
    const counts = countBy(drain(queue, 0, OPEN, 1600));
    const shares = Object.entries(weights).map(([sid, { weight }]) => (counts[sid] ?? 0) / weight);
    const jain = shares.reduce((a, b) => a + b) ** 2 / (shares.length * shares.reduce((a, b) => a + b * b, 0));
    expect(jain).toBeGreaterThan(0.9999);
  });

  it('MT-1 an account that comes back has saved nothing up, and gets nothing twice in a round', () => {
    const queue = queueOf({ a: { weight: 3 } });
    for (let n = 0; n < 50; n++) queue.add(call('b'), 0);
    drain(queue, 0, OPEN, 30);
    for (let n = 0; n < 20; n++) queue.add(call('a'), 0);
    expect(countBy(drain(queue, 0, OPEN, 8))).toEqual({ a: 6, b: 2 });
    const again = queueOf({ a: { weight: 2 } });
    for (let n = 0; n < 9; n++) again.add(call('b'), 0);
    let ofA = 0;
    for (let n = 0; n < 9; n++) {
      again.add(call('a'), 0);
      if (again.take(0, OPEN)?.accountSid === 'a') ofA++;
    }
    expect(ofA).toBeLessThanOrEqual(7);
    expect(ofA).toBeGreaterThanOrEqual(5);
  });

  it('MT-1 within an account the priority counts, then who asked first; what comes back has its old place', () => {
    const queue = queueOf();
    const [late, first, second] = [call('a', { priority: 9 }), call('a'), call('a')];
    const urgent = call('a', { priority: 0 });
    for (const each of [late, second, urgent, first]) queue.add(each, 0);
    expect(queue.position(late.callSid)).toEqual({ ahead: 3, waiting: 4, scheduled: false });
    expect(queue.position(second.callSid)).toEqual({ ahead: 2, waiting: 4, scheduled: false });
    expect(queue.take(0, OPEN)).toBe(urgent);
    expect(queue.take(0, OPEN)).toBe(first);
    queue.add(first, 0);
    expect(drain(queue, 0)).toEqual([first, second, late]);
  });
});

describe('limits', () => {
  it('MT-1 no more calls at once, and then a second, than an account may start', () => {
    const queue = queueOf({ a: { callsPerSecond: 2, burst: 5 } });
    for (let n = 0; n < 20; n++) queue.add(call('a'), 0);
    expect(drain(queue, 0)).toHaveLength(5);
    expect(queue.nextWake()).toBe(500);
    expect(drain(queue, 499)).toHaveLength(0);
    expect(drain(queue, 500)).toHaveLength(1);
    expect(drain(queue, 2500)).toHaveLength(4);
  });

  it('MT-1 no more calls exist at a time: one starts when one ends', () => {
    const queue = queueOf({ a: { concurrent: 2 } });
    for (let n = 0; n < 4; n++) queue.add(call('a'), 0);
    queue.add(call('b'), 0);
    expect(countBy(drain(queue, 0))).toEqual({ a: 2, b: 1 });
    expect(queue.nextWake()).toBeUndefined();
    queue.ended('a', 10);
    expect(countBy(drain(queue, 10))).toEqual({ a: 1 });
    expect(queue.runningOf('a')).toBe(2);
  });

  it('MT-5 what cannot begin before others of its account are over asks for no channel yet', () => {
    const queue = queueOf({ a: { concurrent: 3 } });
    for (let n = 0; n < 100; n++) queue.add(call('a'), 0);
    for (let n = 0; n < 20; n++) queue.add(call('a', { startAt: 60_000 }), 0);
    for (let n = 0; n < 5; n++) queue.add(call('b', { startAt: 60_000 }), 0);
    queue.add(call('b'), 0);
    expect([...queue.ready().values()]).toEqual([4]);
    expect(queue.starts(10)).toEqual([{ at: 60_000, calls: 8 }]);
    expect(countBy(drain(queue, 0, OPEN, 2))).toEqual({ a: 1, b: 1 });
    expect([...queue.ready().values()]).toEqual([2]);
    expect(queue.size).toEqual({ waiting: 99, scheduled: 25 });
  });

  it('MT-1 what was handed out and not dialled counts neither in the window nor for the rate', () => {
    const limits = { window: { calls: 2, seconds: 3600 }, callsPerSecond: 1, burst: 2 };
    const queue = queueOf({ a: limits });
    for (let n = 0; n < 40; n++) queue.add(call('a'), 0);
    for (let n = 0; n < 20; n++) {
      const [handed] = drain(queue, n, OPEN, 1);
      expect(handed).toBeDefined();
      queue.returned('a', n);
      queue.ended('a', n);
    }
    expect(drain(queue, 20)).toHaveLength(2);
    queue.returned('a', 21);
    expect(drain(queue, 21), 'one came back').toHaveLength(1);
    expect(drain(queue, 3_500_000)).toHaveLength(0);
  });

  it('MT-1 a suspension does not empty the window', () => {
    const window = { calls: 2, seconds: 3600 };
    const limits = { a: { window } as Partial<DispatchLimits> };
    const queue = queueOf(limits);
    for (let n = 0; n < 9; n++) queue.add(call('a'), 0);
    expect(drain(queue, 0)).toHaveLength(2);
    limits.a = { window, concurrent: 0 };
    queue.limitsChanged('a', 1);
    limits.a = { window };
    queue.limitsChanged('a', 2);
    expect(drain(queue, 2)).toHaveLength(0);
  });

  it('MT-10 a long request counts as several among those that wait', () => {
    const queue = queueOf();
    const [long, gone] = [call('a', { size: 7 }), call('a', { size: 3, startAt: 1e9 })];
    for (const each of [long, gone, call('a'), call('b')]) queue.add(each, 0);
    expect([queue.lengthOf('a'), queue.sizeOf('a'), queue.lengthOf('b')]).toEqual([11, 3, 1]);
    queue.remove(gone.callSid);
    expect(queue.lengthOf('a')).toBe(8);
    drain(queue, 0);
    expect([queue.lengthOf('a'), queue.lengthOf('b')]).toEqual([0, 0]);
  });

  it('MT-1 no stretch of the window has more starts than its number, whenever they were', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 120 }),
        fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 60 }),
        (calls, seconds, steps) => {
          const queue = queueOf({ a: { window: { calls, seconds } } });
          for (let n = 0; n < 200; n++) queue.add(call('a'), 0);
          const starts: number[] = [];
          let now = 0;
          for (const step of steps) {
            now += step;
            starts.push(...drain(queue, now).map(() => now));
            const wake = queue.nextWake();
            if (wake !== undefined) expect(wake).toBeGreaterThan(now);
          }
          for (const start of starts) {
            const within = starts.filter((each) => each >= start && each < start + seconds * 1000);
            expect(within.length).toBeLessThanOrEqual(calls);
          }
          // Nothing waits longer than a window and the two steps that it is kept to.
          expect(drain(queue, now + seconds * 1000 * (61 / 59) + 1)).toHaveLength(
            Math.min(calls, queue.size.waiting + calls, 200 - starts.length),
          );
        },
      ),
    );
  });

  it('MT-1 changed limits hold at once, for what waits for the old ones too', () => {
    let limits: DispatchLimits = { ...FREE, concurrent: 0 };
    const queue = new CallQueue<Waiting>(() => limits);
    queue.add(call('a'), 0);
    expect(drain(queue, 0)).toEqual([]);
    limits = FREE;
    queue.limitsChanged('a', 0);
    expect(drain(queue, 0)).toHaveLength(1);
  });

  it('what an account has used is forgotten when it is given back', () => {
    const queue = queueOf({ a: { callsPerSecond: 1, burst: 1 } });
    queue.add(call('a'), 0);
    drain(queue, 0);
    queue.ended('a', 10);
    expect(queue.accounts).toBe(1);
    queue.forgetIdle(2000);
    expect(queue.accounts).toBe(0);
  });
});

describe('time', () => {
  it('MT-7 when a call is likely to start: by the pace of its account, within its limits, not before its time', () => {
    const queue = queueOf();
    const calls = Array.from({ length: 20 }, () => call('a'));
    for (const each of calls) queue.add(each, 0);
    const last = calls.at(-1)!.callSid;
    expect(queue.forecast(last, 0)).toEqual({ ahead: 19, waiting: 20, scheduled: false, startsAt: undefined });
    for (let ms = 0; ms < 10_000; ms += 1000) queue.take(ms, OPEN);
    const { ahead, startsAt } = queue.forecast(last, 10_000)!;
    expect(ahead).toBe(9);
    expect(startsAt).toBeGreaterThan(18_000);
    expect(startsAt).toBeLessThan(22_000);
    const later = call('a', { startAt: 15_000 });
    queue.add(later, 10_000);
    expect(queue.forecast(later.callSid, 10_000)).toMatchObject({ scheduled: true, ahead: 10 });
    expect(queue.forecast(later.callSid, 10_000)!.startsAt).toBeGreaterThan(19_000);
    const alone = call('b', { startAt: 15_000 });
    queue.add(alone, 10_000);
    expect(queue.forecast(alone.callSid, 10_000)).toMatchObject({ startsAt: 15_000 });
    expect(queue.forecast('none', 0)).toBeUndefined();
  });

  it('MT-7 of who may start nothing it is not known; of who is let at a rate it is no sooner than that', () => {
    const queue = queueOf({ none: { concurrent: 0 }, paced: { callsPerSecond: 0.5, burst: 4 } });
    const held = call('none');
    queue.add(held, 0);
    expect(queue.take(0, OPEN)).toBeUndefined();
    expect(queue.forecast(held.callSid, 0)).toMatchObject({ ahead: 0, startsAt: undefined });
    const paced = Array.from({ length: 10 }, () => call('paced'));
    for (const each of paced) queue.add(each, 0);
    drain(queue, 0);
    expect(queue.forecast(paced.at(-1)!.callSid, 0)).toMatchObject({ ahead: 5, startsAt: 12_000 });
  });

  it('MT-7 a call waits for its start time, and is given up at its end', () => {
    const queue = queueOf();
    const [later, gone] = [call('a', { startAt: 1000 }), call('a', { expiresAt: 500 })];
    queue.add(later, 0);
    queue.add(gone, 0);
    expect(queue.position(later.callSid)).toEqual({ ahead: 1, waiting: 2, scheduled: true });
    expect(queue.nextWake()).toBe(500);
    expect(queue.expired(499)).toEqual([]);
    expect(queue.expired(500)).toEqual([gone]);
    expect(queue.take(999, OPEN)).toBeUndefined();
    expect(queue.nextWake()).toBe(1000);
    expect(queue.take(1000, OPEN)).toBe(later);
    expect(queue.size).toEqual({ waiting: 0, scheduled: 0 });
    expect(queue.starts(10)).toEqual([]);
  });

  it('MT-7 a call is taken back, whether it waits for its turn or for its time', () => {
    const queue = queueOf();
    const [now, later] = [call('a', { expiresAt: 5000 }), call('a', { startAt: 1000, expiresAt: 5000 })];
    queue.add(now, 0);
    queue.add(later, 0);
    expect(queue.remove(now.callSid)).toBe(now);
    expect(queue.remove(later.callSid)).toBe(later);
    expect(queue.remove(later.callSid)).toBeUndefined();
    expect(queue.nextWake()).toBeUndefined();
    expect(drain(queue, 9000)).toEqual([]);
  });
});

describe('channels', () => {
  it('MT-6 a pool without a free channel holds up nobody who needs another', () => {
    const queue = queueOf();
    for (let n = 0; n < 5; n++) queue.add(call('a', { pool: 'full' }), 0);
    queue.add(call('a', { pool: 'free' }), 0);
    queue.add(call('b', { pool: 'free' }), 0);
    const open = new Set(['free']);
    const openings: Openings = { ...OPEN, isOpen: (pool) => open.has(pool), isOpenFor: (pool) => open.has(pool) };
    expect(countBy(drain(queue, 0, openings))).toEqual({ a: 1, b: 1 });
    open.add('full');
    expect(drain(queue, 0, openings)).toHaveLength(5);
  });

  it('MT-6 an account that has its most of a pool is passed over until a channel of it is free', () => {
    const queue = queueOf();
    for (let n = 0; n < 3; n++) queue.add(call('a', { pool: 'p' }), 0);
    queue.add(call('b', { pool: 'p' }), 0);
    let used = 0;
    const openings: Openings = { ...OPEN, isOpenFor: (_pool, sid) => sid !== 'a' || used < 1 };
    expect(queue.take(0, openings)?.accountSid).toBe('a');
    used = 1;
    expect(queue.take(0, openings)?.accountSid).toBe('b');
    expect(queue.take(0, openings)).toBeUndefined();
    used = 0;
    queue.freed('p', 'a');
    expect(queue.take(0, openings)?.accountSid).toBe('a');
  });

  it('MT-6 a channel kept for an account is had when the shared ones are used up, and costs no turn', () => {
    const queue = queueOf();
    for (let n = 0; n < 3; n++) for (const sid of ['a', 'b']) queue.add(call(sid, { pool: 'p' }), 0);
    let own = 2;
    const openings: Openings = {
      isOpen: () => false,
      isOpenFor: (_pool, sid) => sid === 'b' && own > 0,
      kept: () => (own > 0 ? ['b'] : []),
    };
    expect(queue.take(0, openings)?.accountSid).toBe('b');
    own--;
    expect(queue.take(0, openings)?.accountSid).toBe('b');
    own--;
    expect(queue.take(0, openings)).toBeUndefined();
    expect(drain(queue, 0, OPEN, 2).map(({ accountSid }) => accountSid)).toEqual(['a', 'b']);
  });

  it('MT-6 who waited for a closed pool does not hold up the others when it opens', () => {
    const queue = queueOf();
    for (let n = 0; n < 2000; n++) queue.add(call(`p${n % 2}`, { pool: 'p' }), 0);
    for (let n = 0; n < 2000; n++) queue.add(call(`q${n % 2}`, { pool: 'q' }), 0);
    const onlyQ: Openings = { ...OPEN, isOpen: (pool) => pool === 'q', isOpenFor: (pool) => pool === 'q' };
    drain(queue, 0, onlyQ, 1000);
    const counts = countBy(drain(queue, 0, OPEN, 400));
    for (const sid of ['p0', 'p1', 'q0', 'q1']) expect(counts[sid]).toBeGreaterThanOrEqual(99);
  });
});

it('MT-1 every call is handed out once, or expires, or is taken back: none is lost, none comes twice', () => {
  const action = fc.record({
    what: fc.constantFrom('add', 'add', 'add', 'take', 'take', 'end', 'remove', 'tick', 'limits'),
    account: fc.integer({ min: 0, max: 4 }),
    pool: fc.constantFrom('', 'p', 'q'),
    value: fc.integer({ min: 0, max: 3000 }),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
      let concurrent = 3;
      let now = 0;
      const running = new Map<string, string[]>();
      const used = { '': 0, p: 0, q: 0 } as Record<string, number>;
      const channels: Record<string, number> = { '': 99, p: 2, q: 1 };
      const free = (pool: string): boolean => (used[pool] ?? 0) < (channels[pool] ?? 0);
      const openings: Openings = { isOpen: free, isOpenFor: free, kept: () => [] };
      const queue = new CallQueue<Waiting>(() => ({ ...FREE, callsPerSecond: 5, burst: 3, concurrent }));
      const there = new Map<string, Waiting>();
      const take = (): void => {
        for (const { callSid } of queue.expired(now)) expect(there.delete(callSid)).toBe(true);
        const taken = queue.take(now, openings);
        if (taken === undefined) return;
        expect(there.delete(taken.callSid)).toBe(true);
        expect(taken.expiresAt ?? Infinity).toBeGreaterThan(now);
        expect(taken.startAt ?? 0).toBeLessThanOrEqual(now);
        expect(free(taken.pool)).toBe(true);
        used[taken.pool] = (used[taken.pool] ?? 0) + 1;
        const of = running.get(taken.accountSid) ?? [];
        running.set(taken.accountSid, [...of, taken.pool]);
        expect(of.length).toBeLessThan(concurrent);
      };
      for (const { what, account, pool, value } of actions) {
        const sid = `AC${account}`;
        if (what === 'add') {
          const time = value % 3 === 0 ? { startAt: now + value } : value % 3 === 1 ? { expiresAt: now + value } : {};
          const added = call(sid, { pool, priority: value % 4, ...time });
          there.set(added.callSid, added);
          queue.add(added, now);
        } else if (what === 'take') take();
        else if (what === 'tick') now += value;
        else if (what === 'limits') {
          concurrent = 1 + (value % 4);
          for (let each = 0; each < 5; each++) queue.limitsChanged(`AC${each}`, now);
        } else if (what === 'remove') {
          const [first] = there.keys();
          if (first !== undefined) expect(queue.remove(first)).toBe(there.get(first));
          if (first !== undefined) there.delete(first);
        } else {
          const [freed, ...rest] = running.get(sid) ?? [];
          if (freed === undefined) continue;
          used[freed] = (used[freed] ?? 0) - 1;
          running.set(sid, rest);
          queue.ended(sid, now);
          queue.freed(freed, sid);
        }
        expect(queue.size.waiting + queue.size.scheduled).toBe(there.size);
      }
      // Whatever happened: when all have ended and time goes on, everything has its turn.
      for (const [sid, pools] of running)
        for (const freed of pools) {
          used[freed] = (used[freed] ?? 0) - 1;
          queue.ended(sid, now);
          queue.freed(freed, sid);
        }
      running.clear();
      for (let left = 3 * there.size + 5; left > 0 && there.size > 0; left--) {
        now = Math.max(now, queue.nextWake() ?? now);
        take();
        for (const [sid, pools] of running)
          for (const freed of pools) {
            used[freed] = (used[freed] ?? 0) - 1;
            queue.ended(sid, now);
            queue.freed(freed, sid);
          }
        running.clear();
      }
      expect(there.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});
