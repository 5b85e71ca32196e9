import { expect, it } from 'vitest';
import type { EventSink } from '../../calls/ports.ts';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom, silentLog } from '../../kernel/index.ts';
import { BRIDGE_REQUEST_LIMITS, BridgeRequests } from './bridge-requests.ts';
import { ExpiryWatch } from './expiry-watch.ts';
import { documentOf } from './instructions.ts';
import { MemoryBridgeRequestStore } from './request-store.memory.ts';

const ACCOUNT = `AC${'1'.repeat(32)}`;
const OTHER = `AC${'2'.repeat(32)}`;
const CALL = `CA${'1'.repeat(32)}`;
const alice = { accountSid: ACCOUNT, identity: 'alice' };
const wish = {
  ...alice,
  to: '+15550123',
  from: '+15550100',
  applicationSid: undefined,
  data: { text: 'call me' },
  announced: true,
  ttlMs: 60_000,
};

/** Two processes on one store. */
function setUp() {
  const clock = new FakeClock();
  const store = new MemoryBridgeRequestStore();
  const told: string[] = [];
  const events: EventSink = {
    emit: ({ type, data }) => {
      told.push(`${type.slice('client.'.length)} ${'status' in data ? String(data.status) : ''}`.trim());
    },
  };
  const random = seededRandom(5);
  const [one, two] = [0, 1].map(() => new BridgeRequests({ store, events, clock, random }));
  return { clock, store, told, one: one!, two: two!, reason: reasonOf };
}

async function reasonOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'done',
    (error: unknown) => (error as { reason: string }).reason,
  );
}

it('BR-10 of two clients that answer at once exactly one is first, and the other is told so', async () => {
  const t = setUp();
  const request = await t.one.create(wish);
  const token = t.one.tokenOf(request);
  const opened = await Promise.all([t.one.open(alice, token), t.two.open(alice, token)]);
  const outcomes = await Promise.all(
    opened.map((held, index) => t.reason([t.one, t.two][index]!.accept(held, { callSid: CALL }))),
  );
  expect(outcomes.sort()).toEqual(['accepted', 'done']);
  expect(t.told).toEqual(['bridge-request', 'bridge-request-closed accepted']);
  expect(await t.two.get(ACCOUNT, request.sid)).toMatchObject({ status: 'accepted', callSid: CALL });
  expect(await t.reason(t.one.open(alice, token))).toBe('accepted');
  expect(await t.reason(t.one.cancel(ACCOUNT, request.sid))).toBe('accepted');
});

it('BR-10 a token is for its account, its identity and its time, and a foreign one learns nothing', async () => {
  const t = setUp();
  const request = await t.one.create(wish);
  const token = t.one.tokenOf(request);
  expect(await t.reason(t.one.open({ ...alice, identity: 'bob' }, token))).toBe('foreign');
  expect(await t.reason(t.one.open({ accountSid: OTHER, identity: 'alice' }, token))).toBe('unknown');
  for (const forged of ['', 'x', `${token}0`, token.replace(/.$/, (c) => (c === '0' ? '1' : '0')), `${token} `]) {
    expect(await t.reason(t.one.open(alice, forged)), forged).toBe('unknown');
  }
  // Whoever holds no secret is not told that there is a request of somebody else.
  expect(await t.reason(t.one.open({ ...alice, identity: 'bob' }, `${token.slice(0, 33)}${'0'.repeat(32)}`))).toBe(
    'unknown',
  );
  const held = await t.one.open(alice, token);
  t.clock.advance(60_000);
  expect(await t.reason(t.one.open(alice, token))).toBe('expired');
  expect(await t.reason(t.one.accept(held, { callSid: CALL }))).toBe('expired');
});

it('BR-10 requests expire by themselves, each told once however many processes watch', async () => {
  const t = setUp();
  const watches = [t.one, t.two].map(
    (requests) => new ExpiryWatch({ requests, store: t.store, clock: t.clock, log: silentLog }),
  );
  const short = await t.one.create({ ...wish, ttlMs: 5000 });
  const taken = await t.one.create({ ...wish, ttlMs: 5000 });
  await t.one.create(wish);
  await t.one.accept(await t.one.open(alice, t.one.tokenOf(taken)), { callSid: CALL });
  t.told.length = 0;
  await t.clock.advanceAsync(4999);
  expect(t.told).toEqual([]);
  await t.clock.advanceAsync(1);
  expect(t.told).toEqual(['bridge-request-closed expired']);
  expect(await t.two.get(ACCOUNT, short.sid)).toMatchObject({ status: 'expired' });
  await t.clock.advanceAsync(60_000);
  expect(t.told).toHaveLength(2);
  for (const watch of watches) watch.close();
  expect(t.clock.pendingTimers).toBe(0);
});

it('offers what is announced and waits, bounded for each identity and account', async () => {
  const t = setUp();
  const first = await t.one.create(wish);
  t.clock.advance(1);
  await t.one.create({ ...wish, announced: false });
  const second = await t.one.create(wish);
  expect(t.one.offers(alice).map(({ requestSid }) => requestSid)).toEqual([first.sid, second.sid]);
  expect(t.told).toEqual(['bridge-request', 'bridge-request']);
  await t.one.cancel(ACCOUNT, first.sid);
  expect(t.one.offers(alice).map(({ requestSid }) => requestSid)).toEqual([second.sid]);
  for (let held = 2; held < BRIDGE_REQUEST_LIMITS.ofIdentity; held++) await t.one.create(wish);
  expect(await t.reason(t.one.create(wish))).toBe('limit');
  const rest = BRIDGE_REQUEST_LIMITS.ofAccount - t.one.offers(alice).length - 1;
  for (let more = 0; more < rest; more++) await t.one.create({ ...wish, identity: `agent-${more}` });
  expect(await t.reason(t.one.create({ ...wish, identity: 'bob' }))).toBe('limit');
  t.clock.advance(60_000);
  expect(await t.reason(t.one.create(wish))).toBe('done');
});

it('the document dials numbers, clients and SIP addresses, whatever characters they hold', () => {
  expect(documentOf({ to: '+15550123', from: '+15550100' })).toBe(
    '<Response><Dial answerOnBridge="true" callerId="+15550100"><Number>+15550123</Number></Dial></Response>',
  );
  expect(documentOf({ to: 'client:a&b', from: 'client:"x"' })).toContain(
    'callerId="client:&quot;x&quot;"><Client>a&amp;b</Client>',
  );
  expect(documentOf({ to: 'sip:a@b;x=<1>', from: '1' })).toContain('<Sip>sip:a@b;x=&lt;1&gt;</Sip>');
});
