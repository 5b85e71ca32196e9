import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SoftphonePush } from '@hookswitch/shared';
import { settle } from '../kernel/clock.fake.ts';
import { silentLog } from '../kernel/index.ts';
import { callMessaging } from './call-messaging.ts';
import type { CallMessageReply, CallMessageRequest } from './ports.ts';
import { ACCOUNT, APPLICATION, json, NOTHING, World } from './testing/world.fake.ts';
import type { FakeDevice } from './testing/world.fake.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  expect(await world.residue()).toEqual(NOTHING);
});

type Wish = CallMessageRequest extends infer R
  ? R extends unknown
    ? Omit<R, 'accountSid' | 'callSid'>
    : never
  : never;

function rest(callSid: string, wish: Wish, accountSid = ACCOUNT): Promise<CallMessageReply> {
  const rpc = world.network.node('rest');
  const messaging = callMessaging({ rpc, nodes: () => ['node-a'], log: silentLog });
  return messaging.request({ accountSid, callSid, ...wish });
}
const subscribe = (callSid: string, url = 'http://app.test/message'): Promise<CallMessageReply> =>
  rest(callSid, { kind: 'subscribe', url, method: 'POST' });
const say = (device: FakeDevice, callSid: string, content: unknown, messageId = 'm1') =>
  device.ask({ type: 'message', callSid, messageId, content });
const answers = (device: FakeDevice) =>
  device.pushes.filter(
    (push): push is Extract<SoftphonePush, { type: 'message-answer' }> => push.type === 'message-answer',
  );

