import { drizzle } from 'drizzle-orm/node-postgres';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import { describeError } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import { DatabaseError } from './errors.ts';

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  readonly log: Log;
  /** Most connections of this process (default 10). */
  readonly maxConnections?: number;
}

/** The advisory lock that migrations of all parts run under. */
const MIGRATION_LOCK = 0x4853_0001;

/**
 * The process's pool of connections to PostgreSQL, shared by every part that stores something. A part brings its tables
 * in a schema of its own, and a folder of migrations made by drizzle-kit.
 */
export class Database {
  readonly db: NodePgDatabase;
  readonly pool: pg.Pool;

  private constructor(pool: pg.Pool) {
    this.pool = pool;
    this.db = drizzle(pool);
  }

  /** @throws DatabaseError `bad-url`, `unreachable` */
  static async connect(options: DatabaseOptions): Promise<Database> {
    const { url, log, maxConnections = 10 } = options;
    if (!URL.canParse(url) || !/^postgres(?:ql)?:/.test(url)) {
      throw new DatabaseError(
        'bad-url',
        'the database URL is not of the form postgres://user:password@host:port/database',
      );
    }
    const pool = new pg.Pool({
      connectionString: url,
      max: maxConnections,
      connectionTimeoutMillis: 5000,
      application_name: 'hookswitch',
    });
    // A server that goes away breaks idle connections; the next query opens a new one.
    pool.on('error', (error) => {
      // Not the error itself: it has the whole client in it.
      log.warn({ reason: describeError(error) }, 'an idle database connection was lost');
    });
    try {
      await pool.query('select 1');
    } catch (error) {
      await pool.end();
      throw new DatabaseError(
        'unreachable',
        `PostgreSQL does not answer at ${new URL(url).host}: ${describeError(error)}. Check DATABASE_URL and that the server runs.`,
        { cause: error },
      );
    }
    return new Database(pool);
  }

  /**
   * Brings one part's tables up to date. Processes that start at once wait for each other.
   * @param part names the table that records what was applied
   * @throws DatabaseError `migration`
   */
  async migrate(part: string, folder: string): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
      try {
        await migrate(drizzle(client), {
          migrationsFolder: folder,
          migrationsSchema: 'hookswitch_migrations',
          migrationsTable: part,
        });
      } finally {
        await client.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
      }
    } catch (error) {
      throw new DatabaseError(
        'migration',
        `the tables of ${part} could not be brought up to date: ${describeError(error)}`,
        {
          cause: error,
        },
      );
    } finally {
      client.release();
    }
  }

  /** Waits for running queries. */
  close(): Promise<void> {
    return this.pool.end();
  }
}
