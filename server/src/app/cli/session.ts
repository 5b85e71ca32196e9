import { Bus } from '../../bus/index.ts';
import { NatsNodeRpc } from '../../bridge/node-rpc.nats.ts';
import { createLog, randomHex, systemClock, systemRandom } from '../../kernel/index.ts';
import { SecretBox, TenantStore, loadMasterKey, masterKeyFile } from '../../tenants/index.ts';
import { Database } from '../../tenants/database.pg.ts';
import { KvTenantMirror } from '../../tenants/mirror.nats.ts';
import { PgTenantRepository } from '../../tenants/repository.pg.ts';
import type { CommandIo } from '../io.ts';
import { cannotAnswer, readRunState } from '../run-state.ts';
import type { RunningServer } from './command.ts';
import { UsageError } from './usage-error.ts';

/** The running server's stores, opened for one command. */
export interface Session {
  readonly store: TenantStore;
  readonly server: RunningServer;
  close(): Promise<void>;
}

/** Where the stores are: the run-state file of a server on this machine, else NATS_URL and DATABASE_URL. */
function findStores(io: CommandIo, dataDir: string): { database: string; nats: string } {
  const state = readRunState(dataDir);
  if (state?.database !== undefined) return { database: state.database.url, nats: state.nats.url };
  const { DATABASE_URL: database = '', NATS_URL: nats = '' } = io.env;
  if (database !== '' && nats !== '') return { database, nats };
  const why = state === undefined ? undefined : cannotAnswer(state);
  if (why !== undefined) throw new UsageError('no-server', why);
  throw new UsageError(
    'no-server',
    `no server runs on ${dataDir}: start it with \`npm start\`, name another --data-dir, or set DATABASE_URL and NATS_URL`,
  );
}

/** @throws UsageError `no-server`, and what the stores throw */
export async function openSession(io: CommandIo, dataDir: string): Promise<Session> {
  const where = findStores(io, dataDir);
  const parts = { clock: systemClock, random: systemRandom, log: createLog({ level: 'silent' }) };
  const secrets = new SecretBox(loadMasterKey(masterKeyFile(dataDir), io.env, systemRandom), systemRandom);
  const database = await Database.connect({ url: where.database, log: parts.log, maxConnections: 2 });
  let bus: Bus | undefined;
  try {
    bus = await Bus.connect({ url: where.nats, name: 'hookswitch command line', connectTimeoutMs: 5000, ...parts });
    const repository = await PgTenantRepository.open(database);
    const mirror = await KvTenantMirror.open(bus, repository);
    const open = bus;
    return {
      store: new TenantStore({ repository, mirror, secrets, ...parts }),
      server: { ask: (method, payload) => ask(open, dataDir, { method, payload }) },
      close: async () => {
        mirror.close();
        await open.close();
        await database.close();
      },
    };
  } catch (error) {
    await bus?.close();
    await database.close();
    throw error;
  }
}

async function ask(bus: Bus, dataDir: string, request: { method: string; payload: unknown }): Promise<unknown> {
  const state = readRunState(dataDir);
  if (state === undefined) {
    throw new UsageError('no-server', `no server runs on ${dataDir}: the trial is sent by the server, start it first`);
  }
  const rpc = new NatsNodeRpc(bus, `cli${randomHex(systemRandom, 4)}`);
  try {
    return await rpc.request(state.node, request.method, request.payload);
  } finally {
    rpc.close();
  }
}
