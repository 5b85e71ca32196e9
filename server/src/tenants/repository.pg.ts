import { fileURLToPath } from 'node:url';
import { and, asc, eq, getTableColumns, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { describeError } from '../kernel/index.ts';
import type { Database } from './database.pg.ts';
import { TenantError } from './errors.ts';
import type { TenantRepository } from './ports.ts';
import { tenantRecordSchema } from './records.ts';
import type { NewRecord, RecordChanges, RecordOf, TenantKind } from './records.ts';
import { accounts, apiKeys, applications, numbers, trunks } from './schema.pg.ts';

const TABLES = {
  account: accounts,
  apiKey: apiKeys,
  application: applications,
  number: numbers,
  trunk: trunks,
} as const;

/** SQLSTATE codes of PostgreSQL. */
const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

/** Tenant records in the tables of schema.pg.ts. Columns have the names of the record's members. */
export class PgTenantRepository implements TenantRepository {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Brings the tables up to date first. @throws DatabaseError `migration` */
  static async open(database: Database): Promise<PgTenantRepository> {
    await database.migrate('tenants', fileURLToPath(new URL('./migrations', import.meta.url)));
    return new PgTenantRepository(database);
  }

  async insert<K extends TenantKind>(kind: K, record: NewRecord<K>): Promise<RecordOf[K]> {
    const rows = await this.#run(kind, record, (db) => db.insert(tableOf(kind)).values(toRow(record)).returning());
    return fromRow(kind, rows[0]);
  }

  async update<K extends TenantKind>(kind: K, sid: string, changes: RecordChanges<K>): Promise<RecordOf[K]> {
    const table = tableOf(kind);
    const values = { ...toRow(changes), revision: sql`nextval('tenants.revisions')` };
    const rows = await this.#run(kind, changes, (db) =>
      db.update(table).set(values).where(eq(TABLES[kind].sid, sid)).returning(),
    );
    if (rows.length === 0) throw new TenantError('not-found', `there is no ${kind} ${sid}`);
    return fromRow(kind, rows[0]);
  }

  async remove(kind: TenantKind, sid: string): Promise<boolean> {
    const rows = await this.#run(kind, { sid }, (db) =>
      db.delete(tableOf(kind)).where(eq(TABLES[kind].sid, sid)).returning(),
    );
    return rows.length > 0;
  }

  async get<K extends TenantKind>(kind: K, sid: string): Promise<RecordOf[K] | undefined> {
    const rows = await this.#run(kind, { sid }, (db) =>
      db.select().from(tableOf(kind)).where(eq(TABLES[kind].sid, sid)),
    );
    return rows.length === 0 ? undefined : fromRow(kind, rows[0]);
  }

  async list<K extends TenantKind>(kind: K, accountSid?: string): Promise<RecordOf[K][]> {
    const table = TABLES[kind];
    const owner = 'accountSid' in table ? table.accountSid : table.sid;
    const rows = await this.#run(kind, {}, (db) =>
      db
        .select()
        .from(tableOf(kind))
        .where(and(accountSid === undefined ? undefined : eq(owner, accountSid)))
        .orderBy(asc(table.createdAt), asc(table.sid)),
    );
    return rows.map((row) => fromRow(kind, row));
  }

  async #run(
    kind: TenantKind,
    facts: object,
    work: (db: Database['db']) => Promise<unknown[]> | { then: Promise<unknown[]>['then'] },
  ): Promise<unknown[]> {
    try {
      return await work(this.#database.db);
    } catch (error) {
      throw translate(kind, facts, error);
    }
  }
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
    const what = 'number' in facts ? String(facts.number) : 'sid' in facts ? String(facts.sid) : '';
    return new TenantError('exists', `${kind} ${what} exists already`, { cause: error });
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
