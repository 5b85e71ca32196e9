import type pg from 'pg';
import type { CallChange, CallPatch, RecordChanges } from './ports.ts';
import { CONFERENCES, EXCHANGE, NOTIFICATION, PARTICIPANTS, RECORDINGS, TRANSCRIPTION } from './columns.ts';
import type { Column } from './columns.ts';
import { insertAll, json, rowOf, typed, upsertAll } from './upsert.pg.ts';
import { usageOfCall } from './usage.ts';

const CALL: readonly Column[] = [
  ['sid', 'text', 'sid'],
  ['account_sid', 'text', 'accountSid'],
  ['parent_call_sid', 'text', 'parentCallSid'],
  ['direction', 'text', 'direction'],
  ['caller', 'text', 'from'],
  ['called', 'text', 'to'],
  ['application_sid', 'text', 'applicationSid'],
  ['trunk_sid', 'text', 'trunkSid'],
  ['forwarded_from', 'text', 'forwardedFrom'],
  ['answered_by', 'text', 'answeredBy'],
  ['status', 'text', 'status'],
  ['created_at', 'timestamptz', 'createdAt'],
  ['updated_at', 'timestamptz', 'updatedAt'],
  ['start_time', 'timestamptz', 'startTime'],
  ['answered_at', 'timestamptz', 'answeredAt'],
  ['end_time', 'timestamptz', 'endTime'],
  ['duration', 'integer', 'duration'],
  ['queue_time_ms', 'integer', 'queueTimeMs'],
  ['cause', 'text', 'cause'],
  ['message', 'text', 'message'],
  ['sip_status', 'integer', 'sipStatus'],
  ['node', 'text', 'node'],
  ['fence', 'bigint', 'fence'],
  ['sequence', 'integer', 'sequence'],
  ['status_callback', 'jsonb', 'statusCallback'],
  ['version', 'integer', 'version'],
];
/** Of the first writer for good. */
const KEPT = new Set([
  'sid',
  'account_sid',
  'created_at',
  'start_time',
  'direction',
  'parent_call_sid',
  'queue_time_ms',
]);
/** A call that is over stays as it ended. */
const updates = CALL.filter(([column]) => !KEPT.has(column) && column !== 'version').map(
  ([column]) =>
    `${column} = case when c.end_time is null then coalesce(excluded.${column}, c.${column}) else c.${column} end`,
);
const columnNames = CALL.map(([column]) => column).join(', ');
/** Milliseconds from when a call was asked for; null while there is no such time. `least` alone would take its bound for a null. */
const waitedUntil = (time: string): string =>
  `case when ${time} is not null
    then greatest(0, least(2147483647, extract(epoch from ${time} - c.created_at) * 1000))::integer end`;
/** What a call waited is known when it is dialled, or when it ends without. */
const UPSERT_CALLS = `
  insert into records.calls as c (${columnNames})
  select ${columnNames} from jsonb_to_recordset($1::jsonb) as t(${typed(CALL)})
  on conflict (sid) do update set ${updates.join(', ')},
    start_time = coalesce(c.start_time, excluded.start_time),
    queue_time_ms = coalesce(c.queue_time_ms, case when c.start_time is null and c.direction = 'outbound-api'
      then ${waitedUntil('coalesce(excluded.start_time, excluded.end_time)')} end),
    version = c.version + excluded.version`;

/** Writes all changes on the connection of a transaction, each kind with one statement. */
export async function writeChanges(client: pg.PoolClient, changes: RecordChanges): Promise<void> {
  await writeCalls(client, changes.calls);
  await insertAll(client, { table: 'exchanges', columns: EXCHANGE, records: changes.exchanges });
  await insertAll(client, { table: 'notifications', columns: NOTIFICATION, records: changes.notifications });
  await insertAll(client, { table: 'transcriptions', columns: TRANSCRIPTION, records: changes.transcriptions });
  await upsertAll(client, RECORDINGS, changes.recordings);
  await upsertAll(client, CONFERENCES, changes.conferences);
  await upsertAll(client, PARTICIPANTS, changes.participants);
  await endParticipants(client, changes.conferences);
}

