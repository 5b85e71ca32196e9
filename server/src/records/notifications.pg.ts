import { and, eq } from 'drizzle-orm';
import type { SQL } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { NotificationQuery, NotificationRecord, NotificationRecords } from './ports.ts';
import { fromRow, inSpan, pageOf } from './rows.pg.ts';
import { notifications } from './schema.pg.ts';

export class PgNotificationRecords implements NotificationRecords {
  readonly #db: NodePgDatabase;

  constructor(db: NodePgDatabase) {
    this.#db = db;
  }

  async get(accountSid: string, sid: string): Promise<NotificationRecord | undefined> {
    const [row] = await this.#db.select().from(notifications).where(one(accountSid, sid));
    return row === undefined ? undefined : fromRow(row);
  }

  async list(query: NotificationQuery): Promise<NotificationRecord[]> {
    const { accountSid, callSid, log, messageDate } = query;
    const { where, order, reversed } = pageOf(notifications, query);
    const found: SQL[] = [eq(notifications.accountSid, accountSid), ...inSpan(notifications.createdAt, messageDate)];
    if (callSid !== undefined) found.push(eq(notifications.callSid, callSid));
    if (log !== undefined) found.push(eq(notifications.log, log));
    const rows = await this.#db
      .select()
      .from(notifications)
      .where(and(...found, ...where))
      .orderBy(...order)
      .limit(query.limit);
    if (reversed) rows.reverse();
    return rows.map(fromRow);
  }

  async remove(accountSid: string, sid: string): Promise<boolean> {
    const rows = await this.#db.delete(notifications).where(one(accountSid, sid)).returning({ sid: notifications.sid });
    return rows.length > 0;
  }
}

const one = (accountSid: string, sid: string): SQL | undefined =>
  and(eq(notifications.sid, sid), eq(notifications.accountSid, accountSid));
