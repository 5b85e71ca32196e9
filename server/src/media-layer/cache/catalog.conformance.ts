import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../bus/testing/eventually.ts';
import type { Catalog, CatalogKey, SourceRecord } from './ports.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const key = (id: string, accountSid = ACCOUNT): CatalogKey<'source'> => ({ accountSid, kind: 'source', id });
const record = (url: string): SourceRecord => ({ kind: 'source', facts: { kind: 'url', url }, tags: [], variants: [] });

/** What every catalogue keeps to. @param open two views of one catalogue, as two processes have it */
export function catalogConformance(
  name: string,
  open: () => Promise<{ one: Catalog; two: Catalog; close: () => Promise<void> }>,
): void {
  describe(`media catalogue: ${name}`, () => {
    let one: Catalog;
    let two: Catalog;
    let close: () => Promise<void>;
    beforeEach(async () => {
      ({ one, two, close } = await open());
    });
    afterEach(() => close());

    it('MC-5 what one wrote another reads; the later of two writers is refused', async () => {
      const first = await one.put(key('x'), record('http://a/'), undefined);
      expect(await two.get(key('x'))).toEqual({ key: key('x'), record: record('http://a/'), revision: first });
      await expect(two.put(key('x'), record('http://b/'), undefined)).rejects.toMatchObject({ reason: 'conflict' });
      const second = await two.put(key('x'), record('http://b/'), first);
      await expect(one.put(key('x'), record('http://c/'), first)).rejects.toMatchObject({ reason: 'conflict' });
      await expect(one.remove(key('x'), first)).rejects.toMatchObject({ reason: 'conflict' });
      await one.remove(key('x'), second);
      expect(await two.get(key('x'))).toBeUndefined();
      await two.put(key('x'), record('http://d/'), undefined);
      expect((await one.get(key('x')))?.record.facts).toEqual({ kind: 'url', url: 'http://d/' });
    });

    it('MC-6 lists what an account has, without what was removed', async () => {
      const other = `AC${'b'.repeat(32)}`;
      await one.put(key('x'), record('http://a/'), undefined);
      await one.put(key('y'), record('http://b/'), undefined);
      await one.put(key('z', other), record('http://c/'), undefined);
      await one.put({ accountSid: ACCOUNT, kind: 'purge', id: 'all' }, { kind: 'purge', count: 3 }, undefined);
      await one.remove(key('y'));
      const listed = (await two.list(ACCOUNT)).map((entry) => [entry.key.kind, entry.key.id]);
      expect(listed.sort()).toEqual([
        ['purge', 'all'],
        ['source', 'x'],
      ]);
      expect(await two.list()).toHaveLength(3);
      expect(await two.list(`AC${'c'.repeat(32)}`)).toEqual([]);
      await one.forgetRemoved();
      expect(await two.list()).toHaveLength(3);
    });

    it('MC-1 changes are told, removals too', async () => {
      const told: string[] = [];
      two.onChange((changed) => told.push(changed?.id ?? '*'));
      await eventually(async () => {
        await one.remove(key('x'));
        await one.put(key('x'), record('http://a/'), undefined);
        expect(told).toContain('x');
      });
      told.length = 0;
      await one.remove(key('x'));
      await eventually(() => {
        expect(told).toContain('x');
      });
    });
  });
}
