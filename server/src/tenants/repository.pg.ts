import { fileURLToPath } from 'node:url';
import { asc, eq, getTableColumns, getTableName, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { describeError } from '../kernel/index.ts';
import type { Database } from './database.pg.ts';
import { TenantError } from './errors.ts';
import { PgNumberPool } from './number-pool.pg.ts';
import type { RecordQuery, TenantRepository, TenantVersion } from './ports.ts';
import { recordBySid, recordPage } from './record-select.ts';
import type { Statement } from './record-select.ts';
import { RowReader } from './row-reader.ts';
import { tenantRecordSchema } from './records.ts';
import type { NewRecord, RecordChanges, RecordOf, TenantKind } from './records.ts';
import {
  accounts,
  apiKeys,
  applications,
  credentialLists,
  credentials,
  ipAddresses,
  ipLists,
  numbers,
  publicKeys,
  sipDomains,
  sipUsers,
  trunks,
} from './schema.pg.ts';
import { forgetVersions, keepVersion, versionsOf } from './versions.pg.ts';
import type { Transaction } from './versions.pg.ts';

const TABLES = {
  account: accounts,
  apiKey: apiKeys,
  publicKey: publicKeys,
  application: applications,
  number: numbers,
  trunk: trunks,
  sipDomain: sipDomains,
  sipUser: sipUsers,
  credentialList: credentialLists,
  credential: credentials,
  ipList: ipLists,
  ipAddress: ipAddresses,
} as const;

const READERS = Object.fromEntries(
  Object.entries(TABLES).map(([kind, table]) => [kind, new RowReader(getTableColumns(table))]),
) as Record<TenantKind, RowReader>;

/** SQLSTATE codes of PostgreSQL. */
const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

/** Tenant records in the tables of schema.pg.ts. Columns have the names of the record's members. */
export class PgTenantRepository implements TenantRepository {
  readonly pool: PgNumberPool;
  readonly #database: Database;

  private constructor(database: Database) {
    this.pool = new PgNumberPool(database.db);
    this.#database = database;
  }

  /** Brings the tables up to date first. @throws DatabaseError `migration` */
  static async open(database: Database): Promise<PgTenantRepository> {
    await database.migrate('tenants', fileURLToPath(new URL('./migrations', import.meta.url)));
    return new PgTenantRepository(database);
  }

  async insert<K extends TenantKind>(kind: K, record: NewRecord<K>): Promise<RecordOf[K]> {
    return await this.#write(kind, record, async (tx) => {
      const rows: unknown[] = await tx.insert(tableOf(kind)).values(toRow(record)).returning();
      const stored = fromRow(kind, rows[0]);
      await keepVersion(tx, stored);
      return stored;
    });
  }

  async update<K extends TenantKind>(kind: K, sid: string, changes: RecordChanges<K>): Promise<RecordOf[K]> {
    const table = tableOf(kind);
    const values = { ...toRow(changes), revision: sql`nextval('tenants.revisions')` };
    return await this.#write(kind, changes, async (tx) => {
      const [before]: unknown[] = await tx.select().from(table).where(eq(TABLES[kind].sid, sid)).for('update');
      if (before === undefined) throw new TenantError('not-found', `there is no ${kind} ${sid}`);
      const rows: unknown[] = await tx.update(table).set(values).where(eq(TABLES[kind].sid, sid)).returning();
      const stored = fromRow(kind, rows[0]);
      await keepVersion(tx, stored, fromRow(kind, before));
      return stored;
    });
  }

  async remove(kind: TenantKind, sid: string): Promise<boolean> {
    return await this.#write(kind, { sid }, async (tx) => {
      const rows: unknown[] = await tx.delete(tableOf(kind)).where(eq(TABLES[kind].sid, sid)).returning();
      if (rows.length > 0) await forgetVersions(tx, sid);
      return rows.length > 0;
    });
  }

  async get<K extends TenantKind>(kind: K, sid: string): Promise<RecordOf[K] | undefined> {
    const [record] = await this.#read(kind, recordBySid(...sourceOf(kind), sid));
    return record;
  }

  async list<K extends TenantKind>(kind: K, accountSid?: string): Promise<RecordOf[K][]> {
    const table = TABLES[kind];
    const owner = 'accountSid' in table ? table.accountSid : table.sid;
    try {
      const rows: unknown[] = await this.#database.db
        .select()
        .from(tableOf(kind))
        .where(accountSid === undefined ? undefined : eq(owner, accountSid))
        .orderBy(asc(table.createdAt), asc(table.sid));
      return rows.map((row) => fromRow(kind, row));
    } catch (error) {
      throw translate(kind, {}, error);
    }
  }

  async page<K extends TenantKind>(kind: K, query: RecordQuery): Promise<RecordOf[K][]> {
    const records = await this.#read(kind, recordPage(kind, ...sourceOf(kind), query));
    return query.before === undefined ? records : records.reverse();
  }

  async versions(sid: string): Promise<TenantVersion[]> {
    try {
      return await versionsOf(this.#database.db, sid);
    } catch (error) {
      throw translate('account', { sid }, error);
    }
  }

  /** A record and its version are written together, or neither is. */
  async #write<T>(kind: TenantKind, facts: object, work: (tx: Transaction) => Promise<T>): Promise<T> {
    try {
      return await this.#database.db.transaction(work);
    } catch (error) {
      throw error instanceof TenantError ? error : translate(kind, facts, error);
    }
  }

  async #read<K extends TenantKind>(kind: K, statement: Statement): Promise<RecordOf[K][]> {
    const reader = READERS[kind];
    let rows: readonly unknown[][];
    try {
      ({ rows } = await this.#database.pool.query<unknown[]>(reader.query(statement)));
    } catch (error) {
      throw translate(kind, {}, error);
    }
    return rows.map((row) => fromRow(kind, reader.read(row)));
  }
}

