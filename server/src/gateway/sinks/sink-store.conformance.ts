import { describe, expect, it } from 'vitest';
import { event } from '../../hub/testing/fixtures.ts';
import { MAX_DEAD_LETTERS } from './limits.ts';
import type { SinkStore, Webhook } from './ports.ts';

export function webhookRecord(overrides: Partial<Webhook> = {}): Webhook {
  return {
    sid: `WH${'0'.repeat(32)}`,
    accountSid: `AC${'a'.repeat(32)}`,
    name: 'test',
    url: 'https://receiver.example/hook',
    topics: ['app.>'],
    batchEvents: 10,
    batchWindowMs: 0,
    orderBy: 'topic',
    sealedSecret: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz',
    createdAt: 1,
    updatedAt: 1,
    ...overrides,
  };
}

/** The contract of {@link SinkStore}. Each test has sinks of its own. */
export function sinkStoreConformance(name: string, open: () => Promise<SinkStore>): void {
  let counter = 0;
  const record = (): Webhook => webhookRecord({ sid: `WH${String(++counter).padStart(32, '0')}` });

  describe(name, () => {
    it('shows what was added, changed and removed, and tells of it', async () => {
      const store = await open();
      await store.ready;
      const told: string[] = [];
      const webhook = record();
      store.onChange((sid) => told.push(sid));
      await store.add(webhook);
      expect(store.get(webhook.sid)).toEqual(webhook);
      const changes = [...Array(5).keys()].map((n) =>
        store.update(webhook.sid, (now) => ({ ...now, updatedAt: now.updatedAt + 1, name: `${now.name}${n}` })),
      );
      await Promise.all(changes);
      expect(store.get(webhook.sid)).toMatchObject({ updatedAt: 6 });
      expect(store.get(webhook.sid)?.name).toHaveLength('test'.length + 5);
      expect([...store.entries()].map(({ sid }) => sid)).toContain(webhook.sid);
      await store.remove(webhook.sid);
      expect(store.get(webhook.sid)).toBeUndefined();
      expect(await store.update(webhook.sid, (now) => now)).toBeUndefined();
      expect(new Set(told)).toEqual(new Set([webhook.sid]));
      store.close();
    });

    it('a cursor is not written by an earlier holder of the shard', async () => {
      const store = await open();
      const { sid } = record();
      const at = (seq: number, fence: number) => ({ position: { epoch: 'e', seq }, fence });
      expect(await store.cursor(sid)).toBeUndefined();
      expect(await store.saveCursor(sid, at(1, 5))).toBe(true);
      expect(await store.saveCursor(sid, at(2, 5))).toBe(true);
      expect(await store.saveCursor(sid, at(9, 4))).toBe(false);
      expect(await store.cursor(sid)).toEqual(at(2, 5));
      expect(await store.saveCursor(sid, at(3, 6))).toBe(true);
      store.close();
    });

    it('dead letters come oldest first, each of its own sink', async () => {
      const store = await open();
      const [one, other] = [record(), record()];
      const letter = (id: string) => {
        const position = { epoch: 'e', seq: Number(id) };
        return { id, topic: 'app.a', position, event: event({}, id), at: 1, attempts: 3, problem: 'answered 500' };
      };
      for (const id of ['3', '1', '2']) await store.addDeadLetter(one.sid, letter(id));
      await store.addDeadLetter(other.sid, letter('7'));
      expect((await store.deadLetters(one.sid)).map(({ id }) => id)).toEqual(['1', '2', '3']);
      expect(await store.deadLetters(other.sid)).toEqual([letter('7')]);
      await store.removeDeadLetter(one.sid, '2');
      await store.addDeadLetter(one.sid, letter('3'));
      expect((await store.deadLetters(one.sid)).map(({ id }) => id)).toEqual(['1', '3']);
      await store.remove(one.sid);
      expect(await store.deadLetters(one.sid)).toEqual([]);
      expect(MAX_DEAD_LETTERS).toBeGreaterThan(100);
      store.close();
    });
  });
}