describe('EV-7 a message of the softphone', () => {
  it('is published, handed to the application, and answered', async () => {
    const { child, device, root } = await world.talking();
    const made = await subscribe(child);
    expect(made).toMatchObject({ ok: true, sid: expect.stringMatching(/^ZY[0-9a-f]{32}$/) as string });
    world.application.answer = () => Promise.resolve(json('{"balance":12}'));
    const stored = await say(device, child, { ask: 'balance' });
    expect(stored).toEqual({ messageSid: expect.stringMatching(/^KX[0-9a-f]{32}$/) as string });
    const messageSid = String(stored['messageSid']);
    expect(world.bus.of('call.message')).toEqual([
      {
        callSid: child,
        parentCallSid: root,
        direction: 'outbound-dial',
        from: '+1',
        to: 'alice',
        applicationSid: APPLICATION,
        messageSid,
        sender: 'client',
        identity: 'alice',
        content: { ask: 'balance' },
      },
    ]);
    expect(world.application.asked).toMatchObject([
      {
        accountSid: ACCOUNT,
        callSid: child,
        url: 'http://app.test/message',
        method: 'POST',
        params: {
          CallSid: child,
          ParentCallSid: root,
          ApplicationSid: APPLICATION,
          Identity: 'alice',
          Sid: messageSid,
          Content: '{"ask":"balance"}',
          ContentType: 'application/json',
        },
      },
    ]);
    expect(answers(device)).toEqual([
      { type: 'message-answer', callSid: child, messageId: 'm1', messageSid, answer: { balance: 12 } },
    ]);
  });

  it('reaches those who subscribed to the caller it talks with; without any it has no answer', async () => {
    const { root, child, device } = await world.talking();
    await say(device, child, 1, 'm0');
    expect(answers(device)[0]).not.toHaveProperty('answer');
    expect(answers(device)[0]).not.toHaveProperty('problem');
    await subscribe(root);
    await say(device, child, 2, 'm1');
    expect(world.application.asked.map(({ params }) => params['Content'])).toEqual(['2']);
  });

  it('is not acknowledged before it is stored', async () => {
    const { child, device } = await world.talking();
    await subscribe(child);
    world.bus.outcome = undefined;
    const asked = device.extension.handle(device.connection, {
      type: 'message',
      callSid: child,
      messageId: 'a',
      content: 1,
    });
    let settled = false;
    void asked.then(() => (settled = true));
    await settle();
    expect(settled).toBe(false);
    expect(world.application.asked).toEqual([]);
    await world.clock.advanceAsync(4000);
    expect(await asked).toMatchObject({ error: 'unavailable' });
    world.bus.outcome = 'refused';
    expect(await say(device, child, 1, 'b')).toMatchObject({ error: 'unavailable' });
    expect(world.application.asked).toEqual([]);
  });

  it('repeated with its id it is stored once and answered again', async () => {
    const { child, device } = await world.talking();
    await subscribe(child);
    const first = await say(device, child, 'hello');
    expect(await say(device, child, 'hello')).toEqual(first);
    expect(world.bus.of('call.message')).toHaveLength(1);
    expect(world.application.asked).toHaveLength(1);
    expect(answers(device)).toHaveLength(2);
  });

  it('messages of a call reach the application one at a time, in order', async () => {
    const { child, device } = await world.talking();
    await subscribe(child);
    const waiting: (() => void)[] = [];
    world.application.answer = ({ params }) =>
      new Promise((resolve) => {
        waiting.push(() => {
          resolve(json(params['Content'] ?? ''));
        });
      });
    for (const n of [1, 2, 3]) await say(device, child, n, `m${n}`);
    for (const n of [1, 2, 3]) {
      expect(world.application.asked).toHaveLength(n);
      waiting[n - 1]?.();
      await settle();
    }
    expect(answers(device).map(({ answer }) => answer)).toEqual([1, 2, 3]);
  });

  it.each([
    [
      'an answer that is no JSON',
      json('<Response/>', 'text/xml'),
      'the application answered text/xml, which is no JSON',
    ],
    [
      'an answer too large',
      json(JSON.stringify('x'.repeat(10_000))),
      "the application's answer is larger than 10000 bytes",
    ],
    [
      'no answer',
      { ok: false, url: 'u', code: 11_200, message: 'it answered 500', hint: '', durationMs: 1 } as const,
      'the application was not reached: it answered 500',
    ],
  ])('%s is explained', async (_what, response, problem) => {
    const { child, device } = await world.talking();
    await subscribe(child);
    world.application.answer = () => Promise.resolve(response);
    await say(device, child, 1);
    expect(answers(device)).toMatchObject([{ problem }]);
  });

  it('only the party of the call may send, within size and rate', async () => {
    const { child, device, root } = await world.talking();
    const other = await world.registered('bob');
    expect(await say(other, child, 1)).toMatchObject({ error: 'noSuchCall' });
    expect(await say(device, root, 1)).toMatchObject({ error: 'noSuchCall' });
    expect(await say(device, child, 'x'.repeat(9_998))).toHaveProperty('messageSid');
    expect(await say(device, child, 'x'.repeat(9_999), 'm2')).toMatchObject({ error: 'payloadTooLarge' });
    expect(await device.ask({ type: 'message', callSid: child, messageId: 'm3' } as never)).toMatchObject({
      error: 'badFrame',
    });
    for (let n = 1; n < 20; n++) expect(await say(device, child, n, `r${n}`)).toHaveProperty('messageSid');
    expect(await say(device, child, 1, 'over')).toMatchObject({ error: 'limitExceeded' });
    await world.clock.advanceAsync(1000);
    expect(await say(device, child, 1, 'later')).toHaveProperty('messageSid');
  });

  it('a slow application holds back 20 messages, no more', async () => {
    const { child, device } = await world.talking();
    await subscribe(child);
    const slow = Promise.withResolvers<never>();
    world.application.answer = () => slow.promise;
    for (let n = 0; n < 20; n++) expect(await say(device, child, n, `m${n}`)).toHaveProperty('messageSid');
    await world.clock.advanceAsync(1000);
    expect(await say(device, child, 1, 'over')).toMatchObject({ error: 'limitExceeded' });
  });
});

