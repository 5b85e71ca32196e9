import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../../bus/testing/eventually.ts';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import { silentLog, systemClock } from '../../kernel/index.ts';
import type { Member, MembershipEvents } from '../membership/ports.ts';
import type { CallRequest, PlaceOutcome, StoredRequest } from '../ports.ts';
import { NodePlacement } from '../placement/index.ts';
import type { DispatchLimits } from '../scheduler/index.ts';
import { NatsCallRequests } from './call-requests.nats.ts';
import { FairScheduler } from './fair-scheduler.ts';
import type { SchedulerOptions } from './fair-scheduler.ts';

const server = await startTestNats();
const store = await NatsCallRequests.open(server.bus);
afterAll(() => server.close());
let stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops) await stop();
  stops = [];
});
beforeEach(async () => {
  await server.bus.jsm.streams.purge('CALL_REQUESTS');
});

const ACCOUNT = `AC${'a'.repeat(32)}`;
const call = (n: number): string => `CA${String(n).padStart(32, '0')}`;
const submit = (n: number, rest: Partial<CallRequest> = {}) =>
  store.submit({ accountSid: ACCOUNT, callSid: call(n), queuedAt: n, order: { to: `+1555${n}` }, ...rest });
const FREE: DispatchLimits = { weight: 1, callsPerSecond: 1e6, burst: 1e6, concurrent: 1e6 };

