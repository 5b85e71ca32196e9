import { TenantError } from './errors.ts';
import type { TenantRepository } from './ports.ts';
import type { NewRecord, RecordChanges, RecordOf, TenantKind, TenantRecord } from './records.ts';

/** Tenant records that live as long as the process: for tests and trials. The same rules as the SQL one. */
export class MemoryTenantRepository implements TenantRepository {
  readonly #records = new Map<string, TenantRecord>();
  #revision = 0;

  insert<K extends TenantKind>(kind: K, record: NewRecord<K>): Promise<RecordOf[K]> {
    return attempt(() => {
      const full = { ...record, kind, revision: ++this.#revision } as unknown as RecordOf[K];
      if (this.#records.has(full.sid)) throw new TenantError('exists', `${kind} ${full.sid} exists already`);
      this.#checkReferences(full);
      this.#records.set(full.sid, structuredClone(full));
      return structuredClone(full);
    });
  }

  update<K extends TenantKind>(kind: K, sid: string, changes: RecordChanges<K>): Promise<RecordOf[K]> {
    return attempt(() => {
      const found = this.#find(kind, sid);
      if (found === undefined) throw new TenantError('not-found', `there is no ${kind} ${sid}`);
      const full = { ...found, ...changes, revision: ++this.#revision };
      this.#checkReferences(full);
      this.#records.set(sid, structuredClone(full));
      return structuredClone(full);
    });
  }

  remove(kind: TenantKind, sid: string): Promise<boolean> {
    return attempt(() => {
      if (this.#find(kind, sid) === undefined) return false;
      for (const record of this.#records.values()) {
        if (referencesOf(record).some(([, to]) => to === sid)) {
          throw new TenantError('in-use', `${kind} ${sid} is still used by ${record.kind} ${record.sid}`);
        }
      }
      return this.#records.delete(sid);
    });
  }

  get<K extends TenantKind>(kind: K, sid: string): Promise<RecordOf[K] | undefined> {
    return attempt(() => structuredClone(this.#find(kind, sid)));
  }

  list<K extends TenantKind>(kind: K, accountSid?: string): Promise<RecordOf[K][]> {
    return attempt(() => {
      const found = [...this.#records.values()].filter(
        (record) =>
          record.kind === kind &&
          (accountSid === undefined || (record.kind === 'account' ? record.sid : record.accountSid) === accountSid),
      );
      found.sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.sid.localeCompare(b.sid));
      return structuredClone(found) as RecordOf[K][];
    });
  }

  #find<K extends TenantKind>(kind: K, sid: string): RecordOf[K] | undefined {
    const found = this.#records.get(sid);
    return found?.kind === kind ? (found as RecordOf[K]) : undefined;
  }

  #checkReferences(record: TenantRecord): void {
    for (const [kind, sid] of referencesOf(record)) {
      if (this.#find(kind, sid) === undefined) throw new TenantError('not-found', `there is no ${kind} ${sid}`);
    }
    if (record.kind !== 'number') return;
    for (const other of this.#records.values()) {
      if (other.kind === 'number' && other.number === record.number && other.sid !== record.sid) {
        throw new TenantError('exists', `number ${record.number} exists already`);
      }
    }
  }
}

function referencesOf(record: TenantRecord): [TenantKind, string][] {
  if (record.kind === 'account') return [];
  const references: [TenantKind, string][] = [['account', record.accountSid]];
  if (record.kind === 'number' && record.applicationSid !== null)
    references.push(['application', record.applicationSid]);
  return references;
}

/** What a method throws becomes a rejection, as with a real database. */
function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}
