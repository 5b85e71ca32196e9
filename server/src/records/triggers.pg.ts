import { and, eq, inArray, isNotNull, isNull, ne, or } from 'drizzle-orm';
import type { SQL } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { ListPart, UsageTriggerRecord, UsageTriggers } from './ports.ts';
import { fromRow, pageOf } from './rows.pg.ts';
import { usageTriggers } from './schema.pg.ts';

/** Webhooks that are told once the usage reaches a value. */
export class PgUsageTriggers implements UsageTriggers {
  readonly #db: NodePgDatabase;

  constructor(db: NodePgDatabase) {
    this.#db = db;
  }

  async insert(trigger: UsageTriggerRecord): Promise<void> {
    const times = { createdAt: new Date(trigger.createdAt), updatedAt: new Date(trigger.updatedAt), firedAt: null };
    await this.#db.insert(usageTriggers).values({ ...trigger, ...times });
  }

  async get(accountSid: string, sid: string): Promise<UsageTriggerRecord | undefined> {
    const [row] = await this.#db.select().from(usageTriggers).where(one(accountSid, sid));
    return row === undefined ? undefined : fromRow(row);
  }

  async list(
    part: ListPart & Partial<Pick<UsageTriggerRecord, 'category' | 'triggerBy' | 'recurring'>>,
  ): Promise<UsageTriggerRecord[]> {
    const { accountSid, category, triggerBy, recurring } = part;
    const { where, order, reversed } = pageOf(usageTriggers, part);
    const found: SQL[] = [eq(usageTriggers.accountSid, accountSid)];
    if (category !== undefined) found.push(eq(usageTriggers.category, category));
    if (triggerBy !== undefined) found.push(eq(usageTriggers.triggerBy, triggerBy));
    if (recurring !== undefined && recurring !== null) found.push(eq(usageTriggers.recurring, recurring));
    const rows = await this.#db
      .select()
      .from(usageTriggers)
      .where(and(...found, ...where))
      .orderBy(...order)
      .limit(part.limit);
    if (reversed) rows.reverse();
    return rows.map(fromRow);
  }

  async update(
    accountSid: string,
    sid: string,
    changes: Partial<Pick<UsageTriggerRecord, 'name' | 'callbackUrl' | 'callbackMethod' | 'updatedAt'>>,
  ): Promise<boolean> {
    const { updatedAt, ...rest } = changes;
    const rows = await this.#db
      .update(usageTriggers)
      .set({ ...rest, ...(updatedAt === undefined ? {} : { updatedAt: new Date(updatedAt) }) })
      .where(one(accountSid, sid))
      .returning({ sid: usageTriggers.sid });
    return rows.length > 0;
  }

  async remove(accountSid: string, sid: string): Promise<boolean> {
    const rows = await this.#db.delete(usageTriggers).where(one(accountSid, sid)).returning({ sid: usageTriggers.sid });
    return rows.length > 0;
  }

  async armed(accountSids: readonly string[]): Promise<UsageTriggerRecord[]> {
    const rows = await this.#db
      .select()
      .from(usageTriggers)
      .where(
        and(
          inArray(usageTriggers.accountSid, [...accountSids]),
          or(isNull(usageTriggers.firedAt), isNotNull(usageTriggers.recurring)),
        ),
      );
    return rows.map(fromRow);
  }

  async fire(sid: string, at: string, period: string): Promise<boolean> {
    const rows = await this.#db
      .update(usageTriggers)
      .set({ firedAt: new Date(at), firedFor: period })
      .where(and(eq(usageTriggers.sid, sid), or(isNull(usageTriggers.firedFor), ne(usageTriggers.firedFor, period))))
      .returning({ sid: usageTriggers.sid });
    return rows.length > 0;
  }
}

const one = (accountSid: string, sid: string): SQL | undefined =>
  and(eq(usageTriggers.sid, sid), eq(usageTriggers.accountSid, accountSid));
