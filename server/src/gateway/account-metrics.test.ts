import { expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { createMetrics, silentLog, systemClock } from '../kernel/index.ts';
import { MemoryEventLog } from '../hub/event-log.memory.ts';
import { createHub } from '../hub/index.ts';
import { ACCOUNT, FakeKeys, event, hubFixture, token } from '../hub/testing/fixtures.ts';
import { httpFixture } from './http/testing/http-fixture.ts';
import { Outbox, OUTBOX_LIMITS } from './outbox.ts';
import { nativeClient, socketIoClient } from './testing/clients.ts';
import { FakeTransport } from './testing/fake-transport.ts';

it('EV-9 what an account publishes and is given is counted, whatever the transport', async () => {
  const log = new MemoryEventLog();
  const common = { clock: systemClock, metrics: createMetrics() };
  const hub = createHub({ log, keys: new FakeKeys(), logger: silentLog, feed: { lingerMs: 0 }, ...common });
  {
    await using http = await httpFixture({ hub });
    const clients = [await nativeClient(http.port), await socketIoClient(http.port)];
    for (const client of clients) {
      await client.ask({ type: 'connect', id: 1, token: token(systemClock) });
      await client.ask({ type: 'subscribe', id: 2, topic: 'app.a' });
    }
    const tally = hub.accountMetrics.tallyOf(ACCOUNT, 'app.a');
    for (let n = 0; n < 3; n++) await clients[0]?.ask({ type: 'publish', id: 3 + n, topic: 'app.a', data: 'four' });
    for (const client of clients) await client.eventCount(3);
    expect(tally).toMatchObject({ published: 3, publishedBytes: 18, delivered: 6, dropped: 0, conflated: 0 });
    const frame = JSON.stringify(clients[0]?.events()[0]);
    expect(tally.deliveredBytes).toBeGreaterThan(6 * frame.length * 0.8);
    expect(tally.deliveredBytes).toBeLessThan(6 * frame.length * 1.2);
    const url = `${http.base}/v1/hub/poll?topic=app.a&rewind=2&timeout=0&access_token=${token(systemClock)}`;
    expect((await fetch(url)).status).toBe(200);
    expect(tally.delivered).toBe(8);
    for (const client of clients) await client.close();
  }
  const { body } = await common.metrics.expose();
  expect(body).toContain(`hookswitch_account_published_total{account="${ACCOUNT}",class="app"} 3`);
  await hub.close();
});

it('EV-9 events that a slow client is not sent are counted, and how long it takes to say that it has read', () => {
  const clock = new FakeClock();
  const { hub } = hubFixture(clock);
  const transport = new FakeTransport();
  const lags: number[] = [];
  const outbox = new Outbox({
    transport,
    clock,
    fanout: hub.fanout,
    limits: { ...OUTBOX_LIMITS, maxEventFrames: 4, acknowledgements: { askEveryBytes: 1, maxUnreadBytes: 1e9 } },
    owner: { onSlow: () => undefined, onDropped: () => undefined, onLag: (ms) => lags.push(ms) },
  });
  let seq = 0;
  const give = (topic: string): void => {
    const one = event('x'.repeat(5000));
    const position = { epoch: 'e', seq: (seq += 1) };
    outbox.enqueue(hub.fanout.itemOf({ accountSid: ACCOUNT, topic, position, event: one, json: JSON.stringify(one) }));
  };
  const tally = hub.accountMetrics.tallyOf(ACCOUNT, 'app.a');
  give('app.a');
  outbox.flush();
  expect(tally.delivered).toBe(1);
  clock.advance(250);
  outbox.acknowledged(1);
  expect(lags).toEqual([250]);
  transport.bufferedBytes = 1e9;
  for (let n = 0; n < 5; n++) give('app.a');
  expect(tally).toMatchObject({ delivered: 1, dropped: 5, conflated: 0 });
  outbox.conflates = () => true;
  outbox.flush();
  give('app.b');
  outbox.flush();
  for (let n = 0; n < 5; n++) give('app.a');
  expect(tally).toMatchObject({ delivered: 1, conflated: 4 });
});