class Cluster {
  alive = new Set(['a', 'b']);
  readonly #left: ((left: MembershipEvents['left']) => void)[] = [];
  members = (): Member[] =>
    [...this.alive].map((node) => ({
      kind: 'node',
      node,
      fence: 1,
      roles: ['call'],
      addresses: {},
      startedAt: 0,
      renewals: 0,
      tasks: [],
    }));
  isAlive = (node: string): boolean => this.alive.has(node);
  on = (_event: string, listener: never): (() => void) => {
    this.#left.push(listener);
    return () => undefined;
  };
  kill(node: string): void {
    const member = this.members().find((each) => each.node === node)!;
    this.alive.delete(node);
    for (const tell of this.#left) tell({ member, reason: 'expired' });
  }
}

/** A scheduler on the real store; a test plays the nodes. */
function start(
  place: SchedulerOptions['place'],
  {
    cluster = new Cluster(),
    placement,
    limits = () => FREE,
    trunks,
    applications,
  }: {
    cluster?: Cluster;
    placement?: SchedulerOptions['placement'];
    limits?: () => DispatchLimits;
    trunks?: SchedulerOptions['trunks'];
    applications?: SchedulerOptions['applications'];
  } = {},
) {
  const failed: string[] = [];
  const expired: string[] = [];
  const abort = new AbortController();
  const scheduler = new FairScheduler({
    store,
    cluster,
    placement,
    place,
    trunks,
    applications,
    failed: ({ callSid }) => failed.push(callSid),
    expired: ({ callSid }) => expired.push(callSid),
    limitsOf: limits,
    clock: systemClock,
    log: silentLog,
  });
  const done = scheduler.task.run({ shard: 0, fence: 1, signal: abort.signal });
  const stop = async () => {
    abort.abort();
    await done;
  };
  stops.push(stop);
  return { failed, expired, scheduler, stop };
}
const dialling = (request: StoredRequest, node: string) => store.move(request, 'dialling', node);

it('requests are kept until somebody takes them, each once; a second one for a call is refused', async () => {
  await submit(1);
  await expect(submit(1)).rejects.toMatchObject({ reason: 'exists' });
  expect(await store.all()).toMatchObject([{ callSid: call(1), state: 'queued', order: { to: '+15551' } }]);
  const [request] = await store.all();
  const claims = await Promise.all([store.move(request!, 'claimed', 'a'), store.move(request!, 'claimed', 'b')]);
  expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
});

it('what is taken back is not dialled, and what is being dialled is not taken back', async () => {
  await submit(1);
  await submit(2);
  const [first, second] = await store.all();
  expect(await store.cancel(ACCOUNT, call(1))).toMatchObject({ callSid: call(1) });
  expect(await store.move(first!, 'claimed', 'a')).toBeUndefined();
  expect(await store.cancel(ACCOUNT, call(1))).toBeUndefined();
  await dialling(second!, 'a');
  expect(await store.cancel(ACCOUNT, call(2))).toBeUndefined();
  await store.remove(ACCOUNT, call(2));
  expect(await store.all()).toEqual([]);
});

it('MT-2 calls go where there is room, wait while there is none, and go on as soon as there is', async () => {
  const nodes: string[] = [];
  const room = { a: 2, b: 1 };
  const listeners = new Set<() => void>();
  const placement = {
    pick: () => (['a', 'b'] as const).find((node) => room[node] > 0 && room[node]-- > 0),
    returned: (node: string) => {
      room[node as 'a' | 'b']++;
    },
    ended: () => undefined,
    onRoom: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const placeAt = async (node: string, request: StoredRequest): Promise<PlaceOutcome> => {
    nodes.push(node);
    return (await dialling(request, node)) === undefined ? 'gone' : 'placed';
  };
  for (let n = 1; n <= 5; n++) await submit(n);
  const { stop, scheduler } = start(placeAt, { placement });
  await eventually(() => {
    expect([nodes, scheduler.lengthOf(ACCOUNT)]).toEqual([['a', 'a', 'b'], 2]);
  });
  room.b = 3;
  const at = systemClock.monotonic();
  for (const tell of listeners) tell();
  await eventually(() => {
    expect(nodes.slice(3)).toEqual(['b', 'b']);
  });
  expect(systemClock.monotonic() - at).toBeLessThan(900);
  // What was picked and not needed was given back.
  expect(room).toEqual({ a: 0, b: 1 });
  await stop();
  expect(listeners.size).toBe(0);
});

it('MT-2 a call that is over leaves its place to the next at once, before its node reports it', async () => {
  const cluster = new Cluster();
  cluster.alive = new Set(['a']);
  const placement = new NodePlacement({ cluster, clock: systemClock });
  const facts = { channels: 0, cpu: 0, loopLagMs: 0, packetsPerSecond: 0, draining: false, startupMs: 0 };
  // One tenth is kept for callers: room for one.
  placement.heard({ node: 'a', capacity: 2, ...facts });
  const dialled: string[] = [];
  start(
    async (node, request) => {
      if ((await dialling(request, node)) === undefined) return 'gone';
      dialled.push(request.callSid);
      // Some end before the node has answered.
      const over = store.remove(ACCOUNT, request.callSid);
      if (dialled.length % 2 === 0) await over;
      return 'placed';
    },
    { placement, cluster },
  );
  const at = systemClock.monotonic();
  for (let n = 1; n <= 20; n++) await submit(n);
  await eventually(() => {
    expect(dialled).toEqual(Array.from({ length: 20 }, (_, n) => call(n + 1)));
  });
  // The report is good for five seconds: nothing was had by waiting for the next.
  expect(systemClock.monotonic() - at).toBeLessThan(5000);
});

it('calls are placed in the order in which they were asked for, over the nodes in turn', async () => {
  for (let n = 1; n <= 6; n++) await submit(n);
  const placed: string[] = [];
  const nodes = new Set<string>();
  start(async (node, request) => {
    placed.push(request.callSid);
    nodes.add(node);
    return (await dialling(request, node)) === undefined ? 'gone' : 'placed';
  });
  await submit(7);
  await eventually(() => {
    expect(placed).toEqual([1, 2, 3, 4, 5, 6, 7].map(call));
  });
  expect([...nodes].sort()).toEqual(['a', 'b']);
});

it('a node that refuses or does not answer: another one is asked, nothing is dialled twice', async () => {
  await submit(1);
  const dialled: string[] = [];
  let asked = 0;
  start(async (node, request) => {
    asked++;
    if (asked === 1) return 'refused';
    if (asked === 2) throw new Error('no answer');
    if ((await dialling(request, node)) === undefined) return 'gone';
    dialled.push(request.callSid);
    return 'placed';
  });
  await eventually(() => {
    expect(dialled).toEqual([call(1)]);
  });
});

it('a doer that dies in between: what it claimed is placed by the next, what was dialled is not', async () => {
  await submit(1);
  await submit(2);
  const [first, second] = await store.all();
  await store.move(first!, 'claimed', 'a');
  await dialling(second!, 'a');
  const dialled: string[] = [];
  start(async (node, request) => {
    if ((await dialling(request, node)) !== undefined) dialled.push(request.callSid);
    return 'placed';
  });
  await eventually(() => {
    expect(dialled).toEqual([call(1)]);
  });
});

it('a node that dies while it dials: the call is over', async () => {
  await submit(1);
  const dialled: string[] = [];
  const cluster = new Cluster();
  cluster.alive = new Set(['a']);
  const running = start(
    async (node, request) => {
      await dialling(request, node);
      dialled.push(node);
      return 'placed';
    },
    { cluster },
  );
  await eventually(() => {
    expect(dialled).toEqual(['a']);
  });
  cluster.alive.add('b');
  cluster.kill('a');
  await eventually(async () => {
    expect(running.failed).toEqual([call(1)]);
    expect(await store.all()).toEqual([]);
  });
});

/** Plays the nodes: every call that is placed is noted, and goes on until it is ended. */
function phone() {
  const dialled: string[] = [];
  const place = async (node: string, request: StoredRequest): Promise<PlaceOutcome> => {
    if ((await dialling(request, node)) === undefined) return 'gone';
    dialled.push(request.callSid);
    return 'placed';
  };
  return { dialled, place };
}
const OTHER = `AC${'b'.repeat(32)}`;

it('MT-1 what was queued before the doer came is dealt fairly: an account with a few does not wait for one with many', async () => {
  for (let n = 1; n <= 60; n++) await submit(n);
  for (let n = 61; n <= 63; n++) await submit(n, { accountSid: OTHER });
  const { dialled, place } = phone();
  start(place);
  await eventually(() => {
    expect(dialled).toHaveLength(63);
  });
  // As many are handed out at once: within these the order is that of the answers.
  const last = Math.max(...[61, 62, 63].map((n) => dialled.indexOf(call(n))));
  expect(last).toBeLessThan(6 + 32);
  expect(new Set(dialled).size).toBe(63);
});

it('MT-1 the concurrency cap holds over a change of the doer, and the next starts when one is over', async () => {
  for (let n = 1; n <= 4; n++) await submit(n);
  const { dialled, place } = phone();
  const limits = () => ({ ...FREE, concurrent: 2 });
  const first = start(place, { limits });
  await eventually(() => {
    expect(dialled).toHaveLength(2);
  });
  await first.stop();
  // Over while nobody looks.
  await store.remove(ACCOUNT, dialled[0]!);
  start(place, { limits });
  await eventually(() => {
    expect(dialled).toHaveLength(3);
  });
  await submit(5);
  await store.remove(ACCOUNT, dialled[1]!);
  await eventually(() => {
    expect(dialled).toHaveLength(4);
  });
  const left = await store.all();
  expect(left.filter(({ state }) => state === 'dialling')).toHaveLength(2);
  expect(left.filter(({ state }) => state === 'queued').map(({ callSid }) => callSid)).toEqual([call(5)]);
});

it('MT-10 who fills the queue with long requests has waiting what their length comes to', async () => {
  const none = { ...FREE, concurrent: 0 };
  const { scheduler } = start(() => Promise.resolve('gone'), { limits: () => none });
  await submit(1);
  await submit(2, { order: { to: '+1555', twiml: 'x'.repeat(20_000) } });
  await eventually(() => {
    expect(scheduler.lengthOf(ACCOUNT)).toBe(11);
  });
});

it('MT-1 changed limits hold at once', async () => {
  await submit(1);
  await submit(2);
  let concurrent = 1;
  const { dialled, place } = phone();
  const { scheduler } = start(place, { limits: () => ({ ...FREE, concurrent }) });
  await eventually(() => {
    expect(dialled).toHaveLength(1);
  });
  concurrent = 2;
  scheduler.limitsChanged();
  await eventually(() => {
    expect(dialled).toHaveLength(2);
  });
});

it('MT-7 a call waits for its start time, goes by its priority, and is given up when it expires; each ends once', async () => {
  const now = systemClock.now();
  await submit(1, { expiresAt: now - 1 });
  await submit(2, { startAt: now + 3_600_000 });
  await submit(3, { startAt: now + 300 });
  await submit(4, { priority: 9 });
  await submit(5, { priority: 0 });
  const { dialled, place } = phone();
  const { expired } = start(place);
  await eventually(() => {
    expect(dialled).toHaveLength(3);
    expect(expired).toEqual([call(1)]);
  });
  expect(dialled.at(-1)).toBe(call(3));
  expect(await store.cancel(ACCOUNT, call(2))).toMatchObject({ callSid: call(2) });
  await eventually(async () => {
    expect((await store.all()).map(({ callSid }) => callSid).sort()).toEqual([3, 4, 5].map(call));
    // What is over is forgotten once it was read.
    expect(await store.get(ACCOUNT, call(1))).toBeUndefined();
    expect(await store.get(ACCOUNT, call(2))).toBeUndefined();
  });
});

it('MT-9 a claim of a doer that is gone, made while the next one runs already, is claimed anew', async () => {
  const { dialled, place } = phone();
  const limits = () => ({ ...FREE, concurrent: 0 });
  const state = { limits: limits() };
  const { scheduler } = start(place, { limits: () => state.limits });
  await submit(1);
  const [request] = await store.all();
  await store.move(request!, 'claimed', 'a');
  state.limits = FREE;
  scheduler.limitsChanged();
  await eventually(() => {
    expect(dialled).toEqual([call(1)]);
  }, 20_000);
});

it('MT-2 what waits and what runs is told to who asks, with who waits for longest; nothing where another process schedules', async () => {
  const other = `AC${'b'.repeat(32)}`;
  const limits = { ...FREE, concurrent: 1 };
  const placeAll = async (node: string, request: StoredRequest): Promise<PlaceOutcome> =>
    (await dialling(request, node)) === undefined ? 'gone' : 'placed';
  const from = systemClock.now();
  const { scheduler, stop } = start(placeAll, { limits: () => limits });
  await submit(1, { queuedAt: from - 5000 });
  await eventually(() => {
    expect(scheduler.facts()).toMatchObject({ waiting: 0, running: 1, startedLastMinute: 1 });
  });
  await submit(2, { queuedAt: from - 4000 });
  await submit(3, { queuedAt: from - 3000 });
  await submit(4, { accountSid: other, startAt: from + 3_600_000 });
  await eventually(() => {
    expect(scheduler.facts()).toEqual({
      ...{ waiting: 2, ready: 0, scheduled: 1, perCall: null, running: 1, startedLastMinute: 1, moreAccounts: 0 },
      ...{ oldestQueuedAt: from - 4000, nextStartAt: from + 3_600_000 },
      starts: [{ at: Math.floor((from + 3_600_000) / 60_000) * 60_000, calls: 1 }],
      accounts: [
        { accountSid: ACCOUNT, waiting: 2, scheduled: 0, running: 1, oldestQueuedAt: from - 4000 },
        { accountSid: other, waiting: 0, scheduled: 1, running: 0, oldestQueuedAt: null },
      ],
    });
  });
  expect([scheduler.lengthOf(ACCOUNT), scheduler.lengthOf(other)]).toEqual([2, 1]);
  await stop();
  expect(scheduler.lengthOf(ACCOUNT)).toBeUndefined();
  expect(scheduler.facts()).toBeUndefined();
});

it('MT-6 a call for which a node finds no channel waits, is not dialled twice, and goes when its trunk has room', async () => {
  const { dialled, place } = phone();
  const limits = { total: 2 };
  let used = 0;
  let turnedDown = 0;
  const placeWithChannel = (node: string, request: StoredRequest, { takesChannel }: { takesChannel: boolean }) => {
    expect(takesChannel).toBe(true);
    // One channel is taken by a caller of whom the scheduler does not know.
    if (used === limits.total) {
      turnedDown++;
      return Promise.resolve<PlaceOutcome>('no-channel');
    }
    used++;
    return place(node, request);
  };
  used = 1;
  const trunks = {
    trunksOf: () => ['t'],
    limitsOf: () => limits,
    used: () => Promise.resolve({ t: { [ACCOUNT]: { in: 0, out: used } } }),
  };
  for (let n = 1; n <= 4; n++) await submit(n);
  const { scheduler } = start(placeWithChannel, { trunks });
  await eventually(() => {
    expect(dialled).toHaveLength(1);
    expect(turnedDown).toBeGreaterThan(0);
    expect(scheduler.facts()).toMatchObject({ waiting: 3, ready: 0, running: 1 });
  });
  used = 0;
  await eventually(() => {
    expect(dialled).toHaveLength(3);
  });
  used--;
  await store.remove(ACCOUNT, dialled[0]!);
  await eventually(async () => {
    expect(dialled).toHaveLength(4);
    expect((await store.all()).map(({ state }) => state)).toEqual(['dialling', 'dialling', 'dialling']);
  });
  expect(new Set(dialled).size).toBe(4);
});

it('MT-5 what calls that wait will take is learnt from those of their application that are over, also by the next doer', async () => {
  const { dialled, place } = phone();
  const applications = {
    nameOf: ({ order }: { order: unknown }) => (order as { to: string }).to,
    guessLegs: () => 1,
  };
  const limits = () => ({ ...FREE, concurrent: 1 });
  const order = { to: 'sales' };
  const first = start(place, { limits, applications });
  await submit(1, { order });
  await eventually(() => {
    expect(dialled).toEqual([call(1)]);
  });
  await first.stop();
  const { scheduler } = start(place, { limits, applications });
  await submit(2, { order });
  await eventually(() => {
    expect(scheduler.facts()).toMatchObject({ waiting: 1, perCall: { seconds: 120, legs: 1 } });
  });
  await store.remove(ACCOUNT, call(1), { seconds: 30, legSeconds: 60 });
  await submit(3, { order });
  await submit(4, { order: { to: 'support' } });
  await eventually(() => {
    expect(dialled).toContain(call(2));
    // One of sales and one of support.
    expect(scheduler.facts()).toMatchObject({ waiting: 2, perCall: { seconds: 75, legs: 1.5 } });
  });
});
