import { accessSync, constants } from 'node:fs';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { z } from 'zod';
import { ChildError, ManagedChild, describeError, freeTcpPort, randomHex } from '../kernel/index.ts';
import type { Clock, Log, Random } from '../kernel/index.ts';
import { BusError } from './errors.ts';
import { natsConfig } from './nats-config.ts';

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

const HOST = '127.0.0.1';

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

  private constructor(child: ManagedChild, credentials: Credentials, port: number) {
    this.#child = child;
    const url = ({ user, password }: Credentials['server']): string => `nats://${user}:${password}@${HOST}:${port}`;
    this.url = url(credentials.server);
    this.subscriberUrl = url(credentials.subscriber);
  }

  /** @throws BusError `binary-missing`, `start-failed` */
  static async start(options: EmbeddedNatsOptions): Promise<EmbeddedNats> {
    const binary = options.binary ?? findNatsServer(process.env);
    const { directory, log } = options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
    const credentials = await loadCredentials(join(directory, 'credentials.json'), options.random);
    for (let attempt = 0; ; attempt++) {
      const port = options.port ?? (await freeTcpPort(HOST));
      const configFile = join(directory, 'nats.conf');
      const config = natsConfig({ ...credentials, host: HOST, port, storeDir: join(directory, 'jetstream') });
      await writeFile(configFile, config, { mode: 0o600 });
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
          },
          clock: options.clock,
          random: options.random,
          log,
        });
        return new EmbeddedNats(child, credentials, port);
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

  /** Stops the server and resolves when it is gone. Idempotent. */
  close(): Promise<void> {
    return this.#child.close();
  }
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
