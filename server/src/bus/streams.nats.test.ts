import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HookswitchEvent } from '@hookswitch/shared';
import { eventSubject } from './subjects.ts';
import { EventStreams } from './streams.nats.ts';
import type { Delivery } from './streams.nats.ts';
import { eventually } from './testing/eventually.ts';
import { startTestNats } from './testing/test-nats.ts';
import type { TestNats } from './testing/test-nats.ts';

const ACCOUNT = `AC${'7'.repeat(32)}`;
let test: TestNats;
let streams: EventStreams;

beforeAll(async () => {
  test = await startTestNats();
  streams = await EventStreams.open(test.bus);
});

afterAll(async () => {
  streams.close();
  await test.close();
});

function event(id: string): HookswitchEvent {
  return {
    specversion: '1.0',
    id,
    source: '/test',
    type: 'app.message',
    time: '2030-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    accountsid: ACCOUNT,
    data: {},
  };
}

const publish = (id: string): Promise<{ position: { epoch: string; seq: number } }> =>
  streams.publish(ACCOUNT, 'app.a', event(id));

it('EV-6 a stream that was made anew under a live connection: events and answers are of its epoch from the first on', async () => {
  const seen: Delivery[] = [];
  test.bus.nc.subscribe(eventSubject(ACCOUNT, '>'), {
    callback: (_error, msg) => {
      const delivery = streams.parse(msg);
      if (delivery !== undefined) seen.push(delivery);
    },
  });
  const old = await publish('e1');
  await publish('e2');
  await publish('e3');
  const name = streams.streamOf(ACCOUNT);
  const { config } = await test.bus.jsm.streams.info(name);
  const told: string[] = [];
  streams.onEpoch(({ epoch }) => told.push(epoch));

  await test.bus.jsm.streams.delete(name);
  await test.bus.jsm.streams.add(config);
  const { created } = await test.bus.jsm.streams.info(name);
  const first = await publish('e4');

  expect(first.position).toEqual({ epoch: created, seq: 1 });
  expect(created).not.toBe(old.position.epoch);
  await eventually(() => {
    expect(told).toContain(created);
  });
  await publish('e5');
  await eventually(() => {
    expect(seen.at(-1)?.position).toEqual({ epoch: created, seq: 2 });
  });
  // One that came before the stream was looked at has no position; it is read from the log.
  expect(
    seen.filter(({ position }) => position.epoch === old.position.epoch).map(({ position }) => position.seq),
  ).toEqual([1, 2, 3]);
});

it('a stream that was deleted is made anew', async () => {
  await test.bus.jsm.streams.delete(streams.streamOf(ACCOUNT));
  await eventually(async () => {
    expect((await publish('e6')).position.seq).toBe(1);
  });
});
