// Where set-up finds and puts things, and the versions it pins.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const NODE_VERSION = '24.21.0';
export const PNPM_VERSION = '10.34.9';
/** A Node already running the script is used as it is from this major version on. */
export const NODE_MAJOR = 24;

/** The repository's root. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * What Node is given to run a server: `config.nodeFlags` of package.json. V8's young generation grows to 96 MB beside
 * ten thousand clients that arrive at once and stays so; half of that is no slower and takes a third of what a connection
 * costs (docs/adr/0024).
 *
 * @returns {string[]}
 */
export function nodeFlags() {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).config.nodeFlags;
}

/**
 * The cache outside the work tree, shared by all clones of one user.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string}
 */
export function cacheDir(env = process.env) {
  const base = env.XDG_CACHE_HOME ? env.XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'hookswitch');
}

/**
 * Finds a program as a shell would, looking also where Debian puts servers: users who are not root have no /usr/sbin
 * in their PATH.
 *
 * @param {string} name
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | undefined} the absolute path
 */
export function findProgram(name, env = process.env) {
  const folders = [...(env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/usr/local/bin', '/usr/bin'];
  for (const folder of folders) {
    if (folder !== '' && existsSync(join(folder, name))) return join(folder, name);
  }
  return undefined;
}
