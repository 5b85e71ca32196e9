import type pg from 'pg';
import type { Column, Patched } from './columns.ts';

/** Columns as the definition of a record set. */
export const typed = (columns: readonly Column[]): string =>
  columns.map(([name, type]) => `${name} ${type}`).join(', ');

/** Makes and changes rows; patches of one row are put together before. What is left out of a patch stays as it is. */
export async function upsertAll(client: pg.PoolClient, target: Patched, patches: readonly object[]): Promise<void> {
  if (patches.length === 0) return;
  const { table, columns, key, kept, nullable, frozen, begins } = target;
  const names = columns.map(([column]) => column);
  const settable = names.filter((column) => !key.includes(column) && !kept.includes(column));
  const sets = settable.map((column) => {
    const begin = begins[column];
    const given = begin === undefined ? `excluded.${column}` : `nullif(excluded.${column}, '${begin}')`;
    const value = nullable.includes(column) ? given : `coalesce(${given}, c.${column})`;
    return `${column} = case when ${frozen} then c.${column} else ${value} end`;
  });
  const rows = merged(target, patches).map((patch) => ({ ...begins, ...present(rowOf(columns, patch)) }));
  await client.query(
    `insert into records.${table} as c (${names.join(', ')})
     select ${names.join(', ')} from jsonb_to_recordset($1::jsonb) as t(${typed(columns)})
     on conflict (${key.join(', ')}) do update set ${sets.join(', ')}`,
    [json(rows)],
  );
}

const present = (row: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));

function merged({ columns, key, kept }: Patched, patches: readonly object[]): object[] {
  const membersOf = (names: readonly string[]): string[] =>
    columns.filter(([column]) => names.includes(column)).map(([, , member]) => member);
  const [members, keeps] = [membersOf(key), membersOf(kept)];
  const rows = new Map<string, object>();
  for (const patch of patches) {
    const values = patch as Record<string, unknown>;
    const id = members.map((member) => String(values[member])).join(' ');
    const before = rows.get(id) as Record<string, unknown> | undefined;
    const first = Object.fromEntries(
      keeps.flatMap((member) => (before === undefined ? [] : [[member, before[member]]])),
    );
    rows.set(id, { ...before, ...patch, ...first });
  }
  return [...rows.values()];
}

/** Rows that are made once and never changed. */
export async function insertAll(
  client: pg.PoolClient,
  { table, columns, records }: { table: string; columns: readonly Column[]; records: readonly object[] },
): Promise<void> {
  if (records.length === 0) return;
  const names = columns.map(([column]) => column).join(', ');
  await client.query(
    `insert into records.${table} (${names})
     select ${names} from jsonb_to_recordset($1::jsonb) as t(${typed(columns)}) on conflict do nothing`,
    [json(records.map((record) => rowOf(columns, record)))],
  );
}

export function rowOf(columns: readonly Column[], record: object): Record<string, unknown> {
  const values = record as Record<string, unknown>;
  return Object.fromEntries(columns.map(([column, , member]) => [column, values[member] ?? null]));
}

/** PostgreSQL takes neither NUL nor half a surrogate pair in JSON text. */
export function json(rows: readonly object[]): string {
  return JSON.stringify(rows, (_name, value: unknown) =>
    typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())
      ? value.replaceAll('\0', '').toWellFormed()
      : value,
  );
}
