// The mediasoup worker: which binary is used here, and how one is come by. Order: MEDIASOUP_WORKER_BIN, a cached build
// of this recipe, a cached or newly fetched official binary, a new build. None is used before it has passed the guard.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { arch, availableParallelism, freemem, platform, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { ROOT, cacheDir } from './layout.mjs';
import { runQuietly } from './run.mjs';
import { hashOf, readStamp, writeStamp } from './stamps.mjs';
import { installSystemPackages, systemKind } from './system.mjs';

const RECIPE = join(ROOT, 'scripts', 'mediasoup-worker');
const MEDIASOUP = join(ROOT, 'server', 'node_modules', 'mediasoup');
const FETCH_TIMEOUT_MS = 5_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;
const BYTES_PER_COMPILER = 1_200_000_000;

/** @typedef {{node: string, env: NodeJS.ProcessEnv, note: (text: string) => void}} Context */

const mediasoupVersion = () =>
  JSON.parse(readFileSync(join(ROOT, 'server', 'package.json'), 'utf8')).dependencies.mediasoup;

/** Where a build of the present recipe is kept. Libraries are linked dynamically, so the system's release counts. */
export function builtWorkerPath() {
  const facts = [mediasoupVersion(), platform(), arch(), systemKind().release ?? 'other'];
  const recipe = hashOf(ROOT, [join(RECIPE, 'build.sh'), join(RECIPE, 'overlay')], facts);
  return join(cacheDir(), 'mediasoup-worker', recipe, 'mediasoup-worker');
}

/** The file name mediasoup gives its official binary for this machine. */
function officialName() {
  const kernel = platform() === 'linux' ? `-kernel${release().split('.')[0]}` : '';
  return `mediasoup-worker-${mediasoupVersion()}-${platform()}-${arch()}${kernel}`;
}

const officialWorkerPath = () => join(cacheDir(), 'mediasoup-worker', officialName(), 'mediasoup-worker');

/**
 * A binary's stamp: the same file, unchanged, is guarded once.
 *
 * @param {string} binary
 */
function guardStamp(binary) {
  const { size, mtimeMs } = statSync(binary);
  const name = createHash('sha256').update(binary).digest('hex').slice(0, 32);
  const value = `${binary} ${size} ${mtimeMs} ${mediasoupVersion()}`;
  return { file: join(cacheDir(), 'mediasoup-worker', 'guarded', name), value };
}

/** @param {string} binary */
function isGuarded(binary) {
  if (!existsSync(binary)) return false;
  const { file, value } = guardStamp(binary);
  return readStamp(file) === value;
}

/** @returns {string | undefined} the binary to use, if one is there that has passed the guard */
export function readyWorker(env = process.env) {
  if (env.MEDIASOUP_WORKER_BIN) return isGuarded(env.MEDIASOUP_WORKER_BIN) ? env.MEDIASOUP_WORKER_BIN : undefined;
  return [builtWorkerPath(), officialWorkerPath()].find((binary) => isGuarded(binary));
}

/**
 * @param {string} binary
 * @param {Context} context
 * @throws {SetupFailure} when it fails the handshake
 */
async function guard(binary, { node, env }) {
  await runQuietly(node, [join(ROOT, 'scripts', 'setup', 'worker-guard.mjs')], {
    env: { ...env, MEDIASOUP_WORKER_BIN: binary },
    timeoutMs: 40_000,
    what: `the DTLS handshake test of ${binary}`,
  });
  const { file, value } = guardStamp(binary);
  writeStamp(file, value);
}

/**
 * Guards a binary that may be replaced by another.
 *
 * @param {string} binary
 * @param {Context} context
 */
async function passes(binary, context) {
  if (!existsSync(binary)) return false;
  try {
    await guard(binary, context);
    return true;
  } catch (error) {
    context.note(`worker: ${error instanceof Error ? error.message : String(error)}\nworker: not used`);
    return false;
  }
}

