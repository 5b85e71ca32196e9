import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bus, EmbeddedNats, EventStreams } from '../bus/index.ts';
import type { AccountLimits } from '../tenants/index.ts';
import { createMetrics, silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { NatsEventLog } from './event-log.nats.ts';
import { NatsFenceMarks } from './fence-marks.nats.ts';
import { createHub } from './index.ts';
import type { LoggedEvent, OutletItem } from './index.ts';
import { RetentionLedger } from './retention-ledger.ts';
import { Retention } from './retention.nats.ts';
import { NatsRetentionStore } from './retention-store.nats.ts';
import { ACCOUNT, FakeKeys, OTHER_ACCOUNT, event } from './testing/fixtures.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };
let directory: string;
let nats: EmbeddedNats;
let bus: Bus;
let streams: EventStreams;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hs-retention-'));
  nats = await EmbeddedNats.start({ directory, ...parts });
  bus = await Bus.connect({ url: nats.url, name: 'retention test', ...parts });
  streams = await EventStreams.open(bus);
});
beforeEach(async () => {
  for (let shard = 0; shard < streams.shards; shard++) await bus.jsm.streams.purge(`EVENTS_${shard}`);
});
afterAll(async () => {
  streams.close();
  await bus.close();
  await nats.close();
  await rm(directory, { recursive: true, force: true });
});

const collect = async (events: AsyncIterable<LoggedEvent>): Promise<unknown[]> => {
  const out: unknown[] = [];
  for await (const one of events) out.push(one.event.data);
  return out;
};

/** Looks at the account's shard once, as a doer with this fence. Resolves with the number of purged events. */
async function enforce(store: NatsRetentionStore, fence = 1): Promise<number> {
  const turn = new AbortController();
  let purged = 0;
  const done = Promise.withResolvers<void>();
  const retention = new Retention({
    bus,
    shards: streams.shards,
    store,
    intervalMs: 20,
    onPurged: (events) => {
      purged += events;
      done.resolve();
    },
  });
  const run = retention.task.run({ shard: streams.shardOf(ACCOUNT), fence, signal: turn.signal });
  const patience = systemClock.setTimer(300, () => {
    done.resolve();
  });
  await done.promise;
  patience.cancel();
  turn.abort();
  await run;
  return purged;
}

describe('EV-6 retention of an account', () => {
  it('keeps the newest of what is allowed, leaves other accounts alone, and says what is gone', async () => {
    const limits = { retentionBytes: 4096 };
    const store = await NatsRetentionStore.open(bus, (sid) => (sid === ACCOUNT ? limits : undefined));
    const log = new NatsEventLog({ bus, streams, lowWater: store });
    expect(store.limitsOf(ACCOUNT)).toEqual({ maxAgeMs: 72 * 3_600_000, maxBytes: 4096 });
    const from = await log.head(ACCOUNT);
    for (let n = 0; n < 60; n++) {
      await log.publish(ACCOUNT, 'app.a', event(n));
      await log.publish(OTHER_ACCOUNT, 'app.a', event(n, undefined, OTHER_ACCOUNT));
    }
    expect(await enforce(store)).toBeGreaterThan(20);
    const { lowWater, head } = await log.bounds(ACCOUNT);
    expect(lowWater).toBeGreaterThan(from.seq);
    const at = (seq: number) => ({ epoch: from.epoch, seq });
    const kept = await collect(log.read({ accountSid: ACCOUNT, patterns: ['>'], from: at(lowWater), to: at(head) }));
    expect(kept).toEqual(Array.from({ length: 60 }, (_, n) => n).slice(-kept.length));
    expect(kept.length * JSON.stringify(event(1)).length).toBeLessThanOrEqual(4096);
    expect(kept.length).toBeGreaterThan(10);
    const range = { accountSid: ACCOUNT, patterns: ['>'], from, to: at(head) };
    await expect(collect(log.read(range))).rejects.toMatchObject({ reason: 'expired' });
    const theirs = { accountSid: OTHER_ACCOUNT, patterns: ['>'], from: await log.positionAt(OTHER_ACCOUNT, 1) };
    const end = await log.head(OTHER_ACCOUNT);
    const low = (await log.bounds(OTHER_ACCOUNT)).lowWater;
    expect(await collect(log.read({ ...theirs, from: { ...end, seq: low }, to: end }))).toHaveLength(60);
    await log.close();
    store.close();
  });

  it('the mark is written before the purge: a doer that died in between has it done by the next, an old one does nothing', async () => {
    const store = await NatsRetentionStore.open(bus);
    const log = new NatsEventLog({ bus, streams, lowWater: store });
    const { epoch } = await log.head(ACCOUNT);
    let seq = 0;
    for (let n = 0; n < 10; n++) ({ seq } = await log.publish(ACCOUNT, 'app.b', event(n)));
    expect(await store.raise(ACCOUNT, { epoch, seq: seq - 5, fence: 7 })).toBe(true);
    expect((await log.bounds(ACCOUNT)).lowWater).toBe(seq - 5);
    expect(await store.raise(ACCOUNT, { epoch, seq, fence: 6 })).toBe(false);
    expect(await enforce(store, 6)).toBe(0);
    expect(await enforce(store, 8)).toBe(5);
    await log.close();
    store.close();
  });

  it('EV-8 looks again at once when limits change', async () => {
    const own: { limits: AccountLimits | undefined } = { limits: undefined };
    const store = await NatsRetentionStore.open(bus, () => own.limits);
    const log = new NatsEventLog({ bus, streams, lowWater: store });
    for (let n = 0; n < 40; n++) await log.publish(ACCOUNT, 'app.d', event(n));
    const done = Promise.withResolvers<number>();
    const changes: (() => void)[] = [];
    const options = { bus, shards: streams.shards, store, intervalMs: 3_600_000, onPurged: done.resolve };
    const retention = new Retention({
      ...options,
      onLimits: (listener) => {
        changes.push(listener);
        return () => changes.splice(0);
      },
    });
    const turn = new AbortController();
    const run = retention.task.run({ shard: streams.shardOf(ACCOUNT), fence: 8, signal: turn.signal });
    own.limits = { retentionBytes: 2048 };
    for (const tell of changes) tell();
    expect(await done.promise).toBeGreaterThan(10);
    turn.abort();
    await run;
    expect(changes).toEqual([]);
    await log.close();
    store.close();
  });

  it('another process knows of a mark as soon as it asks', async () => {
    const writer = await NatsRetentionStore.open(bus);
    const reader = await NatsRetentionStore.open(bus);
    const log = new NatsEventLog({ bus, streams, lowWater: reader });
    const head = await log.publish(ACCOUNT, 'app.c', event());
    for (let n = 0; n < 20; n++) {
      const last = await log.publish(ACCOUNT, 'app.c', event());
      await writer.raise(ACCOUNT, { epoch: head.epoch, seq: last.seq, fence: 9 });
      expect((await log.bounds(ACCOUNT)).lowWater).toBe(last.seq);
    }
    await log.close();
    writer.close();
    reader.close();
  });

  it('by age and size, in chunks that are a 32nd part of what is kept', () => {
    const ledger = new RetentionLedger();
    const limits = { maxAgeMs: 32_000, maxBytes: 1_000_000 };
    for (let seq = 1; seq <= 100; seq++) ledger.add({ seq, storedAt: seq * 1000, size: 100 }, limits);
    expect(ledger.expire(32_000, limits)).toBeUndefined();
    const upTo = ledger.expire(110_000, limits) ?? 0;
    expect(upTo).toBeLessThanOrEqual(78);
    expect(upTo).toBeGreaterThan(74);
    expect(ledger.expire(110_000, { ...limits, maxBytes: 1000 })).toBe(90);
    ledger.forgetBefore(1000);
    expect([ledger.isEmpty, ledger.bytes]).toEqual([true, 0]);
  });
});

