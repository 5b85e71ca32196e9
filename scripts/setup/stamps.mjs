// A stamp is a file that says what a step was last done for. When the hash of the step's sources is the stamp's, the
// step is skipped.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const SKIPPED = new Set(['node_modules', 'dist', '.git']);

/**
 * @param {string} path
 * @returns {import('node:fs').Stats | undefined} undefined when it is not there, below a file included
 */
function statOf(path) {
  try {
    return statSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(/** @type {NodeJS.ErrnoException} */ (error).code ?? '')) return undefined;
    throw error;
  }
}

/**
 * Every file below a file or folder, sorted; nothing for a path that is not there.
 *
 * @param {string} path
 * @returns {string[]}
 */
export function filesBelow(path) {
  const stat = statOf(path);
  if (stat === undefined) return [];
  if (!stat.isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => !SKIPPED.has(name))
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

/**
 * The hash of the names and contents of files and folders, in the order given.
 *
 * @param {string} base names are taken relative to it, so that two clones agree
 * @param {string[]} paths absent ones count as absent
 * @param {string[]} [extra] further facts the result depends on, such as versions
 * @returns {string} 32 hexadecimal digits
 */
export function hashOf(base, paths, extra = []) {
  const hash = createHash('sha256');
  for (const fact of extra) hash.update(`${fact}\0`);
  for (const file of paths.flatMap((path) => filesBelow(path))) {
    const content = readFileSync(file);
    hash.update(`${relative(base, file)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 32);
}

/**
 * @param {string} file
 * @returns {string | undefined} undefined when there is no stamp
 */
export function readStamp(file) {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * Writes a stamp whole or not at all.
 *
 * @param {string} file
 * @param {string} value
 */
export function writeStamp(file, value) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, `${value}\n`);
  renameSync(`${file}.${process.pid}`, file);
}
