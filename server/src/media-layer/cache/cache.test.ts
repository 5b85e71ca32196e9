import { describe, expect, it, vi } from 'vitest';
import { seededRandom, silentLog } from '../../kernel/index.ts';
import { MemoryCatalog } from './catalog.memory.ts';
import { GrowingBody } from './growing-body.ts';
import { HotBodies, sha256 } from './hot-bodies.ts';
import { HotCatalog } from './hot-catalog.ts';
import type { CatalogKey, DiskBodies, SourceRecord } from './ports.ts';
import { S3Fifo } from './s3-fifo.ts';
import { compareHitRatios } from './zipf-trace.ts';

describe('S3-FIFO', () => {
  it('MC-6 never holds more than its bound, and counts what it drops', () => {
    const dropped: string[] = [];
    const cache = new S3Fifo<number>({ capacity: 1000, onDrop: (key) => dropped.push(key) });
    const random = seededRandom(7);
    const live = new Map<string, number>();
    for (let n = 0; n < 20_000; n++) {
      const key = `k${String(random.int(400))}`;
      if (random.int(10) === 0) cache.delete(key);
      else if (cache.get(key) === undefined) {
        const size = 1 + random.int(60);
        cache.set(key, size, size);
        live.set(key, size);
      }
      expect(cache.size).toBeLessThanOrEqual(1000);
    }
    let sum = 0;
    for (const key of cache.keys()) sum += live.get(key) ?? 0;
    expect(sum).toBe(cache.size);
    expect(dropped.length).toBeGreaterThan(100);
    cache.clear();
    expect([cache.size, cache.count]).toEqual([0, 0]);
  });

  it('MC-6 a scan does not drop what is used again and again', () => {
    const cache = new S3Fifo<number>({ capacity: 100 });
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 50; n++) if (cache.get(`hot${String(n)}`) === undefined) cache.set(`hot${String(n)}`, n, 1);
    }
    for (let n = 0; n < 10_000; n++) cache.set(`scan${String(n)}`, n, 1);
    const left = Array.from({ length: 50 }, (_, n) => cache.get(`hot${String(n)}`)).filter(
      (value) => value !== undefined,
    );
    expect(left.length).toBeGreaterThanOrEqual(45);
  });

  it('MC-6 what is replaced counts once, what is too large is not kept', () => {
    const cache = new S3Fifo<string>({ capacity: 100 });
    cache.set('a', 'one', 20);
    cache.set('a', 'two', 5);
    cache.set('b', 'large', 26);
    expect([cache.size, cache.get('a'), cache.get('b')]).toEqual([5, 'two', undefined]);
  });

  it('MC-6 hits more often than LRU on a Zipf trace with scans', () => {
    const ratios = compareHitRatios({ requests: 60_000, objects: 10_000, capacity: 500, seed: 1 });
    expect(ratios.ours).toBeGreaterThan(ratios.lru * 1.05);
  });
});

describe('a growing body', () => {
  const text = async (body: GrowingBody): Promise<string> => {
    const parts: Uint8Array[] = [];
    for await (const part of body.read()) parts.push(part);
    return Buffer.concat(parts).toString();
  };

  it('MC-8 every reader gets all of it, whenever it comes', async () => {
    const body = new GrowingBody();
    const early = text(body);
    body.append(Buffer.from('one '));
    await body.started();
    const reader = body.read();
    expect(Buffer.from((await reader.next()).value as Uint8Array).toString()).toBe('one ');
    body.append(Buffer.from('two'));
    body.end();
    expect([await early, await text(body), Buffer.from(await body.whole).toString()]).toEqual(Array(3).fill('one two'));
    expect(body.bytes).toBe(7);
  });

  it('MC-9 a failure reaches those who wait and those who read', async () => {
    const body = new GrowingBody();
    const waiting = body.started();
    body.fail(new Error('no audio'));
    await expect(waiting).rejects.toThrow('no audio');
    const half = new GrowingBody();
    half.append(Buffer.from('x'));
    half.fail(new Error('cut off'));
    await half.started();
    await expect(text(half)).rejects.toThrow('cut off');
    await expect(half.whole).rejects.toThrow('cut off');
  });
});

describe('near copies', () => {
  const key: CatalogKey<'source'> = { accountSid: `AC${'a'.repeat(32)}`, kind: 'source', id: 'x' };
  const record = (url: string): SourceRecord => ({
    kind: 'source',
    facts: { kind: 'url', url },
    tags: [],
    variants: [],
  });

  it('MC-1 of the catalogue are dropped when anybody changes what they show', async () => {
    const shared = new MemoryCatalog();
    const hot = new HotCatalog(shared);
    const first = await hot.put(key, record('http://a/'), undefined);
    expect((await hot.get(key))?.revision).toBe(first);
    expect(hot.held).toBe(1);
    const second = await shared.put(key, record('http://b/'), first);
    expect((await hot.get(key))?.revision).toBe(second);
    await shared.remove(key);
    expect(await hot.get(key)).toBeUndefined();
  });

  it('MC-1 a read that a change overtakes is not kept', async () => {
    const shared = new MemoryCatalog();
    const hot = new HotCatalog(shared);
    const first = await shared.put(key, record('http://a/'), undefined);
    const reading = hot.get(key);
    await shared.put(key, record('http://b/'), first);
    await reading;
    expect((await hot.get(key))?.record.facts).toEqual({ kind: 'url', url: 'http://b/' });
  });

  it('MC-5 a thousand who ask at once are one question to the store; who asks after a change asks anew', async () => {
    const shared = new MemoryCatalog();
    const read = vi.spyOn(shared, 'get');
    const hot = new HotCatalog(shared);
    const absent = Array.from({ length: 1000 }, () => hot.get(key));
    const stored = shared.put(key, record('http://a/'), undefined);
    const after = [hot.get(key), hot.get(key)];
    expect(new Set(await Promise.all(absent))).toEqual(new Set([undefined]));
    expect((await Promise.all(after)).map((entry) => entry?.revision)).toEqual([await stored, await stored]);
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('MC-6 of bodies on disk that are not what was stored are not given out', async () => {
    const disk = new Map<string, Uint8Array>();
    const files: DiskBodies = {
      get: (name) => Promise.resolve(disk.get(name)),
      put: (name, body) => Promise.resolve(void disk.set(name, body)),
      remove: (name) => Promise.resolve(void disk.delete(name)),
    };
    const body = Buffer.from('audio');
    const hot = new HotBodies({ log: silentLog, memoryBytes: 8, disk: files });
    hot.put('digest', body);
    expect([hot.inMemory('digest'), hot.bytes]).toEqual([undefined, 0]);
    expect(await hot.get('digest', sha256(body))).toEqual(body);
    disk.set('digest', Buffer.from('autio'));
    expect(await hot.get('digest', sha256(body))).toBeUndefined();
    expect(disk.size).toBe(0);
  });
});
