import { once } from 'node:events';
import { connect } from 'node:net';
import { EventSource } from 'undici';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../kernel/index.ts';
import { ACCOUNT, event, hubFixture, token } from '../../hub/testing/fixtures.ts';
import { SseClient, httpFixture } from './testing/http-fixture.ts';
import type { HttpFixtureOptions } from './testing/http-fixture.ts';

async function world(options: Omit<HttpFixtureOptions, 'hub'> = {}) {
  const fixture = hubFixture(systemClock, 0);
  const http = await httpFixture({ hub: fixture.hub, ...options });
  const url = (query: string, access = token(systemClock)): string =>
    `${http.base}/v1/hub/events?${query}&access_token=${access}`;
  return {
    ...fixture,
    ...http,
    url,
    publish: (topic: string, data: unknown = {}) => fixture.hub.publish(ACCOUNT, topic, event(data)),
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]();
      await fixture.hub.close();
      expect(fixture.log.subscriptions).toBe(0);
      expect(http.gateway.connections).toBe(0);
    },
  };
}

const seqs = (client: SseClient): number[] =>
  client.of('message').map(({ data }) => (data as { position: { seq: number } }).position.seq);

describe('server-sent events', () => {
  it('EV-5 an event stream has the same event frames as the other transports, with their position as id', async () => {
    await using w = await world();
    const client = await SseClient.open(w.url('topic=app.a'));
    const [subscribed] = await client.count('subscribed', 1);
    expect(subscribed).toMatchObject({ retry: '1000', data: { recovered: true, topics: [{ topic: 'app.a' }] } });
    expect(subscribed?.id).toBeDefined();
    const position = await w.publish('app.a', { text: 'one\ntwo' });
    const [message] = await client.count('message', 1);
    expect(message?.data).toMatchObject({
      type: 'event',
      topic: 'app.a',
      position,
      event: { data: { text: 'one\ntwo' } },
    });
    expect(message?.id).toBe(`${position.epoch}:${position.seq}`);
    await client.close();
  });

  it('EV-6 Last-Event-ID resumes all topics of a stream exactly, whatever order they were subscribed in', async () => {
    await using w = await world();
    for (let n = 1; n <= 40; n++) await w.publish(n % 2 === 0 ? 'app.even' : 'app.odd', { n });
    const all = 'topic=app.even&topic=app.odd&topic=app.*';
    const first = await SseClient.open(w.url(`${all}&rewind=1000`));
    await first.count('message', 40);
    expect(seqs(first)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    await first.close();
    for (const from of [0, 7, 22, 39]) {
      const id = first.of('message')[from]?.id ?? '';
      const headers = { 'last-event-id': id, authorization: `Bearer ${token(systemClock)}` };
      const next = await SseClient.open(`${w.base}/v1/hub/events?${all}`, headers);
      await w.publish('app.odd');
      await next.count('message', (await head(w)) - from - 1);
      expect(seqs(next)).toEqual(Array.from({ length: (await head(w)) - from - 1 }, (_, n) => from + 2 + n));
      await next.close();
    }
  });

  it('EV-6 a position that cannot be honoured is told before anything else, and the header goes before the parameter', async () => {
    await using w = await world();
    await w.publish('app.a');
    const client = await SseClient.open(w.url('topic=app.a&last_event_id=x:1'), { 'last-event-id': 'gone:77' });
    await w.publish('app.a');
    await client.count('message', 1);
    expect(client.messages[0]).toMatchObject({ event: 'subscribed', data: { recovered: false } });
    expect(seqs(client)).toEqual([2]);
    await client.close();
    const again = await SseClient.open(
      w.url(`topic=app.a&last_event_id=${encodeURIComponent(client.messages[0]?.id ?? '')}`),
    );
    await again.count('message', 1);
    expect(again.messages[0]).toMatchObject({ event: 'subscribed', data: { recovered: true } });
    expect(seqs(again)).toEqual([2]);
    await again.close();
  });

  it('EV-6 an EventSource comes back by itself after its stream was ended, without gap or duplicate', async () => {
    await using w = await world();
    const source = new EventSource(w.url('topic=app.a'));
    const got: number[] = [];
    const wanted = Promise.withResolvers<void>();
    source.addEventListener('message', (message) => {
      got.push((JSON.parse(String(message.data)) as { position: { seq: number } }).position.seq);
      if (got.length === 3) wanted.resolve();
    });
    await once(source, 'subscribed');
    await w.publish('app.a');
    while (got.length < 1) await once(source, 'message');
    w.gateway.disconnect(() => true, 'overloaded');
    await once(source, 'disconnect');
    await w.publish('app.a');
    await once(source, 'subscribed');
    await w.publish('app.a');
    await wanted.promise;
    expect(got).toEqual([1, 2, 3]);
    source.close();
  });

  it('EV-3 the filter of the query is the filter of the subscription', async () => {
    await using w = await world();
    const client = await SseClient.open(w.url('topic=app.>&type=app.other&type=app.tes'));
    await client.count('subscribed', 1);
    await w.publish('app.a');
    await w.hub.publish(ACCOUNT, 'app.a', { ...event(), type: 'app.other' });
    await client.count('message', 1);
    expect(seqs(client)).toEqual([2]);
    await client.close();
  });

  it('EV-4 what is not granted, no topic, a bad one and a bad token are refused with a status', async () => {
    await using w = await world();
    const narrow = token(systemClock, { hub: { subscribe: ['app.mine'] } });
    const status = async (url: string): Promise<[number, string]> => {
      const response = await fetch(url);
      return [response.status, ((await response.json()) as { name: string }).name];
    };
    expect(await status(w.url('topic=app.a', narrow))).toEqual([403, 'notPermitted']);
    expect(await status(w.url('topic=app.mine&topic=app.a', narrow))).toEqual([403, 'notPermitted']);
    expect(await status(w.url('x=y'))).toEqual([400, 'badTopic']);
    expect(await status(w.url('topic=a..b'))).toEqual([400, 'badTopic']);
    expect(await status(w.url('topic=app.a&type=*.*'))).toEqual([400, 'badFrame']);
    expect(await status(w.url('topic=app.a', 'garbage'))).toEqual([401, 'tokenInvalid']);
    expect(await status(`${w.base}/v1/hub/events?topic=app.a`)).toEqual([401, 'tokenInvalid']);
    const preflight = await fetch(`${w.base}/v1/hub/events`, { method: 'OPTIONS' });
    expect(preflight.headers.get('access-control-allow-headers')).toContain('last-event-id');
  });

  it('heartbeats are comments, and a token that expires ends the stream with its code', async () => {
    await using w = await world({ gateway: { rules: { heartbeatMs: 20 } } });
    const client = await SseClient.open(w.url('topic=app.a', token(systemClock, { ttlSeconds: 1 })));
    await client.count('disconnect', 1);
    expect(client.comments).toBeGreaterThan(1);
    expect(client.of('disconnect')[0]?.data).toMatchObject({ code: 4100 });
    await client.ended;
  });

  it('EV-9 a reader that takes nothing costs a bounded memory and is closed when nothing goes out', async () => {
    await using w = await world({ gateway: { rules: { heartbeatMs: 50, closingMs: 50 } } });
    const socket = connect(w.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`GET ${w.url('topic=app.a').slice(w.base.length)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, 'readable');
    socket.pause();
    const gone = once(socket, 'close');
    socket.on('error', () => undefined);
    const data = 'x'.repeat(30_000);
    for (let n = 0; n < 2000 && w.gateway.connections > 0; n++) await w.publish('app.a', data);
    while (w.gateway.connections > 0) await new Promise((resolve) => void setImmediate(resolve));
    socket.resume();
    await gone;
  });
});

async function head(w: { readonly hub: ReturnType<typeof hubFixture>['hub'] }): Promise<number> {
  const subscription = w.hub.subscribe(ACCOUNT, 'app.>', () => undefined);
  const { seq } = await subscription.ready;
  subscription.close();
  return seq;
}
