import { describe, expect, it } from 'vitest';
import { silentLog } from '../kernel/index.ts';
import { settle } from '../kernel/clock.fake.ts';
import { ACCOUNT, token } from '../hub/testing/fixtures.ts';
import { subscribe, unsubscribe } from './commands/subscribe.ts';
import { ExtensionRegistry, ExtensionSessions } from './extensions.ts';
import type { OutboxLimits } from './outbox.ts';
import { Session } from './session.ts';
import { subscriber } from './testing/subscriber.ts';
import type { Subscriber } from './testing/subscriber.ts';

/** A client that is subscribed to `app.a` and `app.>` and has read one event of `app.b`. */
async function client(limits: Partial<OutboxLimits> = {}) {
  const s = subscriber({ highWaterBytes: 1, ...limits });
  const grants = { ...(await s.hub.verifyToken(token(s.clock))), accountSid: ACCOUNT };
  const session = new Session({
    id: 'c1',
    grants,
    hub: s.hub,
    outbox: s.outbox,
    extensions: (own) => new ExtensionSessions(new ExtensionRegistry([]), own, silentLog),
  });
  await subscribe(session, { type: 'subscribe', id: 1, topic: 'app.a' });
  await subscribe(session, { type: 'subscribe', id: 2, topic: 'app.>' });
  const from = await s.publish('app.b', 'read');
  await s.clock.advanceAsync(20);
  return { s, session, from, end: () => close(s, session) };
}

async function close(s: Subscriber, session: Session): Promise<void> {
  session.close('test');
  await s.close();
}

const stall = (s: Subscriber): void => {
  s.stall();
  s.transport.bufferedBytes = 1;
};

/** What the client was sent: sequences, and the kinds of other frames. */
const sent = (s: Subscriber): (number | string)[] =>
  s.transport.frames.map((frame) => (frame.type === 'event' ? frame.position.seq : frame.type));

describe('overlapping subscriptions of a client', () => {
  it('EV-9 what waits for one that ends is dropped: asked for again from its place, each event comes once', async () => {
    const { s, session, from, end } = await client();
    stall(s);
    for (const topic of ['app.b', 'app.a', 'app.b', 'app.a']) await s.publish(topic);
    unsubscribe(session, { type: 'unsubscribe', id: 3, topic: 'app.>' });
    await subscribe(session, { type: 'subscribe', id: 4, topic: 'app.>', position: from });
    await settle();
    await s.resume();
    expect(sent(s)).toEqual(['subscribed', 'subscribed', 1, 3, 5, 'unsubscribed', 'subscribed', 2, 4]);
    await end();
  });

  it('EV-6 an event that was live for another comes before the answer: after it nothing older is still to come', async () => {
    const { s, session, from, end } = await client();
    unsubscribe(session, { type: 'unsubscribe', id: 3, topic: 'app.>' });
    for (const topic of ['app.b', 'app.a', 'app.b']) await s.publish(topic);
    await s.clock.advanceAsync(20);
    // Each of these waits for the end of a window.
    await s.publish('app.a');
    await s.publish('app.a');
    await subscribe(session, { type: 'subscribe', id: 4, topic: 'app.>', position: from });
    await s.publish('app.a');
    await s.clock.advanceAsync(20);
    expect(sent(s).slice(4)).toEqual([3, 5, 6, 'subscribed', 2, 4, 7]);
    await end();
  });

  it('EV-6 what cannot be done without is sent although the events before it are dropped', async () => {
    const { s, session, end } = await client({ maxEventFrames: 5 });
    stall(s);
    for (let n = 0; n < 3; n++) await s.publish('app.a');
    unsubscribe(session, { type: 'unsubscribe', id: 3, topic: 'app.>' });
    expect(s.outbox.waiting.control).toBe(0);
    for (let n = 0; n < 4; n++) await s.publish('app.a');
    expect(s.outbox.waiting.control).toBe(1);
    await s.resume();
    expect(s.transport.of('unsubscribed').map(({ id }) => id)).toEqual([3]);
    await end();
  });
});
