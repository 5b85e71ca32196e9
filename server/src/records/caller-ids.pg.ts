import { and, eq } from 'drizzle-orm';
import type { SQL } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { CallerIdRecord, CallerIds, ListPart } from './ports.ts';
import { fromRow, pageOf } from './rows.pg.ts';
import { callerIds } from './schema.pg.ts';

/** Numbers that accounts may show as their callers. */
export class PgCallerIds implements CallerIds {
  readonly #db: NodePgDatabase;

  constructor(db: NodePgDatabase) {
    this.#db = db;
  }

  async insert(record: CallerIdRecord): Promise<CallerIdRecord> {
    const times = { createdAt: new Date(record.createdAt), updatedAt: new Date(record.updatedAt) };
    await this.#db
      .insert(callerIds)
      .values({ ...record, ...times })
      .onConflictDoNothing();
    return (await this.byNumber(record.accountSid, record.number)) ?? record;
  }

  async get(accountSid: string, sid: string): Promise<CallerIdRecord | undefined> {
    const [row] = await this.#db.select().from(callerIds).where(one(accountSid, sid));
    return row === undefined ? undefined : fromRow(row);
  }

  async byNumber(accountSid: string, number: string): Promise<CallerIdRecord | undefined> {
    const [row] = await this.#db
      .select()
      .from(callerIds)
      .where(and(eq(callerIds.accountSid, accountSid), eq(callerIds.number, number)));
    return row === undefined ? undefined : fromRow(row);
  }

  async list(
    part: ListPart & { readonly number?: string | undefined; readonly name?: string | undefined },
  ): Promise<CallerIdRecord[]> {
    const { accountSid, number, name } = part;
    const { where, order, reversed } = pageOf(callerIds, part);
    const found: SQL[] = [eq(callerIds.accountSid, accountSid)];
    if (number !== undefined) found.push(eq(callerIds.number, number));
    if (name !== undefined) found.push(eq(callerIds.name, name));
    const rows = await this.#db
      .select()
      .from(callerIds)
      .where(and(...found, ...where))
      .orderBy(...order)
      .limit(part.limit);
    if (reversed) rows.reverse();
    return rows.map(fromRow);
  }

  async rename(
    accountSid: string,
    sid: string,
    { name, updatedAt }: Pick<CallerIdRecord, 'name' | 'updatedAt'>,
  ): Promise<boolean> {
    const rows = await this.#db
      .update(callerIds)
      .set({ name, updatedAt: new Date(updatedAt) })
      .where(one(accountSid, sid))
      .returning({ sid: callerIds.sid });
    return rows.length > 0;
  }

  async remove(accountSid: string, sid: string): Promise<boolean> {
    const rows = await this.#db.delete(callerIds).where(one(accountSid, sid)).returning({ sid: callerIds.sid });
    return rows.length > 0;
  }
}

const one = (accountSid: string, sid: string): SQL | undefined =>
  and(eq(callerIds.sid, sid), eq(callerIds.accountSid, accountSid));
