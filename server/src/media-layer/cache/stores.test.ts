import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KvBucket, kvKey } from '../../bus/index.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { z } from 'zod';
import { bodiesConformance } from './bodies.conformance.ts';
import { MemoryBodies } from './bodies.memory.ts';
import { NatsBodies } from './bodies.nats.ts';
import { catalogConformance } from './catalog.conformance.ts';
import { MemoryCatalog } from './catalog.memory.ts';
import { NatsCatalog } from './catalog.nats.ts';
import { FileBodies } from './disk-bodies.fs.ts';
import { flightsConformance } from './flights.conformance.ts';
import { MemoryFlights } from './flights.memory.ts';
import { NatsFlights } from './flights.nats.ts';

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
}, 60_000);
afterAll(() => nats.close());

const emptied = async (stream: string): Promise<void> => {
  await nats.bus.jsm.streams.delete(stream).catch(() => undefined);
};

catalogConformance('memory', () => {
  const catalog = new MemoryCatalog();
  return Promise.resolve({ one: catalog, two: catalog, close: () => Promise.resolve() });
});
catalogConformance('NATS', async () => {
  await emptied('KV_hs-media');
  const [one, two] = [await NatsCatalog.open(nats.bus), await NatsCatalog.open(nats.bus)];
  const close = (): Promise<void> => {
    one.close();
    two.close();
    return Promise.resolve();
  };
  return { one, two, close };
});
bodiesConformance('memory', () =>
  Promise.resolve({ store: new MemoryBodies(new FakeClock()), close: () => Promise.resolve() }),
);
bodiesConformance('NATS', async () => {
  await emptied('OBJ_hs-media');
  return { store: await NatsBodies.open(nats.bus), close: () => Promise.resolve() };
});
flightsConformance('memory', () => {
  const flights = new MemoryFlights();
  return Promise.resolve({ all: [flights, flights, flights], close: () => Promise.resolve() });
});
flightsConformance('NATS', async () => {
  const open = (node: string): Promise<NatsFlights> => NatsFlights.open({ bus: nats.bus, node });
  const all = [await open('n1'), await open('n2'), await open('n3')] as const;
  const close = (): Promise<void> => {
    for (const flights of all) flights.close();
    return Promise.resolve();
  };
  return { all, close };
});

describe('media flights, when a process dies', () => {
  const lease = (): Promise<KvBucket<{ node: string; beat: number }>> =>
    KvBucket.open(nats.bus, {
      name: 'hs-media-flights',
      schema: z.object({ node: z.string(), beat: z.number() }),
      ttlMs: 120_000,
      memory: true,
    });

  it('MC-5 a lease whose holder is known to be dead is taken over at once', async () => {
    await (await lease()).create(kvKey('dead-1'), { node: 'gone', beat: 4 });
    const flights = await NatsFlights.open({ bus: nats.bus, node: 'n1', isAlive: (node) => node !== 'gone' });
    expect(await flights.run('dead-1', () => Promise.resolve())).toBe('led');
    flights.close();
  });

  it('MC-5 a lease that is not renewed is taken over, by one of those who wait', async () => {
    await (await lease()).create(kvKey('dead-2'), { node: 'gone', beat: 4 });
    const open = (node: string): Promise<NatsFlights> => NatsFlights.open({ bus: nats.bus, node, patienceMs: 300 });
    const [one, two] = [await open('n1'), await open('n2')];
    let works = 0;
    const work = (): Promise<void> => {
      works += 1;
      return Promise.resolve();
    };
    const how = await Promise.all([one.run('dead-2', work), two.run('dead-2', work)]);
    expect([works, [...how].sort()]).toEqual([1, ['followed', 'led']]);
    one.close();
    two.close();
  });

  it('MC-5 without NATS the work is done all the same', async () => {
    const own = await startTestNats();
    const flights = await NatsFlights.open({ bus: own.bus, node: 'n1' });
    await own.bus.close();
    let works = 0;
    const how = await flights.run('k', () => {
      works += 1;
      return Promise.resolve();
    });
    expect([how, works]).toEqual(['led', 1]);
    flights.close();
    await own.close();
  }, 60_000);
});

it('MC-6 parts of a body that nobody finished are swept, when they are old', async () => {
  const store = await NatsBodies.open(nats.bus);
  await store.put('a/whole', new Uint8Array(200_000));
  await nats.bus.js.publish('$O.hs-media.C.unfinished', new Uint8Array(1000));
  expect(await store.sweep(60_000)).toBe(0);
  expect(await store.sweep(-60_000)).toBe(1);
  expect((await store.get('a/whole'))?.length).toBe(200_000);
});

describe('copies on disk', () => {
  it('MC-6 are bounded, survive a start, and are whole or not there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hs-media-'));
    const name = (n: number): string => `body-${String(n).padStart(4, '0')}`;
    const bodies = await FileBodies.open({ directory, maxBytes: 1000 });
    for (let n = 0; n < 30; n++) await bodies.put(name(n), new Uint8Array(100).fill(n));
    expect(bodies.bytes).toBeLessThanOrEqual(1000);
    await writeFile(join(directory, `${name(99)}.1.part`), 'half');
    const again = await FileBodies.open({ directory, maxBytes: 1000 });
    expect(again.bytes).toBeLessThanOrEqual(1000);
    expect((await readdir(directory)).filter((file) => file.endsWith('.part'))).toEqual([]);
    const held = await Promise.all(Array.from({ length: 30 }, async (_, n) => (await again.get(name(n)))?.[0] ?? -1));
    expect(held.filter((value, n) => value === n).length).toBeGreaterThanOrEqual(5);
    expect(held.every((value, n) => value === n || value === -1)).toBe(true);
    await again.put('too-large', new Uint8Array(900));
    expect(await again.get('too-large')).toBeUndefined();
    await again.put('../escape', new Uint8Array(1));
    expect(await again.get('../escape')).toBeUndefined();
    await rm(directory, { recursive: true });
  });
});