/** Table and columns for `select`. */
function sourceOf(kind: TenantKind): [string, string] {
  return [`tenants.${getTableName(TABLES[kind])}`, READERS[kind].columns];
}

const tableOf = (kind: TenantKind): PgTable => TABLES[kind];

function toRow(record: object): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(record)) {
    if (key === 'kind') continue;
    row[key] = key === 'createdAt' || key === 'updatedAt' ? new Date(String(value)) : value;
  }
  return row;
}

function fromRow<K extends TenantKind>(kind: K, row: unknown): RecordOf[K] {
  const record: Record<string, unknown> = { kind };
  for (const [key, value] of Object.entries(row as Record<string, unknown>)) {
    record[key] = value instanceof Date ? value.toISOString() : value;
  }
  return tenantRecordSchema.parse(record) as RecordOf[K];
}

/** What the database refused, in the port's words. */
function translate(kind: TenantKind, facts: object, error: unknown): TenantError {
  const { code, detail } = pgErrorOf(error);
  if (code === UNIQUE_VIOLATION) {
    return new TenantError('exists', `${kind} ${nameOf(facts)} exists already`, { cause: error });
  }
  if (code === FOREIGN_KEY_VIOLATION) {
    const missing = /\(([^()]+)\)=\(([^()]+)\) is not present in table "(\w+)s"/.exec(detail);
    if (missing !== null) {
      return new TenantError('not-found', `there is no ${missing[3] ?? ''} ${missing[2] ?? ''}`, { cause: error });
    }
    return new TenantError('in-use', `${kind} is still used: ${detail}`, { cause: error });
  }
  return new TenantError('unavailable', `the database did not do it: ${describeError(error)}`, { cause: error });
}

/** What a record is known by: what may exist once only. */
function nameOf(facts: object): string {
  for (const member of ['number', 'domain', 'username', 'kid', 'sid'])
    if (member in facts) return String((facts as Record<string, unknown>)[member]);
  return '';
}

function pgErrorOf(error: unknown): { code: string; detail: string } {
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string') {
      return { code: current.code, detail: 'detail' in current ? String(current.detail) : '' };
    }
  }
  return { code: '', detail: '' };
}

/** Column names by kind, for the test that keeps tables and record schemas together. */
export function columnsOf(kind: TenantKind): string[] {
  return Object.keys(getTableColumns(TABLES[kind]));
}
