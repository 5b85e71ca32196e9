import { and, asc, eq, getTableColumns, isNull, sql } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import type { CallFinalStatus } from '@hookswitch/shared';
import type {
  CallCallback,
  CallQuery,
  CallRecord,
  CallRecords,
  ExchangeRecord,
  ListPart,
  QueuedCall,
  RecordVersion,
} from './ports.ts';
import { RowReader } from '../tenants/index.ts';
import { callList } from './call-list.ts';
import { fromRow, pageOf } from './rows.pg.ts';
import { callVersions, calls, exchanges, notifications } from './schema.pg.ts';

const reader = new RowReader(getTableColumns(calls));
const BY_SID = `select ${reader.columns} from records.calls where sid = $1 and account_sid = $2`;
/** One statement, and so one transaction: calls are asked for by the thousand. */
const INSERT_QUEUED = `
  with made as (
    insert into records.calls (sid, account_sid, caller, called, application_sid, status_callback, created_at, updated_at,
      direction, status)
    values ($1, $2, $3, $4, $5, $6::jsonb, $7::timestamptz, $7::timestamptz, 'outbound-api', 'queued')
    on conflict do nothing
    returning ${reader.columns}),
  version as (
    insert into records.call_versions (call_sid, at, source, changes)
    select sid, created_at, 'request', $8::jsonb from made)
  select * from made`;

/** Calls, their history and their requests. */
export class PgCallRecords implements CallRecords {
  readonly #db: NodePgDatabase;
  readonly #pool: pg.Pool;

  constructor({ db, pool }: { readonly db: NodePgDatabase; readonly pool: pg.Pool }) {
    this.#db = db;
    this.#pool = pool;
  }

  async insertQueued(call: QueuedCall): Promise<CallRecord | undefined> {
    const { sid, accountSid, from, to, applicationSid, statusCallback, createdAt } = call;
    const changes = JSON.stringify({ status: 'queued', direction: 'outbound-api', from, to });
    const callback = statusCallback === null ? null : JSON.stringify(statusCallback);
    const values = [sid, accountSid, from, to, applicationSid, callback, createdAt, changes];
    const query = reader.query({ name: 'queued-call', text: INSERT_QUEUED, values });
    const { rows } = await this.#pool.query<unknown[]>(query);
    return rows[0] === undefined ? undefined : asCall(rows[0]);
  }

  async get(accountSid: string, sid: string): Promise<CallRecord | undefined> {
    const query = reader.query({ name: 'call', text: BY_SID, values: [sid, accountSid] });
    const { rows } = await this.#pool.query<unknown[]>(query);
    return rows[0] === undefined ? undefined : asCall(rows[0]);
  }

  async list(query: CallQuery): Promise<CallRecord[]> {
    const { rows } = await this.#pool.query<unknown[]>(reader.query(callList(reader.columns, query)));
    const found = rows.map(asCall);
    return query.before === undefined ? found : found.reverse();
  }

  async endQueued(sid: string, end: { status: CallFinalStatus; message: string; at: string }): Promise<boolean> {
    const { status, message } = end;
    const at = new Date(end.at);
    const rows = await this.#db
      .update(calls)
      .set({
        ...{ status, message, endTime: at, updatedAt: at, version: sql`${calls.version} + 1` },
        queueTimeMs: sql`greatest(0, least(2147483647, extract(epoch from ${at.toISOString()}::timestamptz - ${calls.createdAt}) * 1000))::integer`,
      })
      .where(and(eq(calls.sid, sid), isNull(calls.node), isNull(calls.endTime)))
      .returning({ sid: calls.sid });
    if (rows.length === 0) return false;
    const changes = { status, message, endTime: end.at };
    await this.#db.insert(callVersions).values({ callSid: sid, at, source: 'request', changes });
    return true;
  }

  async changeCallback(
    sid: string,
    { callback, at }: { readonly callback: CallCallback; readonly at: string },
  ): Promise<void> {
    const time = new Date(at);
    await this.#db.transaction(async (tx) => {
      const rows = await tx
        .update(calls)
        .set({ statusCallback: callback, updatedAt: time, version: sql`${calls.version} + 1` })
        .where(and(eq(calls.sid, sid), isNull(calls.endTime)))
        .returning({ sid: calls.sid });
      if (rows.length === 0) return;
      const changes = { statusCallback: callback };
      await tx.insert(callVersions).values({ callSid: sid, at: time, source: 'request', changes });
    });
  }

  async remove(accountSid: string, sid: string): Promise<'removed' | 'not-found' | 'in-progress'> {
    return await this.#db.transaction(async (tx) => {
      const [row] = await tx
        .select({ endTime: calls.endTime })
        .from(calls)
        .where(and(eq(calls.sid, sid), eq(calls.accountSid, accountSid)))
        .for('update');
      if (row === undefined) return 'not-found';
      if (row.endTime === null) return 'in-progress';
      await tx.delete(calls).where(eq(calls.sid, sid));
      await tx.delete(callVersions).where(eq(callVersions.callSid, sid));
      await tx.delete(exchanges).where(eq(exchanges.callSid, sid));
      await tx.delete(notifications).where(eq(notifications.callSid, sid));
      return 'removed';
    });
  }

  async versions(accountSid: string, sid: string): Promise<RecordVersion[]> {
    const rows = await this.#db
      .select({ at: callVersions.at, source: callVersions.source, changes: callVersions.changes })
      .from(callVersions)
      .innerJoin(calls, eq(calls.sid, callVersions.callSid))
      .where(and(eq(callVersions.callSid, sid), eq(calls.accountSid, accountSid)))
      .orderBy(asc(callVersions.id));
    return rows.map((row, index) => ({ version: index + 1, ...fromRow(row) }));
  }

  async exchanges(callSid: string, part: ListPart): Promise<ExchangeRecord[]> {
    const { where, order, reversed } = pageOf(exchanges, part);
    const rows = await this.#db
      .select()
      .from(exchanges)
      .where(and(eq(exchanges.callSid, callSid), eq(exchanges.accountSid, part.accountSid), ...where))
      .orderBy(...order)
      .limit(part.limit);
    if (reversed) rows.reverse();
    return rows.map(fromRow);
  }
}

const asCall = (row: readonly unknown[]): CallRecord => reader.read(row) as unknown as CallRecord;
