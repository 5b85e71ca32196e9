import { sql } from 'drizzle-orm';
import type { SQL } from 'drizzle-orm';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import type { RecordPosition } from '../tenants/ports.ts';
import type { CallRecord, ListPart, Span } from './ports.ts';

/** A row with its times as RFC 3339. */
export type Shown<T> = { [K in keyof T]: T[K] extends Date ? string : T[K] extends Date | null ? string | null : T[K] };

export function fromRow<T extends Record<string, unknown>>(row: T): Shown<T> {
  const shown: Record<string, unknown> = { ...row };
  for (const [name, value] of Object.entries(row)) if (value instanceof Date) shown[name] = value.toISOString();
  return shown as Shown<T>;
}

export function callFromRow(row: Record<string, unknown>): CallRecord {
  return fromRow(row) as unknown as CallRecord;
}

interface Keyed {
  readonly createdAt: AnyPgColumn;
  readonly sid: AnyPgColumn;
}

/** Conditions and order of one page. Rows come `reversed` when the page lies before a position. */
export function pageOf(
  table: Keyed,
  { after, before }: Pick<ListPart, 'after' | 'before'>,
): { where: SQL[]; order: SQL[]; reversed: boolean } {
  const key = sql`(${table.createdAt}, ${table.sid})`;
  const position = ({ createdAt, sid }: RecordPosition): SQL => sql`(${createdAt}::timestamptz, ${sid}::text)`;
  const where: SQL[] = [];
  if (after !== undefined) where.push(sql`${key} < ${position(after)}`);
  if (before !== undefined) where.push(sql`${key} > ${position(before)}`);
  const reversed = before !== undefined;
  const order = reversed
    ? [sql`${table.createdAt} asc`, sql`${table.sid} asc`]
    : [sql`${table.createdAt} desc`, sql`${table.sid} desc`];
  return { where, order, reversed };
}

export function inSpan(column: AnyPgColumn, { from, until }: Span = {}): SQL[] {
  const found: SQL[] = [];
  if (from !== undefined) found.push(sql`${column} >= ${new Date(from).toISOString()}::timestamptz`);
  if (until !== undefined) found.push(sql`${column} < ${new Date(until).toISOString()}::timestamptz`);
  return found;
}
