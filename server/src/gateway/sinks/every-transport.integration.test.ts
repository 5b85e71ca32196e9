import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventSchema, formatPosition, matchesFilter, readPosition } from '@hookswitch/shared';
import type { Filter, HookswitchEvent, Position } from '@hookswitch/shared';
import { EventStreams, eventSubject } from '../../bus/index.ts';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { NatsEventLog } from '../../hub/event-log.nats.ts';
import { createHub } from '../../hub/index.ts';
import { ACCOUNT, FakeKeys, event, token } from '../../hub/testing/fixtures.ts';
import { createMetrics, silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { SseClient, httpFixture } from '../http/testing/http-fixture.ts';
import { nativeClient, socketIoClient } from '../testing/clients.ts';
import { UndiciPoster } from './poster.undici.ts';
import { SINK_LIMITS } from './sink-runner.ts';
import { sinkTask } from './sink-shards.ts';
import { NatsSinkStore } from './sink-store.nats.ts';
import { signatureHeaders } from './signature.ts';
import { WebhookService, secretOf } from './webhook-service.ts';

const FILTER: Filter = { type: ['call.*', 'app.wanted'], number: '+15550100' };
const QUERY = 'topic=calls.>&topic=app.*&type=call.*&type=app.wanted&number=%2B15550100';
const parts = { clock: systemClock, random: systemRandom, log: silentLog };

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.close());

interface Frame {
  readonly topic: string;
  readonly position: Position;
  readonly event: unknown;
}

/** Comparable: members in one order. */
const textOf = (topic: string, position: string, one: unknown): string =>
  JSON.stringify([topic, position, eventSchema.parse(one)]);
const frameText = ({ topic, position, event: one }: Frame): string => textOf(topic, formatPosition(position), one);

