import { and, asc, gte, inArray, lte, sql } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { UsageDay, UsageRecords } from './ports.ts';
import { usageDays } from './schema.pg.ts';

export class PgUsageRecords implements UsageRecords {
  readonly #db: NodePgDatabase;

  constructor(db: NodePgDatabase) {
    this.#db = db;
  }

  async days(
    accountSids: readonly string[],
    { from, until }: { readonly from?: string | undefined; readonly until?: string | undefined },
  ): Promise<UsageDay[]> {
    const { category, day } = usageDays;
    return await this.#db
      .select({
        category,
        day,
        count: sql<number>`sum(${usageDays.count})`.mapWith(Number),
        usage: sql<number>`sum(${usageDays.usage})`.mapWith(Number),
      })
      .from(usageDays)
      .where(
        and(
          inArray(usageDays.accountSid, [...accountSids]),
          from === undefined ? undefined : gte(day, from),
          until === undefined ? undefined : lte(day, until),
        ),
      )
      .groupBy(day, category)
      .orderBy(asc(day), asc(category));
  }
}