/** Nobody is in a conference that has ended: of one whose node died no `participant-left` was told. */
async function endParticipants(client: pg.PoolClient, changes: RecordChanges['conferences']): Promise<void> {
  const ended = changes.filter(({ endTime }) => endTime !== undefined).map(({ sid }) => sid);
  if (ended.length === 0) return;
  await client.query(
    `update records.participants as p set left_at = c.end_time, updated_at = c.end_time from records.conferences as c
     where p.conference_sid = c.sid and c.sid = any($1) and p.left_at is null`,
    [ended],
  );
}

async function writeCalls(client: pg.PoolClient, changes: readonly CallChange[]): Promise<void> {
  if (changes.length === 0) return;
  const patches = merge(changes);
  const sids = patches.filter(({ endTime }) => endTime !== undefined).map(({ sid }) => sid);
  const over = await endedAlready(client, sids);
  const rows = patches.map((patch) => ({
    ...rowOf(CALL, { createdAt: patch.updatedAt, status: 'queued', sequence: -1, ...patch }),
  }));
  await client.query(UPSERT_CALLS, [json(rows)]);
  await client.query(
    `insert into records.call_versions (call_sid, at, source, changes)
     select call_sid, at, source, changes from
       jsonb_to_recordset($1::jsonb) as t(n integer, call_sid text, at timestamptz, source text, changes jsonb) order by n`,
    [json(changes.map(versionOf))],
  );
  await addUsage(
    client,
    patches.filter(({ sid, endTime }) => endTime !== undefined && !over.has(sid)),
  );
}

/** One patch for each call: later members over earlier ones, `version` the number of changes. */
function merge(changes: readonly CallChange[]): CallPatch[] {
  const merged = new Map<string, CallPatch>();
  for (const { patch } of changes) {
    const before = merged.get(patch.sid);
    // What comes after the end of a call changes it no more.
    if (before?.endTime !== undefined) continue;
    merged.set(patch.sid, {
      ...before,
      ...patch,
      ...(before?.createdAt === undefined ? {} : { createdAt: before.createdAt }),
      version: (before?.version ?? 0) + 1,
    });
  }
  return [...merged.values()];
}

/** Of no interest in a history. */
const UNTOLD: readonly string[] = ['sid', 'accountSid', 'updatedAt', 'createdAt', 'sequence', 'fence'];

function versionOf({ patch, source }: CallChange, n: number): Record<string, unknown> {
  const changes = Object.fromEntries(Object.entries(patch).filter(([member]) => !UNTOLD.includes(member)));
  return { n, call_sid: patch.sid, at: patch.updatedAt, source, changes };
}

async function endedAlready(client: pg.PoolClient, sids: readonly string[]): Promise<Set<string>> {
  if (sids.length === 0) return new Set();
  const { rows } = await client.query<{ sid: string }>(
    'select sid from records.calls where sid = any($1) and end_time is not null',
    [sids],
  );
  return new Set(rows.map(({ sid }) => sid));
}

async function addUsage(client: pg.PoolClient, ended: readonly CallPatch[]): Promise<void> {
  const sums = new Map<string, { account_sid: string; day: string; category: string; count: number; usage: number }>();
  for (const call of ended) {
    const { accountSid, direction, from, to, duration = 0, status = 'failed' } = call;
    const day = (call.endTime ?? call.updatedAt).slice(0, 10);
    for (const { category, count, usage } of usageOfCall({ direction, from, to, duration, status })) {
      const key = `${accountSid} ${day} ${category}`;
      const sum = sums.get(key) ?? { account_sid: accountSid, day, category, count: 0, usage: 0 };
      sums.set(key, { ...sum, count: sum.count + count, usage: sum.usage + usage });
    }
  }
  if (sums.size === 0) return;
  // In one order everywhere: two shards may add to the same rows.
  const rows = [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
  await client.query(
    `insert into records.usage_days as u (account_sid, day, category, count, usage)
     select account_sid, day, category, count, usage from
       jsonb_to_recordset($1::jsonb) as t(account_sid text, day date, category text, count bigint, usage bigint)
     on conflict (account_sid, day, category) do update set count = u.count + excluded.count, usage = u.usage + excluded.usage`,
    [json(rows)],
  );
}
