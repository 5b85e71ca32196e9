import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DomainError, silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { Bus, natsOptions } from './connection.nats.ts';
import type { EmbeddedNats } from './embedded-nats.ts';
import { KvBucket } from './kv.nats.ts';
import type { KvChange } from './kv-mirror.nats.ts';
import { NodeRpc } from './rpc.nats.ts';
import { EventStreams } from './streams.nats.ts';
import { kvKey } from './subjects.ts';
import { eventually } from './testing/eventually.ts';
import { startTestNats } from './testing/test-nats.ts';
import type { TestNats } from './testing/test-nats.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };
const schema = z.object({ n: z.number() });

describe('on a real nats-server', () => {
  let server: TestNats;
  let nats: EmbeddedNats;
  let bus: Bus;

  beforeAll(async () => {
    server = await startTestNats();
    ({ nats, bus } = server);
  });
  afterAll(async () => {
    await server.close();
  });
  const killNats = async (): Promise<void> => {
    const back = new Promise<void>((resolve) => bus.on('reconnected', resolve));
    process.kill(nats.pid!, 'SIGKILL');
    await back;
  };

  describe('buckets', () => {
    it('create, compare-and-swap and delete refuse what others changed', async () => {
      const bucket = await KvBucket.open(bus, { name: 'cas', schema });
      const key = kvKey('support/tier1/alice', '+15550100');
      const first = await bucket.create(key, { n: 1 });
      await expect(bucket.create(key, { n: 2 })).rejects.toMatchObject({ reason: 'conflict' });
      const second = await bucket.update(key, { n: 2 }, first);
      await expect(bucket.update(key, { n: 3 }, first)).rejects.toMatchObject({ reason: 'conflict' });
      await expect(bucket.delete(key, first)).rejects.toMatchObject({ reason: 'conflict' });
      expect(await bucket.get(key)).toEqual({ value: { n: 2 }, revision: second });
      expect(await bucket.keys()).toEqual([key]);
      await bucket.delete(key, second);
      expect(await bucket.get(key)).toBeUndefined();
      expect(await bucket.keys()).toEqual([]);
      await bucket.create(key, { n: 4 });
    });

    it('BR-5 of many at once exactly one wins', async () => {
      const bucket = await KvBucket.open(bus, { name: 'race', schema });
      const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => bucket.create('one', { n })));
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    });

    it('a value that does not fit the schema is an error to get and invisible to a mirror', async () => {
      const wrong = await KvBucket.open(bus, { name: 'typed', schema: z.unknown() });
      await wrong.put('bad', { n: 'x' });
      await wrong.put('good', { n: 1 });
      const bucket = await KvBucket.open(bus, { name: 'typed', schema });
      await expect(bucket.get('bad')).rejects.toMatchObject({ reason: 'invalid' });
      const mirror = bucket.mirror();
      await mirror.ready;
      expect([...mirror.entries()]).toEqual([['good', { n: 1 }]]);
      mirror.close();
    });
  });

  describe('mirrors', () => {
    it('hold what is there, see what changes, and survive kill -9 of the server', async () => {
      const bucket = await KvBucket.open(bus, { name: 'mirrored', schema });
      await bucket.put('a', { n: 1 });
      await bucket.put('b', { n: 1 });
      const mirror = bucket.mirror();
      const changes: KvChange<{ n: number }>[] = [];
      mirror.onChange((change) => changes.push(change));
      await mirror.ready;
      expect(mirror.get('a')).toEqual({ n: 1 });
      await bucket.put('a', { n: 2 });
      await bucket.delete('b');
      await eventually(() => {
        expect(changes.slice(2)).toMatchObject([
          { kind: 'set', key: 'a', value: { n: 2 } },
          { kind: 'removed', key: 'b', value: { n: 1 }, why: 'deleted' },
        ]);
      });
      await killNats();
      await bucket.put('c', { n: 3 });
      await eventually(() => {
        expect([...mirror.entries()]).toEqual([
          ['a', { n: 2 }],
          ['c', { n: 3 }],
        ]);
      });
      expect(changes).toHaveLength(5);
      mirror.close();
    });

    it('an empty bucket is ready at once; one that vanished with its server is reported and made anew', async () => {
      const bucket = await KvBucket.open(bus, { name: 'vanishing', schema });
      const mirror = bucket.mirror();
      await mirror.ready;
      expect(mirror.size).toBe(0);
      await bucket.put('a', { n: 1 });
      await eventually(() => {
        expect(mirror.get('a')).toEqual({ n: 1 });
      });
      const removed: unknown[] = [];
      mirror.onChange((change) => {
        if (change.kind === 'removed') removed.push([change.key, change.why]);
      });
      await bus.jsm.streams.delete('KV_vanishing');
      await killNats();
      await eventually(() => {
        expect(removed).toEqual([['a', 'lost']]);
      });
      await bucket.put('b', { n: 2 });
      await eventually(() => {
        expect([...mirror.entries()]).toEqual([['b', { n: 2 }]]);
      });
      mirror.close();
    });

    it('BR-7 drops values whose time is over, which the server tells nobody', async () => {
      const bucket = await KvBucket.open(bus, { name: 'short', schema, ttlMs: 600, memory: true });
      await bucket.put('early', { n: 1 });
      const mirror = bucket.mirror();
      const removed: string[] = [];
      mirror.onChange((change) => {
        if (change.kind === 'removed') removed.push(`${change.key} ${change.why}`);
      });
      await mirror.ready;
      await bucket.put('late', { n: 2 });
      for (let n = 3; n < 8; n++) {
        await new Promise<void>((resolve) => void systemClock.setTimer(200, resolve));
        await bucket.put('kept', { n });
      }
      await eventually(() => {
        expect(removed).toEqual(['early expired', 'late expired']);
      });
      expect(mirror.get('kept')).toBeDefined();
      mirror.close();
    });
  });

  describe('node requests', () => {
    it('BR-3 reach the node that they name, and no event stream', async () => {
      const streams = await EventStreams.open(bus);
      const [one, two] = [new NodeRpc(bus, 'node.1'), new NodeRpc(bus, 'node-2')];
      one.serve('accept', (payload) => ({ by: 'node.1', payload }));
      two.serve('accept', () => Promise.resolve({ by: 'node-2' }));
      expect(await one.request('node-2', 'accept', {})).toEqual({ by: 'node-2' });
      expect(await two.request('node.1', 'accept', { token: 'x' })).toEqual({ by: 'node.1', payload: { token: 'x' } });
      expect(() => one.serve('accept', () => null)).toThrow(/serves 'accept' already/);
      one.close();
      two.close();
      streams.close();
    });

    it('tell a missing node, a slow one and a refusal apart', async () => {
      class Refusal extends DomainError<'gone'> {}
      const rpc = new NodeRpc(bus, 'n1');
      rpc.serve('slow', () => new Promise(() => undefined));
      rpc.serve('refusing', () => {
        throw new Refusal('gone', 'the call is gone');
      });
      rpc.serve('broken', () => {
        throw new Error('oops');
      });
      await expect(rpc.request('nobody', 'x', null)).rejects.toMatchObject({ reason: 'no-responders' });
      await expect(rpc.request('n1', 'slow', null, 50)).rejects.toMatchObject({ reason: 'timeout' });
      await expect(rpc.request('n1', 'refusing', null)).rejects.toMatchObject({
        reason: 'remote',
        message: 'refusing on n1: the call is gone',
        details: { remoteReason: 'gone' },
      });
      await expect(rpc.request('n1', 'broken', null)).rejects.toMatchObject({ details: { remoteReason: 'internal' } });
      const stop = rpc.serve('again', () => 1);
      expect(await rpc.request('n1', 'again', null)).toBe(1);
      await killNats();
      expect(await rpc.request('n1', 'again', null)).toBe(1);
      stop();
      await expect(rpc.request('n1', 'again', null)).rejects.toMatchObject({ reason: 'no-responders' });
      rpc.close();
    });
  });

  it('streams of another shard count are refused', async () => {
    const streams = await EventStreams.open(bus);
    streams.close();
    await expect(EventStreams.open(bus, { shards: 2 })).rejects.toMatchObject({ reason: 'shards' });
  });

  it('an unreachable server is reported with what to check', async () => {
    const attempt = Bus.connect({ url: 'nats://127.0.0.1:1', name: 'test', connectTimeoutMs: 200, ...parts });
    await expect(attempt).rejects.toThrow(/did not answer at nats:\/\/127\.0\.0\.1:1 within 200 ms.*Check NATS_URL/);
    expect(natsOptions('nats://u:p%40@a:1, nats://b')).toEqual({
      servers: ['nats://a:1', 'nats://b'],
      user: 'u',
      pass: 'p@',
    });
    expect(() => natsOptions('what')).toThrow(/is not a NATS URL/);
  });
});
