import { join } from 'node:path';
import { Bus, EmbeddedNats, EventOutbox, EventStreams } from '../bus/index.ts';
import type { NatsTenant } from '../bus/index.ts';
import { SecretBox, TenantStore, loadMasterKey } from '../tenants/index.ts';
import type { Directory } from '../tenants/index.ts';
import { Database } from '../tenants/database.pg.ts';
import { EmbeddedPostgres } from '../tenants/embedded-postgres.pg.ts';
import { KvTenantMirror, openKvDirectory } from '../tenants/mirror.nats.ts';
import { PgTenantRepository } from '../tenants/repository.pg.ts';
import type { EventSink } from '../calls/ports.ts';
import type { ClusterMembership } from '../cluster/membership/index.ts';
import { openCluster } from './open-cluster.ts';
import type { TraceParts } from './open-trace.ts';
import type { Platform } from './platform.ts';

/** NATS and what stands on it. */
export interface BusParts {
  readonly bus: Bus;
  readonly streams: EventStreams;
  /** This process among the others. */
  readonly cluster: ClusterMembership;
  /** Where all events of this process go out; what is emitted is traced. */
  readonly outbox: EventSink;
  /** The same without the trace, for publishers that have to know when an event is stored. */
  readonly receipts: EventOutbox;
  readonly url: string;
  /** For backend services: may only subscribe to events. Of an external server without a login: who runs it gives them out. */
  readonly subscriberUrl: string;
  /** Gives tenants NATS accounts; undefined for an external server. */
  readonly setTenants: ((tenants: readonly NatsTenant[]) => Promise<void>) | undefined;
  /** Pid of the embedded server; undefined for an external one or while it restarts. */
  readonly pid: () => number | undefined;
}

export async function openBus(platform: Platform, trace: TraceParts): Promise<BusParts> {
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
  const cluster = await openCluster(platform, bus);
  const outbox = await startup.step(
    'outbox',
    () => {
      const lease = { fence: () => (cluster.fence === 0 ? undefined : cluster.fence), gate: () => cluster.publishGate };
      return new EventOutbox({ url, node, ...lease, clock, random, log, metrics });
    },
    (opened) => opened.close(),
  );
  // Closed before the cluster is left: what is still waiting goes out under the lease.
  startup.scope.defer(
    cluster.on('standing', () => {
      outbox.resume();
    }),
  );
  return {
    bus,
    streams,
    cluster,
    outbox: trace.events(outbox),
    receipts: outbox,
    url,
    subscriberUrl: embedded?.subscriberUrl ?? withoutLogin(url),
    setTenants: embedded === undefined ? undefined : (tenants) => embedded.setTenants(tenants),
    pid: () => embedded?.pid,
  };
}

/** What is printed and handed on: the login of this process is nobody else's. */
function withoutLogin(urls: string): string {
  return urls.replace(/\/\/[^/@,]*@/g, '//');
}

/** Accounts and what belongs to them, as every process reads them. */
export interface TenantReaders {
  readonly directory: Directory;
  readonly secrets: SecretBox;
}

/** The same where they are written too. */
export interface TenantParts extends TenantReaders {
  readonly store: TenantStore;
  readonly database: Database;
  readonly databaseUrl: string;
}

export async function openTenants(platform: Platform, { bus }: BusParts): Promise<TenantParts> {
  const { config, startup, clock, random, log } = platform;
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
  const mirror = await startup.step(
    'configuration mirror',
    () => KvTenantMirror.open(bus, repository),
    (opened) => {
      opened.close();
    },
  );
  const readers = await openDirectory(platform, bus);
  const store = new TenantStore({ repository, mirror, secrets: readers.secrets, clock, random });
  return { ...readers, store, database, databaseUrl };
}

/** The configuration from its mirror on the bus: no database is needed. */
export async function openDirectory(platform: Platform, bus: Bus): Promise<TenantReaders> {
  const { config, startup, random, log, env } = platform;
  const secrets = new SecretBox(loadMasterKey(join(config.dataDir, 'master.key'), env, random), random);
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
  return { directory, secrets };
}
