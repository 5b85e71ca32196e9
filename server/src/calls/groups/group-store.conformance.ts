import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GroupRecord, GroupStore } from './ports.ts';

const ACCOUNT = `AC${'1'.repeat(32)}`;

function record(change: Partial<GroupRecord> = {}): GroupRecord {
  const facts = {
    kind: 'queue',
    accountSid: ACCOUNT,
    name: 'help desk. *',
    node: 'a',
    fence: 3,
    createdAt: 5,
  } as const;
  return { ...facts, sid: `QU${'2'.repeat(32)}`, ...change };
}

/** What every store of owners keeps to. */
export function groupStoreConformance(
  name: string,
  open: () => Promise<{ store: GroupStore; close: () => Promise<void> }>,
): void {
  describe(`owners of conferences and queues: ${name}`, () => {
    let store: GroupStore;
    let close: () => Promise<void>;
    beforeEach(async () => {
      ({ store, close } = await open());
    });
    afterEach(() => close());

    it('CR-5 a group is found by its name and by its sid, in its account and kind alone', async () => {
      const made = await store.create(record({ maxSize: 7 }));
      expect(made.record).toMatchObject({ name: 'help desk. *', maxSize: 7 });
      const { kind, accountSid, name: called, sid } = made.record;
      expect((await store.get({ kind, accountSid, name: called }))?.record).toMatchObject({ sid, node: 'a', fence: 3 });
      expect((await store.find('queue', accountSid, sid))?.revision).toBe(made.revision);
      expect(await store.find('conference', accountSid, sid)).toBeUndefined();
      expect(await store.find('queue', `AC${'9'.repeat(32)}`, sid)).toBeUndefined();
      expect(await store.get({ kind: 'conference', accountSid, name: called })).toBeUndefined();
    });

    it('CR-5 of many who create it one does; the sids of the others lead nowhere', async () => {
      const tries = Array.from({ length: 8 }, (_, n) => record({ sid: `QU${String(n).repeat(32)}`, node: `n${n}` }));
      const results = await Promise.allSettled(tries.map((each) => store.create(each)));
      const won = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      expect(won).toHaveLength(1);
      for (const each of results)
        if (each.status === 'rejected') expect(each.reason).toMatchObject({ reason: 'conflict' });
      for (const each of tries) {
        const found = await store.find('queue', ACCOUNT, each.sid);
        expect(found?.record.node).toBe(each.sid === won[0]!.record.sid ? each.node : undefined);
      }
    });

    it('CR-5 a group is given another name once, and found by its sid and that name alone', async () => {
      const made = await store.create(record());
      const { kind, accountSid, sid, name: before } = made.record;
      const other = await store.create(record({ sid: `QU${'e'.repeat(32)}`, name: 'taken' }));
      await expect(store.rename(made.record, made.revision, 'taken')).rejects.toMatchObject({ reason: 'taken' });
      await expect(store.rename(made.record, made.revision + 1000, 'new')).rejects.toMatchObject({
        reason: 'conflict',
      });
      expect((await store.find(kind, accountSid, sid))?.record).toEqual(made.record);
      expect(await store.get({ kind, accountSid, name: 'new' })).toBeUndefined();
      const renamed = await store.rename(made.record, made.revision, 'new');
      expect(renamed.record).toEqual({ ...made.record, name: 'new' });
      expect(await store.get({ kind, accountSid, name: before })).toBeUndefined();
      for (const found of [
        await store.find(kind, accountSid, sid),
        await store.get({ kind, accountSid, name: 'new' }),
      ]) {
        expect(found).toEqual(renamed);
      }
      expect((await store.list(kind, accountSid)).map((each) => each.name).sort()).toEqual(['new', 'taken']);
      await store.remove(renamed.record, renamed.revision);
      expect(await store.find(kind, accountSid, sid)).toBeUndefined();
      await store.remove(other.record, other.revision);
    });

    it('CR-5 only who knows the last revision changes or removes it', async () => {
      const made = await store.create(record());
      const moved = await store.update(record({ node: 'b' }), made.revision);
      await expect(store.update(record({ node: 'c' }), made.revision)).rejects.toMatchObject({ reason: 'conflict' });
      await expect(store.remove(made.record, made.revision)).rejects.toMatchObject({ reason: 'conflict' });
      expect((await store.get(record()))?.record.node).toBe('b');
      const nobody = await store.update(record({ node: undefined, fence: 0 }), moved.revision);
      expect((await store.get(record()))?.record.node).toBeUndefined();
      await store.remove(nobody.record, nobody.revision);
      expect([await store.get(record()), await store.find('queue', ACCOUNT, record().sid)]).toEqual([
        undefined,
        undefined,
      ]);
      await store.create(record({ sid: `QU${'5'.repeat(32)}` }));
    });

    it('CR-5 finds what a node owns in every account', async () => {
      await store.create(record());
      await store.create(record({ kind: 'conference', sid: `CF${'4'.repeat(32)}`, accountSid: `AC${'9'.repeat(32)}` }));
      await store.create(record({ name: 'other', sid: `QU${'3'.repeat(32)}`, node: 'b' }));
      await store.create(record({ name: 'nobody', sid: `QU${'6'.repeat(32)}`, node: undefined }));
      const owned = await store.ownedBy('a');
      expect(owned.map((each) => each.record.kind).sort()).toEqual(['conference', 'queue']);
      for (const { record: held, revision } of owned) await store.update({ ...held, node: undefined }, revision);
      expect(await store.ownedBy('a')).toEqual([]);
    });

    it("CR-5 lists an account's groups of one kind", async () => {
      await store.create(record());
      await store.create(record({ name: 'sales', sid: `QU${'3'.repeat(32)}` }));
      await store.create(record({ kind: 'conference', sid: `CF${'4'.repeat(32)}` }));
      await store.create(record({ accountSid: `AC${'9'.repeat(32)}`, sid: `QU${'6'.repeat(32)}` }));
      expect((await store.list('queue', ACCOUNT)).map((each) => each.name).sort()).toEqual(['help desk. *', 'sales']);
    });
  });
}
