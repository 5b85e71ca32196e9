import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import { silentLog } from '../../kernel/index.ts';
import { decodeWav } from '../../media/index.ts';
import { RecordingSpool } from './recording-spool.ts';
import { recordingStoreConformance } from './recording-store.conformance.ts';
import { MemoryRecordingStore } from './recording-store.memory.ts';
import { NatsRecordingStore } from './recording-store.nats.ts';

recordingStoreConformance('memory', () =>
  Promise.resolve({ store: new MemoryRecordingStore(), close: () => Promise.resolve() }),
);
recordingStoreConformance('nats', async () => {
  const nats = await startTestNats();
  return { store: await NatsRecordingStore.open(nats.bus), close: () => nats.close() };
});

const FACTS = {
  accountSid: `AC${'a'.repeat(32)}`,
  callSid: `CA${'c'.repeat(32)}`,
  recordingSid: `RE${'e'.repeat(32)}`,
  channels: 1,
  startedAt: 1_700_000_000_000,
  memo: { source: 'RecordVerb' },
} as const;

describe('recordings in the making', () => {
  let directory: string;
  let store: MemoryRecordingStore;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hs-spool-'));
    store = new MemoryRecordingStore();
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));
  const spool = (): Promise<RecordingSpool> => RecordingSpool.open({ directory, store, log: silentLog });
  const ramp = (length: number): Int16Array => Int16Array.from({ length }, (_, at) => at);
  const kept = async (): Promise<Int16Array> => {
    const parts: Uint8Array[] = [];
    for await (const part of (await store.read(FACTS.accountSid, FACTS.recordingSid))!.body) parts.push(part);
    return decodeWav(Buffer.concat(parts));
  };

  it('CR-5 a finished one is cut to what is kept, stored, and gone from the disk', async () => {
    const opened = await spool();
    const file = opened.open(FACTS);
    for (let at = 0; at < 10; at++) file.append(ramp(160));
    expect(await file.finish(1500)).toEqual({ bytes: 44 + 3000 });
    expect(await kept()).toEqual(Int16Array.from({ length: 1500 }, (_, at) => at % 160));
    expect(await store.stat(FACTS.accountSid, FACTS.recordingSid)).toMatchObject({ bytes: 3044, durationMs: 187.5 });
    expect(await readdir(directory)).toEqual([]);
    expect(opened.live).toBe(0);
  });

  it('CR-5 what a process left behind is stored at the next start, up to the last write', async () => {
    const dying = await spool();
    const file = dying.open(FACTS);
    file.append(ramp(8000));
    // The process dies here: nothing is finished. The other one sees what reached the file.
    await expect
      .poll(async () => (await readdir(directory)).length > 1 && (await fileSize(directory)), { interval: 5 })
      .toBe(44 + 16_000);
    await dying.close();
    const recovered = await (await spool()).recover();
    expect(recovered).toMatchObject([{ facts: FACTS, stored: { durationMs: 1000, bytes: 16_044 } }]);
    expect((await kept())[7999]).toBe(7999);
    expect(await readdir(directory)).toEqual([]);
  });

  it('CR-5 one that is discarded, or left behind empty, leaves nothing', async () => {
    const opened = await spool();
    const file = opened.open(FACTS);
    file.append(ramp(160));
    await file.discard();
    expect(await readdir(directory)).toEqual([]);
    opened.open(FACTS);
    await expect.poll(async () => (await readdir(directory)).length, { interval: 5 }).toBe(2);
    await opened.close();
    expect(await (await spool()).recover()).toMatchObject([{ stored: undefined }]);
    expect(await readdir(directory)).toEqual([]);
  });

  it('CR-5 a store out of reach fails the recording, keeps its file, and the next start stores it', async () => {
    const put = store.put.bind(store);
    store.put = () => Promise.reject(new Error('no connection'));
    const file = (await spool()).open(FACTS);
    file.append(ramp(8000));
    await expect(file.finish(8000)).rejects.toThrow('no connection');
    store.put = put;
    expect(await (await spool()).recover()).toMatchObject([{ stored: { durationMs: 1000 } }]);
  });

  it('CR-5 a directory that cannot be written is said so', async () => {
    await writeFile(join(directory, 'taken'), '');
    await expect(
      RecordingSpool.open({ directory: join(directory, 'taken', 'spool'), store, log: silentLog }),
    ).rejects.toMatchObject({ reason: 'disk' });
  });
});

async function fileSize(directory: string): Promise<number> {
  return (await stat(join(directory, `${FACTS.recordingSid}.wav`))).size;
}
