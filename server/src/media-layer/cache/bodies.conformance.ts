import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BodyStore } from './ports.ts';

/** What every store of bodies keeps to. */
export function bodiesConformance(
  name: string,
  open: () => Promise<{ store: BodyStore; close: () => Promise<void> }>,
): void {
  describe(`media bodies: ${name}`, () => {
    let store: BodyStore;
    let close: () => Promise<void>;
    beforeEach(async () => {
      ({ store, close } = await open());
    });
    afterEach(() => close());
    const body = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, at) => (at * 31) % 251);

    it('MC-1 gives back byte for byte what was put', async () => {
      for (const bytes of [0, 1, 131_072, 300_000]) {
        await store.put(`a/${String(bytes)}`, body(bytes));
        expect(Buffer.compare((await store.get(`a/${String(bytes)}`))!, body(bytes))).toBe(0);
      }
      expect(await store.get('a/none')).toBeUndefined();
    });

    it('MC-6 what was removed is gone from the list too', async () => {
      await store.put('a/x', body(10));
      await store.put('a/y', body(200_000));
      await store.remove('a/y');
      await store.remove('a/y');
      expect(await store.get('a/y')).toBeUndefined();
      expect(await store.list()).toMatchObject([{ name: 'a/x', bytes: 10 }]);
      await store.put('a/y', body(5));
      expect((await store.get('a/y'))?.length).toBe(5);
    });

    it('MC-6 sweeping leaves what is whole', async () => {
      await store.put('a/x', body(300_000));
      expect(await store.sweep(-60_000)).toBe(0);
      expect((await store.get('a/x'))?.length).toBe(300_000);
    });
  });
}
