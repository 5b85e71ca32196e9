import { z } from 'zod';
import { KvBucket, KvError, kvKey, parseKvKey } from '../../bus/index.ts';
import type { Bus } from '../../bus/index.ts';
import { GroupError } from './group-error.ts';
import type { GroupKey, GroupKind, GroupRecord, GroupStore, StoredGroup } from './ports.ts';

const recordSchema = z.object({
  kind: z.enum(['conference', 'queue']),
  accountSid: z.string(),
  sid: z.string(),
  name: z.string(),
  node: z.string().optional(),
  fence: z.number(),
  createdAt: z.number(),
  maxSize: z.number().optional(),
});
type Stored = z.infer<typeof recordSchema>;

const BUCKET = 'call-groups';

/**
 * Owners of groups in a KV bucket, one value a group at `<kind>.<account>.name.<name>`, and its name again at
 * `<kind>.<account>.sid.<sid>`, so that it is found by either. The first is the truth: an entry by sid that a crash left
 * behind leads nowhere.
 */
export class NatsGroupStore implements GroupStore {
  readonly #bucket: KvBucket<Stored>;

  private constructor(bucket: KvBucket<Stored>) {
    this.#bucket = bucket;
  }

  static async open(bus: Bus): Promise<NatsGroupStore> {
    return new NatsGroupStore(await KvBucket.open(bus, { name: BUCKET, schema: recordSchema }));
  }

  async get(key: GroupKey): Promise<StoredGroup | undefined> {
    const held = await run(() => this.#bucket.get(keyOf(key)));
    return held === undefined ? undefined : { record: recordOf(held.value), revision: held.revision };
  }

  async find(kind: GroupKind, accountSid: string, sid: string): Promise<StoredGroup | undefined> {
    const pointer = await run(() => this.#bucket.get(sidKey({ kind, accountSid, sid })));
    const found = pointer === undefined ? undefined : await this.get(recordOf(pointer.value));
    return found?.record.sid === sid ? found : undefined;
  }

  async create(record: GroupRecord): Promise<StoredGroup> {
    // The entry by sid first: without the one by name it means nothing.
    await run(() => this.#bucket.put(sidKey(record), record));
    try {
      return { record, revision: await run(() => this.#bucket.create(keyOf(record), record)) };
    } catch (error) {
      await run(() => this.#bucket.delete(sidKey(record))).catch(() => undefined);
      throw error;
    }
  }

  async update(record: GroupRecord, revision: number): Promise<StoredGroup> {
    return { record, revision: await run(() => this.#bucket.update(keyOf(record), record, revision)) };
  }

  async rename(record: GroupRecord, revision: number, name: string): Promise<StoredGroup> {
    const renamed = { ...record, name };
    const made = await this.#takeName(renamed);
    try {
      // The sid leads to the new name before the old one is gone, so that it always leads somewhere.
      await run(() => this.#bucket.put(sidKey(record), renamed));
      await run(() => this.#bucket.delete(keyOf(record), revision));
    } catch (error) {
      await run(() => this.#bucket.put(sidKey(record), record)).catch(() => undefined);
      await run(() => this.#bucket.delete(keyOf(renamed), made)).catch(() => undefined);
      throw error;
    }
    return { record: renamed, revision: made };
  }

  async #takeName(record: GroupRecord): Promise<number> {
    try {
      return await run(() => this.#bucket.create(keyOf(record), record));
    } catch (error) {
      if (!(error instanceof GroupError) || error.reason !== 'conflict') throw error;
      throw new GroupError('taken', `there is a ${record.kind} of the name ${record.name}`, { cause: error });
    }
  }

  async remove(record: GroupRecord, revision: number): Promise<void> {
    await run(() => this.#bucket.delete(keyOf(record), revision));
    await run(() => this.#bucket.delete(sidKey(record)));
  }

  async list(kind: GroupKind, accountSid: string): Promise<readonly GroupRecord[]> {
    const held = await this.#all(([of, account, by]) => of === kind && account === accountSid && by === 'name');
    return held.map(({ record }) => record);
  }

  async ownedBy(node: string): Promise<readonly StoredGroup[]> {
    const held = await this.#all(([, , by]) => by === 'name');
    return held.filter(({ record }) => record.node === node);
  }

  async #all(match: (key: readonly string[]) => boolean): Promise<StoredGroup[]> {
    const keys = (await run(() => this.#bucket.keys())).filter((key) => match(parseKvKey(key) ?? []));
    const held = await Promise.all(keys.map((key) => run(() => this.#bucket.get(key))));
    return held.flatMap((each) =>
      each === undefined ? [] : [{ record: recordOf(each.value), revision: each.revision }],
    );
  }
}

function keyOf({ kind, accountSid, name }: GroupKey): string {
  return kvKey(kind, accountSid, 'name', name);
}

function sidKey({ kind, accountSid, sid }: Pick<GroupRecord, 'kind' | 'accountSid' | 'sid'>): string {
  return kvKey(kind, accountSid, 'sid', sid);
}

function recordOf(value: Stored): GroupRecord {
  return { ...value, node: value.node };
}

async function run<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    const reason = error.reason === 'conflict' ? 'conflict' : 'unavailable';
    throw new GroupError(reason, error.message, { cause: error });
  }
}
