import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Bus, EmbeddedNats, EventStreams } from '../bus/index.ts';
import { createMetrics, delay, silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import type { Random } from '../kernel/index.ts';
import { eventLogConformance } from './event-log.conformance.ts';
import { NatsEventLog } from './event-log.nats.ts';
import { createHub } from './index.ts';
import { ACCOUNT, FakeKeys, event } from './testing/fixtures.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };

async function server(): Promise<{ nats: EmbeddedNats; close(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'hs-hub-'));
  const nats = await EmbeddedNats.start({ directory, ...parts });
  return {
    nats,
    close: async () => {
      await nats.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function process(url: string, random: Random = systemRandom) {
  const bus = await Bus.connect({ url, name: 'hub test', ...parts, random });
  const streams = await EventStreams.open(bus);
  const log = new NatsEventLog({ bus, streams });
  return {
    bus,
    streams,
    log,
    close: async () => {
      await log.close();
      streams.close();
      await bus.close();
    },
  };
}

eventLogConformance('NATS', async () => {
  const embedded = await server();
  const { bus, streams, log, close } = await process(embedded.nats.url);
  return {
    log,
    interrupt: async () => {
      const back = new Promise<void>((resolve) => bus.on('reconnected', resolve));
      await bus.nc.reconnect();
      await back;
    },
    purge: async (accountSid, seq) => {
      await bus.jsm.streams.purge(streams.streamOf(accountSid), { seq: seq + 1 });
    },
    recreate: async (accountSid) => {
      await bus.jsm.streams.delete(streams.streamOf(accountSid));
      await streams.ensure();
    },
    pass: (ms) => delay(systemClock, ms),
    close: async () => {
      await close();
      await embedded.close();
    },
  };
});

it('EV-6 kill -9 of nats-server: a subscriber in this process misses nothing and sees nothing twice', async () => {
  const embedded = await server();
  // The publisher is back first: what it publishes then reaches nobody live, and the hub comes back into the middle of it.
  const hubSide = await process(embedded.nats.url, { ...systemRandom, int: (limit) => limit - 1 });
  const publisher = await process(embedded.nats.url, { ...systemRandom, int: () => 0 });
  const hub = createHub({
    log: hubSide.log,
    keys: new FakeKeys(),
    clock: systemClock,
    logger: silentLog,
    metrics: createMetrics(),
  });
  const seen: unknown[] = [];
  const subscription = hub.subscribe(ACCOUNT, 'app.>', (logged) => seen.push(logged.event.data));
  await subscription.ready;
  const back = new Promise<void>((resolve) => publisher.bus.on('reconnected', resolve));
  const returned = new Promise<boolean>((resolve) => {
    hubSide.bus.on('reconnected', () => {
      resolve(true);
    });
  });
  let sent = 0;
  const publish = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await publisher.log.publish(ACCOUNT, `app.t${sent % 3}`, event(sent++));
  };
  await publish(50);
  globalThis.process.kill(embedded.nats.pid!, 'SIGKILL');
  await back;
  await publish(50);
  do await publish(5);
  while (!(await Promise.race([returned, Promise.resolve(false)])));
  await publish(50);
  await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(sent);
  expect(seen).toEqual(Array.from({ length: sent }, (_, n) => n));
  subscription.close();
  await hub.close();
  await publisher.close();
  await hubSide.close();
  await embedded.close();
});

it("EV-2 events of publishers that are in each other's way come in the order in which they are stored", async () => {
  const embedded = await server();
  const parties = await Promise.all(Array.from({ length: 3 }, () => process(embedded.nats.url)));
  const [hubSide, ...publishers] = parties;
  const hub = createHub({
    log: hubSide!.log,
    keys: new FakeKeys(),
    clock: systemClock,
    logger: silentLog,
    metrics: createMetrics(),
  });
  const seen: number[] = [];
  // Part of what is published: a hole in the sequence is nothing special.
  const subscription = hub.subscribe(ACCOUNT, 'app.t1.>', (logged) => seen.push(logged.position.seq));
  await subscription.ready;
  const stored: number[] = [];
  const data = 'x'.repeat(30_000);
  const publish = async (log: NatsEventLog, turn: number): Promise<void> => {
    const topic = `app.t${turn % 2}.x`;
    const { seq } = await log.publish(ACCOUNT, topic, event(data));
    if (turn % 2 === 1) stored.push(seq);
  };
  for (let round = 0; round < 60; round++) {
    await Promise.all(publishers.flatMap(({ log }) => [0, 1, 2, 3].map((turn) => publish(log, turn))));
  }
  await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(stored.length);
  expect(seen).toEqual(stored.sort((one, other) => one - other));
  await hub.close();
  for (const { close } of parties) await close();
  await embedded.close();
});