describe('EV-2 fences', () => {
  it('what a swept node says late reaches nobody, live or later; what it said in time stays', async () => {
    const taken = new Set<string>();
    const open = () => NatsFenceMarks.open({ bus, shards: streams.shards, isFenced: (node) => taken.has(node) });
    const [here, elsewhere] = [await open(), await open()];
    const log = new NatsEventLog({ bus, streams, isRefused: (one, how) => here.isRefused(one, how) });
    const seen: unknown[] = [];
    const live = log.subscribe(ACCOUNT, 'app.>', (one) => seen.push(one.event.data));
    await live.ready;
    const from = await log.head(ACCOUNT);
    const say = (data: string, fence: number | undefined, source = 'n-dead') =>
      log.publish(ACCOUNT, 'app.f', { ...event(data), source, ...(fence === undefined ? {} : { fence }) });
    await say('in time', 5);
    await expect.poll(() => seen).toEqual(['in time']);
    taken.add('n-dead');
    await elsewhere.sweepable.sweep('n-dead', 5);
    // A repeated sweep does not move the mark.
    await say('late', 5);
    await elsewhere.sweepable.sweep('n-dead', 5);
    await say('of a client', undefined);
    await say('of another', 5, 'n-alive');
    taken.delete('n-dead');
    await say('of a later life', 6);
    const to = await log.head(ACCOUNT);
    const wanted = ['in time', 'of a client', 'of another', 'of a later life'];
    await expect.poll(() => seen).toEqual(wanted);
    await expect.poll(() => collect(log.read({ accountSid: ACCOUNT, patterns: ['app.>'], from, to }))).toEqual(wanted);
    live.close();
    await log.close();
    here.close();
    elsewhere.close();
  });
});

describe('EV-6 recovery of many at once', () => {
  it('200 clients that come back after their gateway died make few scans, and each gets what it missed', async () => {
    const log = new NatsEventLog({ bus, streams });
    const first = await log.publish(ACCOUNT, 'app.start', event('start'));
    await Promise.all(Array.from({ length: 3000 }, (_, n) => log.publish(ACCOUNT, `app.room.${n % 50}`, event(n))));
    let consumers = 0;
    const counting = bus.nc.subscribe('$JS.API.CONSUMER.CREATE.>', {
      callback: (_error, { subject }) => {
        if (subject.includes('EVENTS_')) consumers += 1;
      },
    });
    const metrics = createMetrics();
    const hub = createHub({ log, keys: new FakeKeys(), clock: systemClock, logger: silentLog, metrics });
    const clients = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const got: number[] = [];
        const delivery = hub.openDelivery(ACCOUNT, {
          hasRoom: true,
          room: () => Promise.resolve(),
          enqueue: ({ event: one }: OutletItem) => {
            if (one !== undefined) got.push(one.position.seq);
          },
          flush: () => 0,
        });
        const answer = await delivery.subscribe(`app.room.${n % 50}`, { position: first });
        expect(answer.recovered).toBe(true);
        answer.begin();
        return { got, delivery };
      }),
    );
    await expect.poll(() => clients.every(({ got }) => got.length === 60), { timeout: 10_000 }).toBe(true);
    for (const { got } of clients) expect(got).toEqual([...new Set(got)].sort((a, b) => a - b));
    const { consumer_count } = (await bus.jsm.streams.info(streams.streamOf(ACCOUNT))).state;
    expect(consumer_count).toBe(0);
    counting.unsubscribe();
    expect(consumers).toBeGreaterThan(0);
    expect(consumers).toBeLessThanOrEqual(10);
    for (const { delivery } of clients) delivery.close();
    await hub.close();
    await log.close();
  });
});
