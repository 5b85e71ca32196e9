import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { DatabaseError } from './errors.ts';

const run = promisify(execFile);

/** How a program of PostgreSQL is started: as it is, or as root under another user. */
export interface RunAs {
  /** Owner of the data; undefined: ourselves. */
  readonly owner: { readonly user: string; readonly uid: number; readonly gid: number } | undefined;
  command(program: string, args: readonly string[]): { readonly command: string; readonly args: readonly string[] };
}

const OWN_USER = 'hookswitch-postgres';
const CAPABILITIES = { dac_override: 1, dac_read_search: 2 } as const;

/**
 * PostgreSQL refuses to run as root. As root it runs under HOOKSWITCH_POSTGRES_USER, else the system's `postgres` user,
 * else a system user `hookswitch-postgres`, which is created.
 *
 * When a folder on the way to `paths` is closed to that user (a clone under /root, a temporary folder with mode 700), the
 * servers get the one capability to pass through it, instead of the folder being opened to everybody.
 * @throws DatabaseError `no-user`
 */
export async function runAs(
  paths: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<RunAs> {
  if (process.getuid?.() !== 0) return { owner: undefined, command: (command, args) => ({ command, args }) };
  const owner = await findUser(env['HOOKSWITCH_POSTGRES_USER']);
  const flags = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'];
  if (!paths.every((path) => reachableBy(owner, dirname(path)))) {
    const capability = passingCapability();
    // access(2) ignores capabilities of other users than root unless this bit is set, and PostgreSQL relies on it.
    flags.push(`--inh-caps=+${capability}`, `--ambient-caps=+${capability}`, '--securebits=+no_setuid_fixup');
  }
  return { owner, command: (program, args) => ({ command: 'setpriv', args: [...flags, '--', program, ...args] }) };
}

async function findUser(wanted: string | undefined): Promise<{ user: string; uid: number; gid: number }> {
  const names = wanted === undefined || wanted === '' ? ['postgres', OWN_USER] : [wanted];
  for (const user of names) {
    const found = await lookUp(user);
    if (found !== undefined) return found;
  }
  const [user = OWN_USER] = names.slice(-1);
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', user]);
  } catch (error) {
    throw new DatabaseError(
      'no-user',
      `PostgreSQL does not run as root, and the system user ${user} could not be created: create it, name another in HOOKSWITCH_POSTGRES_USER, run Hookswitch as an ordinary user, or set DATABASE_URL`,
      { cause: error },
    );
  }
  const made = await lookUp(user);
  if (made === undefined) throw new DatabaseError('no-user', `user ${user} was created but is not found`);
  return made;
}

async function lookUp(user: string): Promise<{ user: string; uid: number; gid: number } | undefined> {
  try {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, user])).stdout.trim())),
    );
    return uid === undefined || gid === undefined || uid === 0 ? undefined : { user, uid, gid };
  } catch {
    return undefined;
  }
}

function reachableBy(owner: { uid: number; gid: number }, folder: string): boolean {
  for (let path = folder; ; path = dirname(path)) {
    const { mode, uid, gid } = statSync(path);
    const bit = uid === owner.uid ? 0o100 : gid === owner.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

/** The narrowest capability of this process that lets another one pass folders; containers may have taken some away. */
function passingCapability(): keyof typeof CAPABILITIES {
  const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
  return (held & (1n << BigInt(CAPABILITIES.dac_read_search))) === 0n ? 'dac_override' : 'dac_read_search';
}

/** @throws DatabaseError `binary-missing` */
export function checkExecutable(file: string): void {
  try {
    accessSync(file, constants.X_OK);
  } catch (error) {
    throw new DatabaseError(
      'binary-missing',
      `${file} cannot be executed: run \`npm run setup\`, or set DATABASE_URL`,
      {
        cause: error,
      },
    );
  }
}
