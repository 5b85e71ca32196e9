import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import { toError } from '../kernel/index.ts';
import { PgCallRecords } from './calls.pg.ts';
import { PgCallerIds } from './caller-ids.pg.ts';
import { PgConferenceRecords } from './conferences.pg.ts';
import { PgRecordingRecords } from './recordings.pg.ts';
import { PgUsageTriggers } from './triggers.pg.ts';
import { PgNotificationRecords } from './notifications.pg.ts';
import { RecordsError } from './errors.ts';
import type {
  CallRecords,
  CallerIds,
  ChangeBatch,
  Checkpoint,
  ConferenceRecords,
  NotificationRecords,
  OpenCall,
  RecordingRecords,
  Records,
  RecordsWriter,
  UsageRecords,
  UsageTriggers,
} from './ports.ts';
import { callFromRow } from './rows.pg.ts';
import { calls } from './schema.pg.ts';
import { PgUsageRecords } from './usage.pg.ts';
import { writeChanges } from './write.pg.ts';

/** The process's database, see tenants/. */
export interface RecordsDatabase {
  readonly db: NodePgDatabase;
  readonly pool: pg.Pool;
  migrate(part: string, folder: string): Promise<void>;
}

/** Records in PostgreSQL: the tables of schema.pg.ts. The database belongs to whoever made it. */
export class PgRecords implements Records, RecordsWriter {
  readonly calls: CallRecords;
  readonly callerIds: CallerIds;
  readonly recordings: RecordingRecords;
  readonly conferences: ConferenceRecords;
  readonly triggers: UsageTriggers;
  readonly notifications: NotificationRecords;
  readonly usage: UsageRecords;
  readonly #database: RecordsDatabase;

  private constructor(database: RecordsDatabase) {
    this.#database = database;
    const { db } = database;
    this.calls = guarded(new PgCallRecords(database));
    this.callerIds = guarded(new PgCallerIds(db));
    this.recordings = guarded(new PgRecordingRecords(db));
    this.conferences = guarded(new PgConferenceRecords(db));
    this.triggers = guarded(new PgUsageTriggers(db));
    this.notifications = guarded(new PgNotificationRecords(db));
    this.usage = guarded(new PgUsageRecords(db));
  }

  /** Brings the tables up to date first. @throws DatabaseError `migration` */
  static async open(database: RecordsDatabase): Promise<PgRecords> {
    await database.migrate('records', fileURLToPath(new URL('./migrations', import.meta.url)));
    return new PgRecords(database);
  }

  async checkpoint(shard: number): Promise<Checkpoint | undefined> {
    const { rows } = await this.#database.pool.query<{ epoch: string; seq: string }>(
      'select epoch, seq from records.checkpoints where shard = $1',
      [shard],
    );
    const [row] = rows;
    return row === undefined ? undefined : { epoch: row.epoch, seq: Number(row.seq) };
  }

  async apply(batch: ChangeBatch): Promise<boolean> {
    const client = await this.#database.pool.connect();
    let failed: Error | undefined;
    try {
      await client.query('begin');
      const moved = await moveCheckpoint(client, batch);
      if (moved) await writeChanges(client, batch.changes);
      await client.query(moved ? 'commit' : 'rollback');
      return moved;
    } catch (error) {
      failed = toError(error);
      await client.query('rollback').catch(() => undefined);
      const { code = '' } = error as { readonly code?: string };
      // Classes of SQLSTATE: data that is not valid, or that a constraint refuses.
      const reason = /^2[23]/.test(code) ? 'invalid' : 'unavailable';
      throw new RecordsError(reason, `records were not written: ${failed.message}`, { cause: error });
    } finally {
      client.release(failed);
    }
  }

  async openNodes(): Promise<{ node: string; fence: number }[]> {
    const { rows } = await this.#database.pool.query<{ node: string; fence: string | null }>(
      'select node, max(fence) as fence from records.calls where end_time is null and node is not null group by node',
    );
    return rows.map(({ node, fence }) => ({ node, fence: Number(fence ?? 0) }));
  }

  async openCalls(node: string): Promise<OpenCall[]> {
    const rows = await this.#database.db
      .select()
      .from(calls)
      .where(sql`${calls.endTime} is null and ${calls.node} = ${node}`)
      .orderBy(calls.createdAt);
    return rows.map((row) => ({ ...callFromRow(row), node }));
  }
}

/**
 * The row says where the shard stands: whoever read from somewhere else, or holds an older fence, changes nothing. The
 * row stays locked until the end of the transaction.
 */
async function moveCheckpoint(client: pg.PoolClient, { shard, from, to, fence }: ChangeBatch): Promise<boolean> {
  const result =
    from === undefined
      ? await client.query(
          'insert into records.checkpoints (shard, epoch, seq, fence) values ($1, $2, $3, $4) on conflict do nothing',
          [shard, to.epoch, to.seq, fence],
        )
      : await client.query(
          `update records.checkpoints set epoch = $2, seq = $3, fence = $4
           where shard = $1 and epoch = $5 and seq = $6 and fence <= $4`,
          [shard, to.epoch, to.seq, fence, from.epoch, from.seq],
        );
  return result.rowCount === 1;
}

/** Whatever the driver throws, in the port's word. */
function guarded<T extends object>(target: T): T {
  return new Proxy(target, {
    get(object, name) {
      const member: unknown = Reflect.get(object, name, object);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]): Promise<unknown> => {
        try {
          return await (member as (...given: unknown[]) => Promise<unknown>).apply(object, args);
        } catch (error) {
          throw new RecordsError('unavailable', 'the database of records does not answer', { cause: error });
        }
      };
    },
  });
}
