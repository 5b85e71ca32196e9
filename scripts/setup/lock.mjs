// Keeps two set-ups from working on the same cache and node_modules at once. The lock is a file that names its holder;
// one left behind by a process that is gone is recognised by the pid and taken over.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * When a process began, in the kernel's units: tells a process from a later one with the same pid.
 *
 * @param {number} pid
 * @returns {string} empty where the system does not tell
 */
export function processBirth(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/**
 * @param {string} text content of a lock file
 * @returns {boolean} true while the process that wrote it lives
 */
export function holderLives(text) {
  const [pidText, birth = ''] = text.trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
  return birth === '' || processBirth(pid) === birth;
}

/** @param {string} file */
const read = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

/**
 * @param {string} file
 * @param {string} mine
 * @returns {boolean} false when another lock is there
 */
function tryLink(file, mine) {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, mine);
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Moves a dead holder's lock away. Should a living one have taken its place meanwhile, it is put back.
 *
 * @param {string} file
 * @param {string} seen the dead holder's text
 */
function removeStale(file, seen) {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const moved = read(aside);
  if (moved !== undefined && moved !== seen) tryLink(file, moved);
  rmSync(aside, { force: true });
}

/**
 * Takes the lock, waiting for a living holder as long as it takes.
 *
 * @param {string} file
 * @param {{onWait?: (pid: string) => void, pollMs?: number}} [options] onWait is called once
 * @returns {Promise<() => void>} releases the lock; calling it again does nothing
 */
export async function acquireLock(file, { onWait, pollMs = 300 } = {}) {
  mkdirSync(dirname(file), { recursive: true });
  const mine = `${process.pid} ${processBirth(process.pid)}`;
  let told = false;
  while (!tryLink(file, mine)) {
    const text = read(file);
    if (text === undefined) continue;
    if (!holderLives(text)) {
      removeStale(file, text);
      continue;
    }
    if (!told) onWait?.(text.split(' ')[0] ?? '?');
    told = true;
    await sleep(pollMs);
  }
  let released = false;
  const release = () => {
    if (!released && read(file) === mine) rmSync(file, { force: true });
    released = true;
    process.removeListener('exit', release);
  };
  process.once('exit', release);
  return release;
}
