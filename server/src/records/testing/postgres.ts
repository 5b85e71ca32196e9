import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomHex, silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { Database } from '../../tenants/database.pg.ts';
import { EmbeddedPostgres } from '../../tenants/embedded-postgres.pg.ts';

export interface TestDatabase {
  readonly database: Database;
  close(): Promise<void>;
}

/**
 * A real PostgreSQL for the time of a test file: the embedded one, or with TEST_DATABASE_URL a database of its own on
 * another one, whose user may make databases.
 */
export async function openTestDatabase(): Promise<TestDatabase> {
  const given = process.env['TEST_DATABASE_URL'];
  return given === undefined || given === '' ? await openEmbedded() : await openExternal(given);
}

async function openEmbedded(): Promise<TestDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'hs-records-'));
  await chmod(directory, 0o700);
  const parts = { clock: systemClock, random: systemRandom, log: silentLog };
  const server = await EmbeddedPostgres.start({ directory: join(directory, 'postgres'), ...parts });
  const database = await Database.connect({ url: server.url, log: silentLog });
  return {
    database,
    close: async () => {
      await database.close();
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
}

async function openExternal(given: string): Promise<TestDatabase> {
  const name = `hookswitch_test_${randomHex(systemRandom, 8)}`;
  const keeper = await Database.connect({ url: given, log: silentLog, maxConnections: 1 });
  await keeper.pool.query(`create database ${name}`);
  const url = new URL(given);
  url.pathname = `/${name}`;
  const database = await Database.connect({ url: url.href, log: silentLog });
  return {
    database,
    close: async () => {
      await database.close();
      await keeper.pool.query(`drop database ${name}`);
      await keeper.close();
    },
  };
}
