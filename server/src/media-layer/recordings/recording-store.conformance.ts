import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordingStore, StoredRecording } from '../ports.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;

/** What every store of recordings keeps to. */
export function recordingStoreConformance(
  name: string,
  open: () => Promise<{ store: RecordingStore; close: () => Promise<void> }>,
): void {
  describe(`recording store: ${name}`, () => {
    let store: RecordingStore;
    let close: () => Promise<void>;
    beforeEach(async () => {
      ({ store, close } = await open());
    });
    afterEach(() => close());

    const facts = (n: number, change: Partial<StoredRecording> = {}): StoredRecording => ({
      accountSid: ACCOUNT,
      recordingSid: `RE${String(n).repeat(32)}`,
      callSid: `CA${'c'.repeat(32)}`,
      channels: 2,
      bytes: 300_000,
      durationMs: 9373.625,
      startedAt: 1_700_000_000_000 + n,
      ...change,
    });
    const file = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 31) % 251);
    async function* inParts(size = 65_536): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < file.length; at += size) yield await Promise.resolve(file.subarray(at, at + size));
    }
    const bytesOf = async (body: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
      const parts: Uint8Array[] = [];
      for await (const part of body) parts.push(part);
      return Buffer.concat(parts);
    };

    it('CR-5 gives back what was put, whole and in part', async () => {
      await store.put(facts(1), inParts());
      const { recordingSid } = facts(1);
      const kept = { ...facts(1), sha256: createHash('sha256').update(file).digest('base64url') };
      expect(await store.stat(ACCOUNT, recordingSid)).toEqual(kept);
      const whole = await store.read(ACCOUNT, recordingSid);
      expect(whole!.facts).toEqual(kept);
      expect(Buffer.compare(await bytesOf(whole!.body), file)).toBe(0);
      for (const [start, end] of [
        [0, 43],
        [131_070, 131_075],
        [299_990, 400_000],
      ] as const) {
        const part = await store.read(ACCOUNT, recordingSid, { start, end });
        expect(Buffer.compare(await bytesOf(part!.body), file.subarray(start, end + 1))).toBe(0);
      }
    });

    it('CR-5 knows nothing of another account’s, or of what was removed', async () => {
      await store.put(facts(2), inParts());
      const { recordingSid } = facts(2);
      const other = `AC${'b'.repeat(32)}`;
      expect(await store.stat(other, recordingSid)).toBeUndefined();
      expect(await store.read(other, recordingSid)).toBeUndefined();
      expect(await store.remove(other, recordingSid)).toBe(false);
      expect(await store.remove(ACCOUNT, recordingSid)).toBe(true);
      expect(await store.remove(ACCOUNT, recordingSid)).toBe(false);
      expect(await store.stat(ACCOUNT, recordingSid)).toBeUndefined();
      expect(await store.read(ACCOUNT, recordingSid)).toBeUndefined();
    });

    it('CR-5 a file that breaks off is never seen', async () => {
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield await Promise.resolve(file.subarray(0, 200_000));
        throw new Error('the disk is gone');
      }
      await expect(store.put(facts(3), broken())).rejects.toThrow();
      expect(await store.stat(ACCOUNT, facts(3).recordingSid)).toBeUndefined();
    });

    it('CR-5 old ones are purged', async () => {
      for (const n of [4, 5, 6]) await store.put(facts(n), inParts());
      expect(await store.usage(ACCOUNT)).toEqual({ recordings: 3, bytes: 900_000, durationMs: 3 * 9373.625 });
      expect(await store.usage('ACother')).toEqual({ recordings: 0, bytes: 0, durationMs: 0 });
      expect(await store.purge(facts(6).startedAt, 'ACother')).toBe(0);
      expect(await store.purge(facts(6).startedAt, ACCOUNT)).toBe(2);
      expect(await store.stat(ACCOUNT, facts(5).recordingSid)).toBeUndefined();
      expect(await store.stat(ACCOUNT, facts(6).recordingSid)).toBeDefined();
    });
  });
}
