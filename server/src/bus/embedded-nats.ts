import { accessSync, constants } from 'node:fs';
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { z } from 'zod';
import { ChildError, ManagedChild, describeError, freeTcpPort, randomHex } from '../kernel/index.ts';
import type { Clock, Log, Random } from '../kernel/index.ts';
import { BusError } from './errors.ts';
import { HUB_NATS_ACCOUNT, natsConfig } from './nats-config.ts';
import type { NatsConfigFacts, NatsTenant } from './nats-config.ts';

export interface EmbeddedNatsOptions {
  /** Its own folder: configuration, credentials, store. Created, mode 700. */
  readonly directory: string;
  /** Default: a free one, kept over restarts of the server. */
  readonly port?: number;
  /** Default: HOOKSWITCH_NATS_SERVER, else `nats-server` on the PATH. */
  readonly binary?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const credentialsSchema = z.object({
  serverName: z.string(),
  server: z.object({ user: z.string(), password: z.string() }),
  subscriber: z.object({ user: z.string(), password: z.string() }),
});
type Credentials = z.infer<typeof credentialsSchema>;

interface EmbeddedParts {
  readonly facts: NatsConfigFacts;
  readonly configFile: string;
  /** Hears the server's output while it is told to reload. */
  readonly reloaded: { listener: ((line: string) => void) | undefined };
  readonly options: EmbeddedNatsOptions;
}

const HOST = '127.0.0.1';
const RELOAD_ANSWER = /Reloaded server configuration|Failed to reload/i;
/** Milliseconds. */
const RELOAD_MS = 5000;

/** Where the nats-server binary is. @throws BusError `binary-missing` */
export function findNatsServer(env: Readonly<Record<string, string | undefined>>): string {
  const named = env['HOOKSWITCH_NATS_SERVER'];
  const candidates =
    named === undefined || named === ''
      ? [...(env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/bin'].map((dir) => join(dir, 'nats-server'))
      : [named];
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      continue;
    }
  }
  throw new BusError(
    'binary-missing',
    named === undefined || named === ''
      ? 'nats-server was not found on the PATH: install it (Debian: apt-get install nats-server), name it in HOOKSWITCH_NATS_SERVER, or set NATS_URL to use a server of your own'
      : `HOOKSWITCH_NATS_SERVER names ${named}, which cannot be executed`,
  );
}

/**
 * A nats-server with JetStream as a child of this process, on loopback with generated credentials. Restarted on the same
 * port when it dies; clients reconnect by themselves. Its store outlives the process.
 */
export class EmbeddedNats {
  /** With credentials; everything is permitted. */
  readonly url: string;
  /** With credentials of a user that may subscribe to `hs.ev.>` and nothing else. */
  readonly subscriberUrl: string;
  readonly #child: ManagedChild;
  readonly #parts: EmbeddedParts;
  #tenants: readonly NatsTenant[] | undefined;
  #reloading: Promise<void> = Promise.resolve();

  private constructor(child: ManagedChild, parts: EmbeddedParts) {
    this.#child = child;
    this.#parts = parts;
    const { port } = parts.facts;
    const url = ({ user, password }: Credentials['server']): string => `nats://${user}:${password}@${HOST}:${port}`;
    this.url = url(parts.facts.server);
    this.subscriberUrl = url(parts.facts.subscriber);
  }

  /** @throws BusError `binary-missing`, `start-failed` */
  static async start(options: EmbeddedNatsOptions): Promise<EmbeddedNats> {
    const binary = options.binary ?? findNatsServer(process.env);
    const { directory, log } = options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
    const storeDir = join(directory, 'jetstream');
    await moveStore(storeDir);
    const credentials = await loadCredentials(join(directory, 'credentials.json'), options.random);
    for (let attempt = 0; ; attempt++) {
      const port = options.port ?? (await freeTcpPort(HOST));
      const configFile = join(directory, 'nats.conf');
      const facts = { ...credentials, host: HOST, port, storeDir, tenants: [] };
      const reloaded: EmbeddedParts['reloaded'] = { listener: undefined };
      await writeFile(configFile, natsConfig(facts), { mode: 0o600 });
      try {
        const child = await ManagedChild.start({
          name: 'nats-server',
          command: binary,
          args: ['--config', configFile],
          pidFile: join(directory, 'nats.pid'),
          identity: configFile,
          ready: /Server is ready/,
          stopSignal: 'TERM',
          onLine: (line) => {
            logLine(log, line);
            reloaded.listener?.(line);
          },
          clock: options.clock,
          random: options.random,
          log,
        });
        return new EmbeddedNats(child, { facts, configFile, reloaded, options });
      } catch (error) {
        const message = describeError(error);
        if (error instanceof ChildError && error.reason === 'in-use') throw error;
        // Somebody took the free port in between: take another one.
        if (options.port === undefined && attempt < 3 && message.includes('address already in use')) continue;
        throw new BusError('start-failed', `the embedded nats-server (${binary}) did not start: ${message}`, {
          cause: error,
        });
      }
    }
  }