/** A receiver that checks signatures and keeps what it took. */
async function receiver() {
  const taken: { seq: number; text: string }[] = [];
  const problems: string[] = [];
  const secret = { value: '' };
  let refuse = 2;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const { 'webhook-id': id = '', 'webhook-timestamp': at = '' } = request.headers as Record<string, string>;
      const expected = signatureHeaders(secret.value, { id, at: Number(at) * 1000, body });
      if (request.headers['webhook-signature'] !== expected['webhook-signature']) problems.push('signature');
      if (refuse-- > 0) {
        response.writeHead(500).end();
        return;
      }
      for (const one of JSON.parse(body) as (HookswitchEvent & { topic: string; position: string })[]) {
        const { topic, position, ...rest } = one;
        taken.push({ seq: readPosition(position)?.seq ?? 0, text: textOf(topic, position, rest) });
      }
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    taken,
    problems,
    secret,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

it('EV-5 the same filter gives the same events over WebSocket, Socket.IO, server-sent events, long-polling, webhook and NATS', async () => {
  const streams = await EventStreams.open(nats.bus);
  const log = new NatsEventLog({ bus: nats.bus, streams });
  const hub = createHub({ log, keys: new FakeKeys(), clock: systemClock, logger: silentLog, metrics: createMetrics() });
  const http = await httpFixture({ hub });
  const store = await NatsSinkStore.open(nats.bus);
  const poster = new UndiciPoster({ clock: systemClock, allowPrivate: true });
  const sealing = { seal: (text: string) => text, open: (text: string) => text };
  const service = new WebhookService({ store, hub, poster, sealing, ...parts });
  const task = sinkTask({
    hub,
    store,
    poster,
    secretOf: (webhook) => secretOf(sealing, webhook),
    isActive: () => true,
    events: () => undefined,
    limits: { ...SINK_LIMITS, backoff: { baseMs: 10, maxMs: 20 } },
    sent: createMetrics().counter('sent', 'sent', ['outcome']),
    ...parts,
  });
  const abort = new AbortController();
  const runs = Array.from({ length: task.shards }, (_, shard) => task.run({ shard, fence: 1, signal: abort.signal }));
  const target = await receiver();
  const topics = ['calls.>', 'app.*'];
  const { secret } = await service.create(ACCOUNT, {
    ...{ url: target.url, name: '', topics, filter: FILTER, batchEvents: 7, batchWindowMs: 5, orderBy: 'subject' },
  });
  target.secret.value = secret;

  const overNats: { seq: number; text: string }[] = [];
  const direct = topics.map((topic) => nats.bus.nc.subscribe(eventSubject(ACCOUNT, topic)));
  for (const subscription of direct) {
    void (async () => {
      for await (const message of subscription) {
        const one = message.json<HookswitchEvent>();
        const seq = Number(message.headers?.get('Nats-Sequence'));
        const topic = message.subject.split('.').slice(3).join('.');
        if (matchesFilter(FILTER, one)) overNats.push({ seq, text: JSON.stringify([topic, seq, one]) });
      }
    })();
  }
  const access = token(systemClock);
  const [ws, socketIo] = await Promise.all([nativeClient(http.port), socketIoClient(http.port)]);
  for (const client of [ws, socketIo]) {
    await client.ask({ type: 'connect', id: 1, token: access });
    for (const [n, topic] of topics.entries())
      await client.ask({ type: 'subscribe', id: n + 2, topic, filter: FILTER });
  }
  let sse = await SseClient.open(`${http.base}/v1/hub/events?${QUERY}&access_token=${access}`);
  const [subscribed] = await sse.count('subscribed', 1);
  let after = subscribed?.id ?? '';

  const published: number[] = [];
  const frames: string[] = [];
  let epoch = '';
  for (let n = 0; n < 120; n++) {
    const from = n % 3 === 0 ? '+15550100' : '+15550199';
    const wanted: HookswitchEvent = {
      ...event({ from, n, callSid: 'CA1' }),
      type: ['call.ringing', 'app.wanted', 'app.other', 'client.registered'][n % 4] ?? '',
      subject: `CA${n % 5}`,
    };
    const topic = n % 4 === 0 ? `calls.CA${n % 5}.ringing` : n % 7 === 0 ? 'other.topic' : 'app.a';
    const position = await hub.publish(ACCOUNT, topic, wanted);
    ({ epoch } = position);
    if (topic === 'other.topic' || !matchesFilter(FILTER, wanted)) continue;
    published.push(position.seq);
    frames.push(textOf(topic, formatPosition(position), wanted));
  }
  expect(published.length).toBeGreaterThan(10);
  const half = Math.floor(published.length / 2);
  expect((await ws.eventCount(published.length)).map(frameText)).toEqual(frames);
  expect((await socketIo.eventCount(published.length)).map(frameText)).toEqual(frames);

  // The stream is cut in the middle, and goes on from the last event that was looked at.
  const first = (await sse.count('message', published.length)).slice(0, half);
  await sse.close();
  const lastId = first.at(-1)?.id ?? '';
  sse = await SseClient.open(`${http.base}/v1/hub/events?${QUERY}&access_token=${access}`, { 'last-event-id': lastId });
  const second = await sse.count('message', published.length - half);
  expect([...first, ...second].map(({ data }) => frameText(data as Frame))).toEqual(frames);
  await sse.close();

  const polled: string[] = [];
  while (polled.length < published.length) {
    const query = `${QUERY}&limit=7&timeout=5&after=${encodeURIComponent(after)}`;
    const answer = await fetch(`${http.base}/v1/hub/poll?${query}`, { headers: { authorization: `Bearer ${access}` } });
    const { events, position, recovered } = (await answer.json()) as {
      events: Frame[];
      position: string;
      recovered: boolean;
    };
    expect([recovered, events.length > 0]).toEqual([true, true]);
    polled.push(...events.map(frameText));
    after = position;
  }
  expect(polled).toEqual(frames);

  const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  while (overNats.length < published.length) await turn();
  const natsTexts = overNats
    .sort((a, b) => a.seq - b.seq)
    .map(({ text }) => {
      const [topic, seq, one] = JSON.parse(text) as [string, number, HookswitchEvent];
      return textOf(topic, formatPosition({ epoch, seq }), one);
    });
  expect(natsTexts).toEqual(frames);

  while (new Set(target.taken.map(({ seq }) => seq)).size < published.length) await turn();
  expect(target.problems).toEqual([]);
  expect(target.taken.sort((a, b) => a.seq - b.seq).map(({ text }) => text)).toEqual(frames);

  for (const subscription of direct) subscription.unsubscribe();
  abort.abort();
  await Promise.all(runs);
  await ws.close();
  await socketIo.close();
  target.close();
  await poster.close();
  store.close();
  await http[Symbol.asyncDispose]();
  await hub.close();
  await log.close();
  streams.close();
});
