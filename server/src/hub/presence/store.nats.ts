import { KvBucket, KvError } from '../../bus/index.ts';
import type { Bus, KvMirror } from '../../bus/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import { PresenceError } from './presence-error.ts';
import type { PresenceChange, PresenceRecord, PresenceStore } from './ports.ts';
import { presenceRecordSchema } from './record-schema.ts';

/** Records in the KV bucket `presence`, seen through a mirror in memory. The caller closes it. */
export class NatsPresenceStore implements PresenceStore {
  readonly ready: Promise<void>;
  readonly #bucket: KvBucket<PresenceRecord>;
  readonly #mirror: KvMirror<PresenceRecord>;

  private constructor(bucket: KvBucket<PresenceRecord>) {
    this.#bucket = bucket;
    this.#mirror = bucket.mirror();
    this.ready = this.#mirror.ready;
  }

  /** @throws KvError */
  static async open(bus: Bus): Promise<NatsPresenceStore> {
    return new NatsPresenceStore(await KvBucket.open(bus, { name: 'presence', schema: presenceRecordSchema }));
  }

  write(key: string, record: PresenceRecord, revision: number): Promise<number> {
    return translated(revision === 0 ? this.#bucket.create(key, record) : this.#bucket.update(key, record, revision));
  }

  remove(key: string, revision: number): Promise<void> {
    return translated(this.#bucket.delete(key, revision));
  }

  async get(key: string): Promise<{ readonly record: PresenceRecord; readonly revision: number } | undefined> {
    const held = await translated(this.#bucket.get(key));
    return held === undefined ? undefined : { record: held.value, revision: held.revision };
  }

  *entries(): Generator<readonly [key: string, record: PresenceRecord, revision: number]> {
    for (const [key, record] of this.#mirror.entries()) yield [key, record, this.#mirror.revision(key) ?? 0];
  }

  onChange(listener: (change: PresenceChange) => void): Unsubscribe {
    return this.#mirror.onChange((change) => {
      const { key } = change;
      if (change.kind === 'set') listener({ kind: 'set', key, record: change.value, revision: change.revision });
      else listener({ kind: 'removed', key, why: change.why === 'lost' ? 'lost' : 'deleted' });
    });
  }

  close(): void {
    this.#mirror.close();
  }
}

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    const reason = error.reason === 'conflict' ? 'conflict' : 'unavailable';
    throw new PresenceError(reason, error.message, { cause: error });
  }
}