  /** Pid of nats-server; undefined while it is down. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Gives these tenants NATS accounts of their own, and no others: connections of accounts and logins that are gone are
   * closed by the server, all others stay. One after another; the same as before does nothing. Resolves when the server
   * has taken it, or takes it with its next start. @throws BusError `reload-failed`
   */
  setTenants(tenants: readonly NatsTenant[]): Promise<void> {
    const next = this.#reloading.then(() => this.#reload(tenants));
    this.#reloading = next.catch(() => undefined);
    return next;
  }

  async #reload(tenants: readonly NatsTenant[]): Promise<void> {
    if (JSON.stringify(tenants) === JSON.stringify(this.#tenants ?? [])) return;
    const { facts, configFile } = this.#parts;
    await writeFile(`${configFile}.new`, natsConfig({ ...facts, tenants }), { mode: 0o600 });
    await rename(`${configFile}.new`, configFile);
    await this.#signal();
    // 2.9 looks for the services that an account imports before it knows an account that is new to it.
    const known = new Set(this.#tenants?.map(({ account }) => account));
    if (tenants.some(({ account }) => !known.has(account))) await this.#signal();
    this.#tenants = tenants;
  }

  /** Has the server read its configuration. While it is down there is nothing to tell: it reads it when it starts. */
  async #signal(): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined) return;
    const { configFile, reloaded, options } = this.#parts;
    const answer = Promise.withResolvers<string>();
    reloaded.listener = (line) => {
      if (RELOAD_ANSWER.test(line)) answer.resolve(line);
    };
    const patience = options.clock.setTimer(RELOAD_MS, () => {
      answer.resolve('it did not answer in time');
    });
    process.kill(pid, 'SIGHUP');
    const line = await answer.promise;
    patience.cancel();
    reloaded.listener = undefined;
    if (!line.includes('Reloaded server configuration') && this.#child.pid === pid) {
      throw new BusError('reload-failed', `nats-server did not take its new configuration ${configFile}: ${line}`);
    }
  }

  /** Stops the server and resolves when it is gone. Idempotent. */
  close(): Promise<void> {
    return this.#child.close();
  }
}

/** Before there were accounts everything was in the global one: its store is kept under the new name. */
async function moveStore(storeDir: string): Promise<void> {
  const [before, now] = ['$G', HUB_NATS_ACCOUNT].map((account) => join(storeDir, 'jetstream', account));
  if (before === undefined || now === undefined) return;
  const has = (path: string): Promise<boolean> =>
    stat(path).then(
      () => true,
      () => false,
    );
  if ((await has(before)) && !(await has(now))) await rename(before, now);
}

async function loadCredentials(file: string, random: Random): Promise<Credentials> {
  try {
    return credentialsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new BusError(
        'start-failed',
        `${file} is not readable: ${describeError(error)}; delete it to have it made anew`,
        {
          cause: error,
        },
      );
    }
  }
  const login = (user: string): Credentials['server'] => ({ user, password: randomHex(random, 24) });
  const credentials = {
    serverName: `hookswitch-${randomHex(random, 4)}`,
    server: login('hookswitch'),
    subscriber: login('subscriber'),
  };
  await writeFile(`${file}.new`, JSON.stringify(credentials, null, 2), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return credentials;
}

/** `[pid] date time [LVL] text` into our log: the server's own news is for debugging, its complaints are not. */
function logLine(log: Log, line: string): void {
  const match = /\[(INF|WRN|ERR|FTL|DBG|TRC)\] (.*)$/.exec(line);
  const fields = { child: 'nats-server' };
  if (match?.[1] === 'ERR' || match?.[1] === 'FTL') log.warn(fields, match[2] ?? line);
  else log.debug(fields, match?.[2] ?? line);
}
