import { sha256 } from '../cache/hot-bodies.ts';
import type { KeptRecording, RecordingBody, RecordingStore, RecordingUse, StoredRecording } from '../ports.ts';
import { useOf } from './recording-use.ts';

/** Recordings in the memory of this process: for tests and demonstrations. */
export class MemoryRecordingStore implements RecordingStore {
  readonly #kept = new Map<string, { facts: KeptRecording; file: Uint8Array }>();

  async put(facts: StoredRecording, file: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const part of file) parts.push(Uint8Array.from(part));
    const whole = Buffer.concat(parts);
    const kept = { facts: { ...facts, sha256: sha256(whole) }, file: whole };
    this.#kept.set(keyOf(facts.accountSid, facts.recordingSid), kept);
  }

  stat(accountSid: string, recordingSid: string): Promise<KeptRecording | undefined> {
    return Promise.resolve(this.#kept.get(keyOf(accountSid, recordingSid))?.facts);
  }

  read(
    accountSid: string,
    recordingSid: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<RecordingBody | undefined> {
    const kept = this.#kept.get(keyOf(accountSid, recordingSid));
    if (kept === undefined) return Promise.resolve(undefined);
    const part = range === undefined ? kept.file : kept.file.subarray(range.start, range.end + 1);
    return Promise.resolve({ facts: kept.facts, body: once(part) });
  }

  remove(accountSid: string, recordingSid: string): Promise<boolean> {
    return Promise.resolve(this.#kept.delete(keyOf(accountSid, recordingSid)));
  }

  usage(accountSid: string): Promise<RecordingUse> {
    return Promise.resolve(
      useOf(
        accountSid,
        [...this.#kept.values()].map(({ facts }) => facts),
      ),
    );
  }

  purge(before: number, accountSid?: string): Promise<number> {
    const old = [...this.#kept].filter(
      ([, { facts }]) => facts.startedAt < before && facts.accountSid === (accountSid ?? facts.accountSid),
    );
    for (const [key] of old) this.#kept.delete(key);
    return Promise.resolve(old.length);
  }
}

function keyOf(accountSid: string, recordingSid: string): string {
  return `${accountSid}/${recordingSid}`;
}

// eslint-disable-next-line @typescript-eslint/require-await -- an iterable of what is there already
async function* once(part: Uint8Array): AsyncGenerator<Uint8Array> {
  yield part;
}
