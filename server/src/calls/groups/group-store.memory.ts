import { GroupError } from './group-error.ts';
import type { GroupKey, GroupKind, GroupRecord, GroupStore, StoredGroup } from './ports.ts';

/** Owners of groups in one process: for tests, and for a cluster whose nodes all run in one process. */
export class MemoryGroupStore implements GroupStore {
  readonly #groups = new Map<string, StoredGroup>();
  #revision = 0;

  get size(): number {
    return this.#groups.size;
  }

  get(key: GroupKey): Promise<StoredGroup | undefined> {
    return Promise.resolve(this.#groups.get(keyOf(key)));
  }

  find(kind: GroupKind, accountSid: string, sid: string): Promise<StoredGroup | undefined> {
    const found = [...this.#groups.values()].find(
      ({ record }) => record.kind === kind && record.accountSid === accountSid && record.sid === sid,
    );
    return Promise.resolve(found);
  }

  create(record: GroupRecord): Promise<StoredGroup> {
    return this.#groups.has(keyOf(record)) ? conflict(record) : this.#write(record);
  }

  update(record: GroupRecord, revision: number): Promise<StoredGroup> {
    return this.#groups.get(keyOf(record))?.revision === revision ? this.#write(record) : conflict(record);
  }

  rename(record: GroupRecord, revision: number, name: string): Promise<StoredGroup> {
    const renamed = { ...record, name };
    if (this.#groups.has(keyOf(renamed))) return Promise.reject(new GroupError('taken', `${name} is taken`));
    if (this.#groups.get(keyOf(record))?.revision !== revision) return conflict(record);
    this.#groups.delete(keyOf(record));
    return this.#write(renamed);
  }

  remove(record: GroupRecord, revision: number): Promise<void> {
    if (this.#groups.get(keyOf(record))?.revision !== revision) return conflict(record);
    this.#groups.delete(keyOf(record));
    return Promise.resolve();
  }

  list(kind: GroupKind, accountSid: string): Promise<readonly GroupRecord[]> {
    const all = [...this.#groups.values()].map(({ record }) => record);
    return Promise.resolve(all.filter((record) => record.kind === kind && record.accountSid === accountSid));
  }

  ownedBy(node: string): Promise<readonly StoredGroup[]> {
    return Promise.resolve([...this.#groups.values()].filter(({ record }) => record.node === node));
  }

  #write(record: GroupRecord): Promise<StoredGroup> {
    const stored = { record, revision: ++this.#revision };
    this.#groups.set(keyOf(record), stored);
    return Promise.resolve(stored);
  }
}

function keyOf({ kind, accountSid, name }: GroupKey): string {
  return JSON.stringify([kind, accountSid, name]);
}

function conflict({ kind, name }: GroupKey): Promise<never> {
  return Promise.reject(new GroupError('conflict', `${kind} ${name} was changed by somebody else meanwhile`));
}
