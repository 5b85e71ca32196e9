import { expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { RequestLimiter } from './request-limiter.ts';
import { RequestWidth } from './request-width.ts';
import { RestWorld } from './testing/rest-world.ts';

const RATES = { requestsPerSecond: 10, requestBurst: 20 };
const [FLOOD, QUIET] = [`AC${'f'.repeat(32)}`, `AC${'0'.repeat(32)}`];
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('MT-10 so many requests of an account are under way at once; those of another need not wait for them', async () => {
  const clock = new FakeClock();
  const limiter = new RequestLimiter({ clock, atOnce: 2 });
  const under: (() => void)[] = [];
  for (let n = 0; n < 5; n++) void limiter.admit(FLOOD, RATES).then((over) => under.push(over));
  await settle();
  expect(under).toHaveLength(2);
  (await limiter.admit(QUIET, RATES))();
  under[0]?.();
  under[0]?.();
  await settle();
  expect(under).toHaveLength(3);
  // What takes long waits for something else than this process: the next may begin.
  clock.advance(50);
  await settle();
  expect(under).toHaveLength(5);
  for (const over of under) over();
  expect(clock.pendingTimers).toBe(0);
});

it('MT-10 above its rate an account is refused, after a while, and told when to ask again', async () => {
  const clock = new FakeClock();
  const limiter = new RequestLimiter({ clock });
  for (let n = 0; n < 20; n++) (await limiter.admit(FLOOD, RATES))();
  let refused: unknown;
  void limiter.admit(FLOOD, RATES).catch((error: unknown) => (refused = error));
  await settle();
  expect(refused).toBeUndefined();
  (await limiter.admit(QUIET, RATES))();
  clock.advance(500);
  await settle();
  expect(refused).toMatchObject({ reason: 'tooManyRequests', headers: { 'retry-after': '1' } });
  expect(String(refused)).toMatch(/10 requests a second \(requestsPerSecond\)/);
  (await limiter.admit(FLOOD, RATES))();
  expect(clock.pendingTimers).toBe(0);
});

it('MT-10 a busy process works on fewer requests of an account at once, on fewer still while others ask', () => {
  const clock = new FakeClock();
  let busy = 0.1;
  const width = new RequestWidth(clock, () => busy);
  const after = (steps: number): number => {
    for (let n = 0; n < steps; n++) {
      clock.advance(100);
      width.asked(FLOOD);
      width.of(FLOOD);
    }
    return width.of(FLOOD);
  };
  expect([width.of(FLOOD), after(1), after(50)]).toEqual([3, 4, 16]);
  busy = 0.9;
  expect([after(1), after(5)]).toEqual([8, 3]);
  expect(width.pauseMs(FLOOD)).toBe(0);
  width.asked(QUIET);
  busy = 0.6;
  expect(after(5)).toBe(1);
  expect(width.pauseMs(FLOOD)).toBeGreaterThan(0.5);
  // Nobody else asked for a second.
  clock.advance(500);
  expect(width.pauseMs(FLOOD)).toBe(0);
  expect(after(100)).toBe(16);
});

it('MT-10 REST answers 429 with Retry-After, by the limits of the account that asks', async () => {
  const world = await RestWorld.open();
  const child = await world.newAccount('Child', world.account.sid);
  const limits = { json: { requestsPerSecond: 1, requestBurst: 1 } };
  expect((await world.request('PUT', `/v1/accounts/${child.sid}/limits`, limits)).statusCode).toBe(200);
  const path = `/2010-04-01/Accounts/${child.sid}.json`;
  expect((await world.request('GET', path, { as: child })).statusCode).toBe(200);
  const late = world.request('GET', path, { as: child });
  // Its owner is not held to that.
  expect((await world.request('GET', path)).statusCode).toBe(200);
  world.clock.advance(500);
  const refused = await late;
  expect(refused.statusCode, refused.body).toBe(429);
  expect(refused.json()).toMatchObject({ code: 20429, status: 429 });
  expect(refused.headers['retry-after']).toBe('1');
});
