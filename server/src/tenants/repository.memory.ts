import { TenantError } from './errors.ts';
import { MemoryNumberPool } from './number-pool.memory.ts';
import { MAX_VERSIONS } from './ports.ts';
import type { RecordPosition, RecordQuery, TenantRepository, TenantVersion } from './ports.ts';
import type { NewRecord, RecordChanges, RecordOf, TenantKind, TenantRecord } from './records.ts';

/** Tenant records that live as long as the process: for tests and trials. The same rules as the SQL one. */
export class MemoryTenantRepository implements TenantRepository {
  readonly pool = new MemoryNumberPool((number) =>
    [...this.#records.values()].some((record) => record.kind === 'number' && record.number === number),
  );
  readonly #records = new Map<string, TenantRecord>();
  readonly #versions = new Map<string, TenantVersion[]>();
  #revision = 0;

  insert<K extends TenantKind>(kind: K, record: NewRecord<K>): Promise<RecordOf[K]> {
    return attempt(() => {
      const full = { ...record, kind, revision: ++this.#revision } as unknown as RecordOf[K];
      if (this.#records.has(full.sid)) throw new TenantError('exists', `${kind} ${full.sid} exists already`);
      this.#checkReferences(full);
      this.#keep(full);
      return structuredClone(full);
    });
  }

  update<K extends TenantKind>(kind: K, sid: string, changes: RecordChanges<K>): Promise<RecordOf[K]> {
    return attempt(() => {
      const found = this.#find(kind, sid);
      if (found === undefined) throw new TenantError('not-found', `there is no ${kind} ${sid}`);
      const full = { ...found, ...changes, revision: ++this.#revision };
      this.#checkReferences(full);
      this.#keep(full);
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
      this.#versions.delete(sid);
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
      found.sort(compare);
      return structuredClone(found) as RecordOf[K][];
    });
  }

  async page<K extends TenantKind>(kind: K, query: RecordQuery): Promise<RecordOf[K][]> {
    const { after, before, limit } = query;
    const found = (await this.list(kind)).reverse().filter((record) => {
      if (after !== undefined && compare(record, after) >= 0) return false;
      if (before !== undefined && compare(record, before) <= 0) return false;
      return matches(record, query, this.pool);
    });
    return before === undefined ? found.slice(0, limit) : found.slice(-limit);
  }

  versions(sid: string): Promise<TenantVersion[]> {
    return attempt(() => structuredClone(this.#versions.get(sid) ?? []));
  }

  #keep(record: TenantRecord): void {
    this.#records.set(record.sid, structuredClone(record));
    const before = this.#versions.get(record.sid) ?? [];
    const version = (before.at(-1)?.version ?? 0) + 1;
    const now = { version, at: record.updatedAt, record: structuredClone(record) };
    this.#versions.set(record.sid, [...before, now].slice(-MAX_VERSIONS));
  }

  #find<K extends TenantKind>(kind: K, sid: string): RecordOf[K] | undefined {
    const found = this.#records.get(sid);
    return found?.kind === kind ? (found as RecordOf[K]) : undefined;
  }

  #checkReferences(record: TenantRecord): void {
    for (const [kind, sid] of referencesOf(record)) {
      if (this.#find(kind, sid) === undefined) throw new TenantError('not-found', `there is no ${kind} ${sid}`);
    }
    const unique = uniqueNameOf(record);
    if (unique === undefined) return;
    for (const other of this.#records.values()) {
      if (other.kind !== record.kind || other.sid === record.sid || uniqueNameOf(other)?.key !== unique.key) continue;
      throw new TenantError('exists', `${record.kind} ${unique.name} exists already`);
    }
  }
}

function compare(a: RecordPosition, b: RecordPosition): number {
  return a.createdAt.localeCompare(b.createdAt) || a.sid.localeCompare(b.sid);
}

function matches(record: TenantRecord, query: RecordQuery, pool: MemoryNumberPool): boolean {
  const { accountSid, name, status, numberLike, numberType, listSid } = query;
  const owners = record.kind === 'account' ? [record.sid, record.ownerSid] : [record.accountSid];
  if (accountSid !== undefined && !owners.includes(accountSid)) return false;
  if (name !== undefined && record.name !== name) return false;
  if (status !== undefined && record.kind === 'account' && record.status !== status) return false;
  if (listSid !== undefined && 'listSid' in record && record.listSid !== listSid) return false;
  if (record.kind !== 'number') return true;
  if (numberType !== undefined && pool.typeOf(record.number) !== numberType) return false;
  if (numberLike === undefined) return true;
  const pattern = numberLike.replace(/[^\w*]/g, '\\$&').replaceAll('*', '.');
  return new RegExp(pattern).test(record.number);
}

/** What may exist once only among the records of its kind. */
function uniqueNameOf(record: TenantRecord): { readonly key: string; readonly name: string } | undefined {
  switch (record.kind) {
    case 'number':
      return { key: record.number, name: record.number };
    case 'publicKey':
      return { key: `${record.accountSid} ${record.kid}`, name: record.kid };
    case 'sipDomain':
      return { key: record.domain, name: record.domain };
    case 'sipUser':
      return { key: `${record.domainSid} ${record.username}`, name: record.username };
    case 'credential':
      return { key: `${record.listSid} ${record.username}`, name: record.username };
    default:
      return undefined;
  }
}

function referencesOf(record: TenantRecord): [TenantKind, string][] {
  if (record.kind === 'account') return record.ownerSid === null ? [] : [['account', record.ownerSid]];
  const references: [TenantKind, string][] = [['account', record.accountSid]];
  if ((record.kind === 'number' || record.kind === 'sipDomain') && record.applicationSid !== null)
    references.push(['application', record.applicationSid]);
  if (record.kind === 'credential') references.push(['credentialList', record.listSid]);
  if (record.kind === 'ipAddress') references.push(['ipList', record.listSid]);
  if (record.kind === 'sipUser') references.push(['sipDomain', record.domainSid]);
  return references;
}

/** What a method throws becomes a rejection, as with a real database. */
function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}
