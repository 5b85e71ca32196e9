import { DomainError, processStart } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import type { Config } from './config.ts';
import { createPlatform } from './create-platform.ts';
import { enterCluster } from './open-cluster.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';
import type { RunState } from './run-state.ts';
import type { Server } from './server.ts';

/** The process cannot begin in this place. The message says what has to be there before. */
export class ServerStartError extends DomainError<'no-account'> {}

/**
 * Opens the parts of a process.
 *
 * @throws whatever the first part that did not start threw, after everything opened before was closed
 */
export async function startServer(
  config: Config,
  { log, signal }: { log: Log; signal: AbortSignal },
  openParts: (platform: Platform) => Promise<Server>,
): Promise<Server> {
  const platform = createPlatform(config, { log, signal });
  try {
    return await openParts(platform);
  } catch (error) {
    // A step that fails has closed everything already; what fails between steps has not.
    await platform.startup.scope.close('start-failed', error).catch((closing: unknown) => {
      log.warn({ err: closing }, 'closing after a failed start');
    });
    throw error;
  }
}

/**
 * The account that the first process made. Roles that do not make one wait for none.
 *
 * @throws ServerStartError
 */
export function firstAccount({ directory }: { directory: { oldestAccount(): { sid: string } | undefined } }): string {
  const account = directory.oldestAccount();
  if (account !== undefined) return account.sid;
  throw new ServerStartError(
    'no-account',
    'there is no account yet: start a process with the roles gateway,call on this NATS server first',
  );
}

/** All is open: the process is ready, and the others are told of it; until `close`, which tells them of its end. */
export function serve(
  platform: Platform,
  bus: BusParts,
  { accountSid, addresses }: { readonly accountSid: string; readonly addresses: Readonly<Record<string, string>> },
): Pick<Server, 'lost' | 'close'> {
  const { node, health, startup, config } = platform;
  health.state = 'ready';
  bus.outbox.emit({ accountSid, type: 'node.started', subject: node, data: { node, roles: [...config.roles] } });
  const { lost, sayGoodbye } = enterCluster(platform, bus, { accountSid, addresses });
  return {
    lost,
    close: async () => {
      health.state = 'draining';
      bus.outbox.emit({ accountSid, type: 'node.stopped', subject: node, data: { node, reason: 'shutdown' } });
      sayGoodbye();
      await startup.scope.close('shutdown');
      health.state = 'stopped';
    },
  };
}

/** Who made this node, and how it knows it. */
export function provisioned({ env }: Pick<Platform, 'env'>): Readonly<Record<string, string>> {
  const { HOOKSWITCH_PROVISIONER: provisioner = '', HOOKSWITCH_POD: pod = '' } = env;
  return { ...(provisioner === '' ? {} : { provisioner }), ...(pod === '' ? {} : { pod }) };
}

/** What the run state of every process says. */
export function commonState(
  { config, node, clock }: Platform,
  { pageUrl, bus, accountSid }: { readonly pageUrl: string; readonly bus: BusParts; readonly accountSid: string },
): Omit<RunState, 'gateway' | 'numbers' | 'children'> {
  const start = processStart(process.pid);
  return {
    pid: process.pid,
    ...(start === undefined ? {} : { processStart: start }),
    startedAt: new Date(clock.now()).toISOString(),
    node,
    roles: [...config.roles],
    dataDir: config.dataDir,
    pageUrl,
    health: new URL('/healthz', pageUrl).href,
    nats: { url: bus.url, subscriberUrl: bus.subscriberUrl },
    account: accountSid,
  };
}
