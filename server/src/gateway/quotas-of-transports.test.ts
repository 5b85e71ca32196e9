import { expect, it } from 'vitest';
import { systemClock } from '../kernel/index.ts';
import type { AccountLimits } from '../tenants/index.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_KEY, OTHER_SECRET, hubFixture, token } from '../hub/testing/fixtures.ts';
import { Quotas } from './index.ts';
import { SseClient, httpFixture } from './http/testing/http-fixture.ts';
import { TRANSPORTS, nativeClient } from './testing/clients.ts';

const OTHER_TOKEN = token(systemClock, { accountSid: OTHER_ACCOUNT, keySid: OTHER_KEY, secret: OTHER_SECRET });

async function world(first: AccountLimits) {
  const fixture = hubFixture(systemClock, 0);
  const own = { limits: first };
  const source = (sid: string): AccountLimits | undefined => (sid === ACCOUNT ? own.limits : undefined);
  const quotas = new Quotas({ clock: systemClock, source });
  const http = await httpFixture({ hub: fixture.hub, quotas });
  const get = (path: string, account = ACCOUNT): Promise<Response> =>
    fetch(`${http.base}/v1/hub/${path}&access_token=${account === ACCOUNT ? token(systemClock) : OTHER_TOKEN}`);
  return {
    ...http,
    own,
    quotas,
    get,
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]();
      await fixture.hub.close();
      for (const { connections, subscriptions } of quotas.usage()) expect([connections, subscriptions]).toEqual([0, 0]);
    },
  };
}

for (const [transport, open] of Object.entries(TRANSPORTS)) {
  it(`EV-9 over ${transport}: what is over a limit of the account is told, with the time to wait; a change holds at once`, async () => {
    await using w = await world({ subscriptions: 1, publishBytesPerSecond: 1, publishBytesBurst: 10 });
    const client = await open(w.port);
    await client.ask({ type: 'connect', id: 1, token: token(systemClock) });
    expect((await client.ask({ type: 'subscribe', id: 2, topic: 'app.a' })).type).toBe('subscribed');
    const refused = { type: 'error', name: 'limitExceeded', temporary: true };
    expect(await client.ask({ type: 'subscribe', id: 3, topic: 'app.b' })).toMatchObject({
      ...refused,
      message: 'the account has its 1 subscriptions',
      retryAfterMs: 5000,
    });
    const data = 'x'.repeat(2000);
    expect((await client.ask({ type: 'publish', id: 4, topic: 'app.a', data })).type).toBe('published');
    const answer = await client.ask({ type: 'publish', id: 5, topic: 'app.a', data: 1 });
    expect(answer).toMatchObject({ ...refused, message: 'the account publishes more than 1 bytes a second' });
    expect((answer as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(1_000_000);
    w.own.limits = { connections: 1 };
    expect((await client.ask({ type: 'publish', id: 6, topic: 'app.a', data: 1 })).type).toBe('published');
    expect((await client.ask({ type: 'subscribe', id: 7, topic: 'app.b' })).type).toBe('subscribed');
    const second = await open(w.port);
    expect(await second.ask({ type: 'connect', id: 1, token: token(systemClock) })).toMatchObject(refused);
    await second.closed;
    await client.close();
  });
}

it('EV-9 over server-sent events and long-polling: 429 with Retry-After, a problem document says which limit', async () => {
  await using w = await world({ connections: 1, subscriptions: 2 });
  const url = (path: string): string => `${w.base}/v1/hub/${path}&access_token=${token(systemClock)}`;
  for (const path of ['events?', 'poll?timeout=0&']) {
    const answer = await w.get(`${path}topic=app.a&topic=app.b&topic=app.c`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '5']);
    expect(await answer.json()).toMatchObject({
      name: 'limitExceeded',
      detail: 'the account has its 2 subscriptions',
    });
  }
  const stream = await SseClient.open(url('events?topic=app.a&topic=app.b'));
  await stream.count('subscribed', 1);
  for (const path of ['events?', 'poll?timeout=0&']) {
    const answer = await w.get(`${path}topic=app.a`);
    expect([path, answer.status, await answer.json()]).toMatchObject([
      path,
      429,
      { name: 'limitExceeded', detail: 'the account has its 1 connections' },
    ]);
  }
  expect((await w.get('poll?timeout=0&topic=app.a', OTHER_ACCOUNT)).status).toBe(200);
  await stream.close();
  await expect.poll(() => w.gateway.connections).toBe(0);
  expect((await w.get('poll?timeout=0&topic=app.a')).status).toBe(200);
  // One rate, whatever the transport.
  w.own.limits = { publishBurst: 1, publishesPerSecond: 1 };
  const client = await nativeClient(w.port);
  await client.ask({ type: 'connect', id: 1, token: token(systemClock) });
  w.quotas.publish(ACCOUNT, 1);
  expect(await client.ask({ type: 'publish', id: 2, topic: 'app.a', data: 1 })).toMatchObject({
    name: 'limitExceeded',
  });
  await client.close();
});
