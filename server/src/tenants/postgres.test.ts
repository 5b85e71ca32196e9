import { readdirSync } from 'node:fs';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Bus, EmbeddedNats } from '../bus/index.ts';
import { eventually } from '../bus/testing/eventually.ts';
import { processAlive, silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { Database } from './database.pg.ts';
import { EmbeddedPostgres } from './embedded-postgres.pg.ts';
import { KvTenantMirror, openKvDirectory } from './mirror.nats.ts';
import { PgTenantRepository } from './repository.pg.ts';
import { SecretBox } from './secret-box.ts';
import { TenantStore, allRecords } from './store.ts';
import { sipListConformance } from './sip-lists.conformance.ts';
import { tenantConformance } from './tenants.conformance.ts';
import type { TenantHarness } from './tenants.conformance.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };
const children: number[] = [];
const migrations = readdirSync(new URL('./migrations', import.meta.url)).filter((file) => file.endsWith('.sql')).length;

// One server of each for the whole file; the folder is closed to other users, as a clone under /root is.
const directory = await mkdtemp(join(tmpdir(), 'hs-tenants-'));
await chmod(directory, 0o700);
const postgres = await EmbeddedPostgres.start({ directory: join(directory, 'postgres'), ...parts });
const nats = await EmbeddedNats.start({ directory: join(directory, 'nats'), ...parts });
const bus = await Bus.connect({ url: nats.url, name: 'test', ...parts });
const database = await Database.connect({ url: postgres.url, log: silentLog });
children.push(postgres.pid!, nats.pid!);

afterAll(async () => {
  children.push(postgres.pid!, nats.pid!);
  await database.close();
  await bus.close();
  await Promise.all([postgres.close(), nats.close()]);
  for (const pid of children) expect(processAlive(pid)).toBe(false);
  await rm(directory, { recursive: true });
});

const inPostgres = async (secrets: SecretBox): Promise<TenantHarness> => {
  const repository = await PgTenantRepository.open(database);
  const mirror = await KvTenantMirror.open(bus, repository);
  const directoryView = await openKvDirectory({ bus, secrets, log: silentLog });
  return {
    repository,
    mirror,
    directory: directoryView,
    close: () => {
      mirror.close();
      directoryView.close();
      return Promise.resolve();
    },
  };
};
tenantConformance('PostgreSQL and NATS', inPostgres);
sipListConformance('PostgreSQL and NATS', inPostgres);

describe('embedded PostgreSQL', () => {
  it('keeps its password to itself and takes no other', async () => {
    expect((await stat(join(directory, 'postgres', 'password'))).mode & 0o077).toBe(0);
    const wrong = new URL(postgres.url);
    wrong.password = 'wrong';
    await expect(Database.connect({ url: wrong.href, log: silentLog })).rejects.toThrow(
      /password authentication failed/,
    );
  });

  it('migrations are applied once, also by several processes at once', async () => {
    await Promise.all([1, 2, 3].map(() => PgTenantRepository.open(database)));
    const rows = await database.pool.query('select * from hookswitch_migrations.tenants');
    expect(rows.rows).toHaveLength(migrations);
  });

  it('comes back on the same port after kill -9, with what was committed', async () => {
    const repository = await PgTenantRepository.open(database);
    const before = (await repository.list('account')).length;
    const pid = postgres.pid!;
    process.kill(pid, 'SIGKILL');
    await eventually(async () => {
      expect(postgres.pid ?? pid).not.toBe(pid);
      // Its processes for old connections may outlive it by a moment, and answer: a new one says that it is back.
      await (await Database.connect({ url: postgres.url, log: silentLog })).close();
      expect(await repository.list('account')).toHaveLength(before);
    });
  });

  it('the directory outlives an outage of NATS and learns what was changed meanwhile', async () => {
    const secrets = new SecretBox(new Uint8Array(32).fill(7), systemRandom);
    const repository = await PgTenantRepository.open(database);
    const mirror = await KvTenantMirror.open(bus, repository);
    const view = await openKvDirectory({ bus, secrets, log: silentLog });
    const store = new TenantStore({ repository, mirror, secrets, ...parts });
    const { account } = await store.createAccount('outage');
    await eventually(() => {
      expect(view.accountBySid(account.sid)?.status).toBe('active');
    });
    const down = new Promise<void>((resolve) => bus.on('disconnected', resolve));
    process.kill(nats.pid!, 'SIGKILL');
    await down;
    expect(view.accountBySid(account.sid)?.status).toBe('active');
    await repository.update('account', account.sid, { status: 'suspended' });
    await eventually(() => {
      expect(view.accountBySid(account.sid)?.status).toBe('suspended');
    });
    // The bucket is lost altogether: the directory keeps what it knows, SQL fills the bucket again.
    await bus.jsm.streams.delete('KV_tenants');
    const back = new Promise<void>((resolve) => bus.on('reconnected', resolve));
    process.kill(nats.pid!, 'SIGKILL');
    await back;
    await eventually(async () => {
      expect((await bus.jsm.streams.info('KV_tenants')).state.messages).toBe((await allRecords(repository)).length);
    });
    expect(view.accountBySid(account.sid)?.status).toBe('suspended');
    mirror.close();
    view.close();
  });
});
