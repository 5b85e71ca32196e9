import { and, asc, eq, gt, ilike, like, notExists, sql } from 'drizzle-orm';
import type { SQL } from 'drizzle-orm';
import { describeError } from '../kernel/index.ts';
import type { Database } from './database.pg.ts';
import { TenantError } from './errors.ts';
import type { NumberPool, NumberType, PoolNumber, PoolQuery } from './number-pool.ts';
import { numberPool, numbers } from './schema.pg.ts';

/** The operator's numbers in PostgreSQL. */
export class PgNumberPool implements NumberPool {
  readonly #db: Database['db'];

  constructor(db: Database['db']) {
    this.#db = db;
  }

  add(added: readonly PoolNumber[]): Promise<void> {
    return guarded(async () => {
      if (added.length === 0) return;
      await this.#db
        .insert(numberPool)
        .values([...added])
        .onConflictDoUpdate({
          target: numberPool.number,
          set: {
            country: sql`excluded.country`,
            type: sql`excluded.type`,
            locality: sql`excluded.locality`,
            region: sql`excluded.region`,
          },
        });
    });
  }

  remove(number: string): Promise<boolean> {
    return guarded(async () => {
      const rows = await this.#db.delete(numberPool).where(eq(numberPool.number, number)).returning();
      return rows.length > 0;
    });
  }

  available(query: PoolQuery): Promise<PoolNumber[]> {
    return guarded(() =>
      this.#db
        .select()
        .from(numberPool)
        .where(and(this.#free(), ...conditions(query)))
        .orderBy(asc(numberPool.number))
        .limit(query.limit),
    );
  }

  countries(): Promise<{ country: string; types: NumberType[] }[]> {
    return guarded(async () => {
      const rows = await this.#db
        .selectDistinct({ country: numberPool.country, type: numberPool.type })
        .from(numberPool)
        .where(this.#free())
        .orderBy(asc(numberPool.country), asc(numberPool.type));
      const found = new Map<string, NumberType[]>();
      for (const { country, type } of rows) found.set(country, [...(found.get(country) ?? []), type]);
      return [...found].map(([country, types]) => ({ country, types }));
    });
  }

  #free(): SQL {
    return notExists(
      this.#db
        .select({ one: sql`1` })
        .from(numbers)
        .where(eq(numbers.number, numberPool.number)),
    );
  }
}

function conditions({ country, type, number, contains, startsWith, locality, region, after }: PoolQuery): SQL[] {
  const found: SQL[] = [];
  if (country !== undefined) found.push(eq(numberPool.country, country));
  if (type !== undefined) found.push(eq(numberPool.type, type));
  if (number !== undefined) found.push(eq(numberPool.number, number));
  if (contains !== undefined) found.push(like(numberPool.number, `%${pattern(contains).replaceAll('*', '_')}%`));
  if (startsWith !== undefined) found.push(like(numberPool.number, `${pattern(startsWith)}%`));
  if (locality !== undefined) found.push(ilike(numberPool.locality, pattern(locality)));
  if (region !== undefined) found.push(ilike(numberPool.region, pattern(region)));
  if (after !== undefined) found.push(gt(numberPool.number, after));
  return found;
}

/** What LIKE takes for a pattern is meant as it is. */
const pattern = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new TenantError('unavailable', `the database did not do it: ${describeError(error)}`, { cause: error });
  }
}
