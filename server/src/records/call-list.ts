import type { CallQuery } from './ports.ts';

/**
 * The statement for one page of calls, newest first; before a position they come oldest first. It has a name where the
 * plan is the same whatever the values are: an index for each filter, in the order of the list.
 */
export function callList(
  columns: string,
  query: CallQuery,
): { readonly name: string | undefined; readonly text: string; readonly values: unknown[] } {
  const values: unknown[] = [];
  const shape: string[] = [];
  const where: string[] = [];
  const given = (value: unknown, type = ''): string => {
    values.push(value);
    return `$${values.length}${type}`;
  };
  const equal = (column: string, value: string | undefined): void => {
    if (value === undefined) return;
    shape.push(column);
    where.push(`${column} = ${given(value)}`);
  };
  const bound = (column: string, operator: '>=' | '<', time: number | undefined): void => {
    if (time === undefined) return;
    where.push(`${column} ${operator} ${given(new Date(time).toISOString(), '::timestamptz')}`);
  };
  equal('account_sid', query.accountSid);
  equal('called', query.to);
  equal('caller', query.from);
  equal('parent_call_sid', query.parentCallSid);
  equal('status', query.status);
  const { startTime, endTime } = query;
  bound('start_time', '>=', startTime?.from);
  bound('start_time', '<', startTime?.until);
  bound('end_time', '>=', endTime?.from);
  bound('end_time', '<', endTime?.until);
  // A call is made before it starts and ends: the list, which is by that time, need not begin later.
  const latest = Math.min(startTime?.until ?? Infinity, endTime?.until ?? Infinity);
  if (latest !== Infinity) bound('created_at', '<', latest);
  const planned = values.length > shape.length;
  const { after, before } = query;
  const position = after ?? before;
  if (position !== undefined) {
    shape.push(before === undefined ? 'after' : 'before');
    const key = `(${given(position.createdAt, '::timestamptz')}, ${given(position.sid, '::text')})`;
    where.push(`(created_at, sid) ${before === undefined ? '<' : '>'} ${key}`);
  }
  const direction = before === undefined ? 'desc' : 'asc';
  const limit = given(query.limit, '::integer');
  const order = `order by created_at ${direction}, sid ${direction} limit ${limit}`;
  const text = `select ${columns} from records.calls where ${where.join(' and ')} ${order}`;
  return { name: planned ? undefined : `calls ${shape.join(' ')}`, text, values };
}
