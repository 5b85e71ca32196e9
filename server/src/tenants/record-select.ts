import type { RecordQuery } from './ports.ts';
import type { TenantKind } from './records.ts';

/** A statement with a name, which PostgreSQL parses and plans once a connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/** One record by its sid. @param table with its schema */
export function recordBySid(table: string, columns: string, sid: string): Statement {
  return { name: `${table} sid`, text: `select ${columns} from ${table} where sid = $1`, values: [sid] };
}

/** A piece of a list, newest first; before a position it comes oldest first. */
export function recordPage(kind: TenantKind, table: string, columns: string, query: RecordQuery): Statement {
  const values: unknown[] = [];
  const where: string[] = [];
  const given = (value: unknown): string => {
    values.push(value);
    return `$${values.length}`;
  };
  const { accountSid, after, before, name, status, numberLike, numberType, listSid } = query;
  if (accountSid !== undefined) {
    const owner = given(accountSid);
    where.push(kind === 'account' ? `(sid = ${owner} or owner_sid = ${owner})` : `account_sid = ${owner}`);
  }
  if (name !== undefined) where.push(`name = ${given(name)}`);
  if (status !== undefined && kind === 'account') where.push(`status = ${given(status)}`);
  if (numberLike !== undefined && kind === 'number') where.push(`number like ${given(likePattern(numberLike))}`);
  if (numberType !== undefined && kind === 'number') {
    const type = `(select type from tenants.number_pool pool where pool.number = ${table}.number)`;
    where.push(`coalesce(${type}, 'local') = ${given(numberType)}`);
  }
  if (listSid !== undefined && (kind === 'credential' || kind === 'ipAddress')) {
    where.push(`list_sid = ${given(listSid)}`);
  }
  const position = after ?? before;
  if (position !== undefined) {
    const key = `(${given(position.createdAt)}::timestamptz, ${given(position.sid)}::text)`;
    where.push(`(created_at, sid) ${after === undefined ? '>' : '<'} ${key}`);
  }
  const direction = before === undefined ? 'desc' : 'asc';
  const condition = where.length === 0 ? '' : ` where ${where.join(' and ')}`;
  const rest = `${condition} order by created_at ${direction}, sid ${direction} limit ${given(query.limit)}::integer`;
  const asked = { accountSid, name, status, numberLike, numberType, listSid, after, before };
  const shape = Object.values(asked).map((value) => (value === undefined ? 0 : 1));
  return { name: `${kind} page ${shape.join('')}`, text: `select ${columns} from ${table}${rest}`, values };
}

/** `*` is any one character; what LIKE takes for one is meant as it is. */
function likePattern(part: string): string {
  return `%${part.replace(/[\\%_]/g, '\\$&').replaceAll('*', '_')}%`;
}