describe('EV-7 a message of the application', () => {
  it('reaches the softphone of the leg, or the one that talks with the caller, once it is stored', async () => {
    const { child, root, device } = await world.talking();
    const sent = await rest(child, { kind: 'send', content: { screen: 'order 17' } });
    expect(sent).toMatchObject({ ok: true, sid: expect.stringMatching(/^KX/) as string });
    await rest(root, { kind: 'send', content: 2 });
    const told = device.pushes.filter((push) => push.type === 'message');
    expect(told).toMatchObject([
      { callSid: child, messageSid: sent.ok && sent.sid, content: { screen: 'order 17' } },
      { callSid: child, content: 2 },
    ]);
    expect(world.bus.of('call.message').map(({ sender, callSid }) => [sender, callSid])).toEqual([
      ['application', child],
      ['application', child],
    ]);
    world.bus.outcome = 'refused';
    expect(await rest(child, { kind: 'send', content: 3 })).toMatchObject({ ok: false, reason: 'unavailable' });
    expect(device.pushes.filter((push) => push.type === 'message')).toHaveLength(2);
  });

  it('an idempotency key makes it once', async () => {
    const { child, device } = await world.talking();
    const one = await rest(child, { kind: 'send', content: 1, idempotencyKey: 'k' });
    expect(await rest(child, { kind: 'send', content: 1, idempotencyKey: 'k' })).toEqual(one);
    expect(device.pushes.filter((push) => push.type === 'message')).toHaveLength(1);
    const wish = { kind: 'subscribe', url: 'http://app.test/', method: 'POST', idempotencyKey: 'k' } as const;
    const made = await rest(child, wish);
    expect(made).not.toEqual(one);
    expect(await rest(child, wish)).toEqual(made);
    await say(device, child, 1);
    expect(world.application.asked).toHaveLength(1);
  });

  it('waits for a softphone that lost its connection, and follows it to another gateway, as answers do', async () => {
    const { child, device } = await world.talking();
    await subscribe(child);
    const [{ hint } = { hint: '' }] = device.incoming;
    const { reconnectToken } = (await device.accept()) as { reconnectToken: string };
    device.drop();
    await settle();
    await rest(child, { kind: 'send', content: 'later' });
    expect(device.pushes.filter((push) => push.type === 'message')).toEqual([]);
    const elsewhere = world.device('alice', {}, world.gateway('gate-b'));
    expect(await elsewhere.ask({ type: 'reattach', callSid: child, hint, reconnectToken })).toHaveProperty(
      'state',
      'open',
    );
    expect(elsewhere.pushes).toMatchObject([{ type: 'message', content: 'later' }]);
    expect(await say(elsewhere, child, 1)).toHaveProperty('messageSid');
    expect(answers(elsewhere)).toMatchObject([{ answer: {} }]);
    expect(await say(device, child, 1)).toMatchObject({ error: 'noSuchCall' });
  });

  it('is refused without such a call, of another account, without a softphone, and after unsubscribing', async () => {
    const { root } = await world.caller();
    const accountSid = `AC${'9'.repeat(32)}`;
    expect(await rest(`CA${'0'.repeat(32)}`, { kind: 'send', content: 1 })).toEqual({
      ok: false,
      reason: 'no-such-call',
    });
    expect(await rest(root, { kind: 'send', content: 1 }, accountSid)).toEqual({ ok: false, reason: 'no-such-call' });
    expect(await rest(root, { kind: 'send', content: 1 })).toEqual({ ok: false, reason: 'no-client' });
    const made = await subscribe(root);
    const sid = made.ok ? made.sid : '';
    expect(await rest(root, { kind: 'unsubscribe', sid })).toMatchObject({ ok: true });
    expect(await rest(root, { kind: 'unsubscribe', sid })).toEqual({ ok: false, reason: 'not-found' });
    for (let n = 0; n < 10; n++) expect(await subscribe(root)).toMatchObject({ ok: true });
    expect(await subscribe(root)).toMatchObject({ ok: false, reason: 'limit' });
  });
});

describe('BR-7 presence of softphones', () => {
  const states = () => world.bus.of('client.presence').map(({ state }) => state);

  it('is published and stored: busy with a call, available after it', async () => {
    const { child, device } = await world.talking();
    expect(states()).toEqual(['busy']);
    expect(await world.registrations.list(ACCOUNT, 'al')).toMatchObject([{ identity: 'alice', state: 'busy' }]);
    await device.ask({ type: 'hangup', callSid: child });
    expect(states()).toEqual(['busy', 'available']);
    expect(await world.registrations.list(ACCOUNT, '')).toMatchObject([{ state: 'available' }]);
  });

  it('a device that is away is not rung, others are, and it rings when it is back', async () => {
    const [away, present] = [await world.registered(), await world.registered()];
    expect(await away.ask({ type: 'presence', state: 'away' })).toEqual({ state: 'away' });
    const { root } = await world.caller();
    await world.dial(root);
    expect([away.words(), present.words()]).toEqual([[], ['incoming']]);
    expect(await away.ask({ type: 'presence', state: 'available' })).toEqual({ state: 'available' });
    expect(away.words()).toEqual(['incoming']);
    expect(states()).toEqual(['away', 'available']);
  });

  it('with every device away nobody is rung', async () => {
    const device = await world.registered();
    await device.ask({ type: 'presence', state: 'away' });
    const { root } = await world.caller();
    const child = await world.dial(root);
    expect(world.router.words(child)).toEqual(['ended not-registered local']);
    expect(device.words()).toEqual([]);
  });

  it('stays away over a reconnect; a connection that is not registered has no presence', async () => {
    const device = await world.registered();
    await device.ask({ type: 'presence', state: 'away' });
    const [held] = await world.registrations.list(ACCOUNT, '');
    device.drop();
    const again = world.device();
    expect(await again.ask({ type: 'presence', state: 'away' })).toMatchObject({ error: 'notRegistered' });
    await again.register(held?.registration);
    expect(await world.registrations.list(ACCOUNT, '')).toMatchObject([{ state: 'away' }]);
    expect(states()).toEqual(['away']);
  });
});
