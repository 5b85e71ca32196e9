import { Readable } from 'node:stream';
import { Objm, StorageType } from '@nats-io/obj';
import type { ObjectInfo, ObjectStore } from '@nats-io/obj';
import { z } from 'zod';
import type { Bus } from '../../bus/index.ts';
import { describeError } from '../../kernel/index.ts';
import type { KeptRecording, RecordingBody, RecordingStore, RecordingUse, StoredRecording } from '../ports.ts';
import { useOf } from './recording-use.ts';
import { RecordingError } from './recording-error.ts';

const BUCKET = 'hs-recordings';

const factsSchema = z.object({
  accountSid: z.string(),
  recordingSid: z.string(),
  callSid: z.string(),
  channels: z.coerce.number().pipe(z.union([z.literal(1), z.literal(2)])),
  bytes: z.coerce.number(),
  durationMs: z.coerce.number(),
  startedAt: z.coerce.number(),
});

/** Recordings in the object store of NATS: every process reaches them. An object shows when it is whole. */
export class NatsRecordingStore implements RecordingStore {
  readonly #store: ObjectStore;

  private constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** @throws RecordingError `unavailable` @param replicas copies kept by a NATS cluster (default 1) */
  static async open(bus: Bus, replicas = 1): Promise<NatsRecordingStore> {
    const store = await reach(() => new Objm(bus.js).create(BUCKET, { storage: StorageType.File, replicas }));
    return new NatsRecordingStore(store);
  }

  async put(facts: StoredRecording, file: AsyncIterable<Uint8Array>): Promise<void> {
    const name = nameOf(facts.accountSid, facts.recordingSid);
    const metadata = Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, String(value)]));
    const body = Readable.toWeb(Readable.from(file)) as ReadableStream<Uint8Array>;
    await reach(() => this.#store.put({ name, metadata }, body));
  }

  async stat(accountSid: string, recordingSid: string): Promise<KeptRecording | undefined> {
    return factsOf(await reach(() => this.#store.info(nameOf(accountSid, recordingSid))));
  }

  async read(
    accountSid: string,
    recordingSid: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<RecordingBody | undefined> {
    const result = await reach(() => this.#store.get(nameOf(accountSid, recordingSid)));
    const facts = factsOf(result?.info ?? null);
    if (result === null || facts === undefined) return undefined;
    const { start, end } = range ?? { start: 0, end: Infinity };
    return { facts, body: partOf(result.data, start, end) };
  }

  async remove(accountSid: string, recordingSid: string): Promise<boolean> {
    if ((await this.stat(accountSid, recordingSid)) === undefined) return false;
    await reach(() => this.#store.delete(nameOf(accountSid, recordingSid)));
    return true;
  }

  async usage(accountSid: string): Promise<RecordingUse> {
    return useOf(
      accountSid,
      (await reach(() => this.#store.list())).map((info) => factsOf(info)),
    );
  }

  async purge(before: number, accountSid?: string): Promise<number> {
    let removed = 0;
    for (const info of await reach(() => this.#store.list())) {
      const facts = factsOf(info);
      if (facts === undefined || facts.startedAt >= before) continue;
      if (accountSid !== undefined && facts.accountSid !== accountSid) continue;
      if (await this.remove(facts.accountSid, facts.recordingSid)) removed++;
    }
    return removed;
  }
}

function nameOf(accountSid: string, recordingSid: string): string {
  return `${accountSid}/${recordingSid}.wav`;
}

function factsOf(info: ObjectInfo | null): KeptRecording | undefined {
  if (info === null || info.deleted) return undefined;
  const parsed = factsSchema.safeParse(info.metadata);
  // The store writes `SHA-256=` and base64url with padding.
  const sha256 = info.digest.replace(/^SHA-256=/, '').replace(/=+$/, '');
  return parsed.success ? { ...parsed.data, sha256 } : undefined;
}

/** The bytes from `start` to `end`; the rest is read over. */
async function* partOf(body: ReadableStream<Uint8Array>, start: number, end: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  try {
    for await (const chunk of body) {
      const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end + 1 - at));
      at += chunk.length;
      if (part.length > 0) yield part;
      if (at > end) return;
    }
  } catch (error) {
    throw new RecordingError('unavailable', `a recording could not be read: ${describeError(error)}`, { cause: error });
  }
}

async function reach<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new RecordingError('unavailable', `the store of recordings is out of reach: ${describeError(error)}`, {
      cause: error,
    });
  }
}
