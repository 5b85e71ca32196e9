import { and, asc, eq, lte, max } from 'drizzle-orm';
import type { Database } from './database.pg.ts';
import { MAX_VERSIONS } from './ports.ts';
import type { TenantVersion } from './ports.ts';
import { tenantRecordSchema } from './records.ts';
import type { TenantRecord } from './records.ts';
import { versions } from './schema.pg.ts';

export type Transaction = Parameters<Parameters<Database['db']['transaction']>[0]>[0];

/**
 * Writes down what a record is now. Its row is locked by the caller, so that versions have no gaps.
 *
 * @param before what it was: written down first when the record is older than its history
 */
export async function keepVersion(tx: Transaction, record: TenantRecord, before?: TenantRecord): Promise<void> {
  const { sid } = record;
  const [latest] = await tx
    .select({ version: max(versions.version) })
    .from(versions)
    .where(eq(versions.sid, sid));
  const known = latest?.version ?? 0;
  const made = known === 0 && before !== undefined ? [before, record] : [record];
  await tx
    .insert(versions)
    .values(
      made.map((each, index) => ({ sid, version: known + 1 + index, at: new Date(each.updatedAt), record: each })),
    );
  const newest = known + made.length;
  if (newest > MAX_VERSIONS) {
    await tx.delete(versions).where(and(eq(versions.sid, sid), lte(versions.version, newest - MAX_VERSIONS)));
  }
}

export async function forgetVersions(tx: Transaction, sid: string): Promise<void> {
  await tx.delete(versions).where(eq(versions.sid, sid));
}

export async function versionsOf(db: Database['db'], sid: string): Promise<TenantVersion[]> {
  const rows = await db.select().from(versions).where(eq(versions.sid, sid)).orderBy(asc(versions.version));
  return rows.map(({ version, at, record }) => ({
    version,
    at: at.toISOString(),
    record: tenantRecordSchema.parse(record),
  }));
}