/**
 * Fetches mediasoup's official binary from where the npm package's own install step would.
 *
 * @param {string} target
 * @param {Context} context
 * @returns {Promise<boolean>} false when it cannot be had; that is no failure
 */
async function fetchOfficial(target, { env, note }) {
  const { repository } = JSON.parse(readFileSync(join(MEDIASOUP, 'package.json'), 'utf8'));
  const base =
    env.MEDIASOUP_WORKER_PREBUILT_DOWNLOAD_BASE_URL ||
    `${repository.url.replace(/^git\+/, '').replace(/\.git$/, '')}/releases/download`;
  const folder = dirname(target);
  const partial = `${folder}.partial-${process.pid}`;
  try {
    // Two limits: a closed network must not cost more than seconds, a slow one may take its time once it answers.
    const aborter = new AbortController();
    const answer = setTimeout(() => aborter.abort(), FETCH_TIMEOUT_MS);
    const whole = setTimeout(() => aborter.abort(), DOWNLOAD_TIMEOUT_MS);
    mkdirSync(partial, { recursive: true });
    try {
      const url = `${base}/${mediasoupVersion()}/${officialName()}.tgz`;
      const response = await fetch(url, { signal: aborter.signal });
      clearTimeout(answer);
      if (!response.ok) throw new Error(`status ${response.status}`);
      await writeFile(join(partial, 'worker.tgz'), Buffer.from(await response.arrayBuffer()));
    } finally {
      clearTimeout(answer);
      clearTimeout(whole);
    }
    await runQuietly('tar', ['-xzf', 'worker.tgz'], { cwd: partial, what: 'unpacking the official worker' });
    rmSync(join(partial, 'worker.tgz'));
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
    return true;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    note(`worker: the official binary cannot be fetched here (${cause instanceof Error ? cause.message : 'offline'})`);
    return false;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/**
 * @param {string} target
 * @param {Context} context
 * @param {(text: string) => void} progress
 */
async function build(target, { env, note }, progress) {
  if (platform() !== 'linux') {
    throw new SetupFailure(
      `There is no official media worker to be had for ${platform()} on ${arch()}, and the recipe builds it on Linux ` +
        "only. Build mediasoup's worker yourself and name the binary in MEDIASOUP_WORKER_BIN.",
    );
  }
  if (systemKind().release !== 'bookworm') note('worker: the build is known to work on Debian 12; trying it here');
  await installSystemPackages(['build'], (text) => progress(`packages: ${text}`), note);
  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / BYTES_PER_COMPILER)));
  const work = mkdtempSync(join(tmpdir(), 'hookswitch-worker-'));
  try {
    await runQuietly(join(RECIPE, 'build.sh'), [MEDIASOUP, target], {
      env: { ...env, JOBS: String(jobs), WORK: join(work, 'build') },
      onLine: (line) => {
        const match = /^\[(\d+\/\d+)\]/.exec(line);
        if (match !== null) progress(`compiling ${match[1]}`);
      },
      what: 'building the media worker',
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Comes by a worker that passes the guard.
 *
 * @param {Context} context
 * @param {(text: string) => void} progress
 * @returns {Promise<string>} its path
 * @throws {SetupFailure} when the binary named by MEDIASOUP_WORKER_BIN fails, or the build does
 */
export async function obtainWorker(context, progress) {
  const named = context.env.MEDIASOUP_WORKER_BIN;
  if (named) {
    if (!existsSync(named)) throw new SetupFailure(`MEDIASOUP_WORKER_BIN names ${named}, which is not there.`);
    await guard(named, context);
    return named;
  }
  const built = builtWorkerPath();
  const official = officialWorkerPath();
  for (const binary of [built, official]) if (await passes(binary, context)) return binary;
  if ((await fetchOfficial(official, context)) && (await passes(official, context))) return official;
  context.note('worker: building it from the sources in its npm package: some five minutes on two processors, once');
  await build(built, context, progress);
  await guard(built, context);
  return built;
}
