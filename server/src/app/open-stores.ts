import { join } from 'node:path';
import { Bus, EmbeddedNats, EventOutbox, EventStreams } from '../bus/index.ts';
import { SecretBox, TenantStore, loadMasterKey } from '../tenants/index.ts';
import type { Directory } from '../tenants/index.ts';
import { Database } from '../tenants/database.pg.ts';
import { EmbeddedPostgres } from '../tenants/embedded-postgres.pg.ts';
import { KvTenantMirror, openKvDirectory } from '../tenants/mirror.nats.ts';
import { PgTenantRepository } from '../tenants/repository.pg.ts';
import type { Platform } from './platform.ts';

/** NATS and what stands on it. */
export interface BusParts {
  readonly bus: Bus;
  readonly streams: EventStreams;
  readonly outbox: EventOutbox;
  readonly url: string;
  /** For backend services: may only subscribe to events. */
  readonly subscriberUrl: string;
  /** Pid of the embedded server; undefined for an external one or while it restarts. */
  readonly pid: () => number | undefined;
}

export async function openBus(platform: Platform): Promise<BusParts> {
  const { config, startup, clock, random, log, metrics, node, health } = platform;
  const embedded =
    config.natsUrl === undefined
      ? await startup.step(
          'nats-server',
          () => EmbeddedNats.start({ directory: join(config.dataDir, 'nats'), clock, random, log }),
          (server) => server.close(),
        )
      : undefined;
  const url = embedded?.url ?? config.natsUrl ?? '';
  const bus = await startup.step(
    'bus',
    () => Bus.connect({ url, name: `hookswitch ${node}`, clock, random, log }),
    (opened) => opened.close(),
  );
  health.add({ name: 'nats', problem: () => (bus.connected ? undefined : 'not connected to NATS') });
  const streams = await startup.step(
    'event streams',
    () => EventStreams.open(bus),
    (opened) => {
      opened.close();
    },
  );
  const outbox = await startup.step(
    'outbox',
    () => new EventOutbox({ url, node, clock, random, log, metrics }),
    (opened) => opened.close(),
  );
  return { bus, streams, outbox, url, subscriberUrl: embedded?.subscriberUrl ?? url, pid: () => embedded?.pid };
}

/** Accounts and what belongs to them. */
export interface TenantParts {
  readonly store: TenantStore;
  readonly directory: Directory;
  readonly databaseUrl: string;
}

export async function openTenants(platform: Platform, { bus }: BusParts): Promise<TenantParts> {
  const { config, startup, clock, random, log, env } = platform;
  const embedded =
    config.databaseUrl === undefined
      ? await startup.step(
          'PostgreSQL',
          () => EmbeddedPostgres.start({ directory: join(config.dataDir, 'postgres'), clock, random, log }),
          (server) => server.close(),
        )
      : undefined;
  const databaseUrl = embedded?.url ?? config.databaseUrl ?? '';
  const database = await startup.step(
    'database',
    () => Database.connect({ url: databaseUrl, log }),
    (opened) => opened.close(),
  );
  const repository = await startup.step('migrations', () => PgTenantRepository.open(database));
  const secrets = new SecretBox(loadMasterKey(join(config.dataDir, 'master.key'), env, random), random);
  const mirror = await startup.step(
    'configuration mirror',
    () => KvTenantMirror.open(bus, repository),
    (opened) => {
      opened.close();
    },
  );
  const directory = await startup.step(
    'directory',
    async () => {
      const opened = await openKvDirectory({ bus, secrets, log });
      await opened.ready;
      return opened;
    },
    (opened) => {
      opened.close();
    },
  );
  return { store: new TenantStore({ repository, mirror, secrets, clock, random }), directory, databaseUrl };
}
