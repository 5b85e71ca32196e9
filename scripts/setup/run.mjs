// Child processes of set-up: quiet unless they fail, and never left behind.
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SetupFailure } from './failure.mjs';

const TAIL_LINES = 40;
/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/** Ends every child that is still running; for the signal handler of set-up. */
export function killChildren() {
  for (const child of running) child.kill('SIGTERM');
}

/**
 * Runs a short command to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
export function capture(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  return { code: result.status, stdout: String(result.stdout ?? ''), stderr: String(result.stderr ?? '') };
}

/**
 * Runs a long command, handing each line of its output (stdout and stderr) to onLine.
 * What it writes to stderr is not taken for failure: only its exit code counts.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, onLine?: (line: string, fd: number) => void,
 *   timeoutMs?: number, what?: string}} [options]
 * @returns {Promise<string>} the last lines of its output
 * @throws {SetupFailure} when it cannot be started or ends with another code than 0; the message holds the last lines
 */
export async function runQuietly(command, args, options = {}) {
  const { cwd, env, onLine, timeoutMs, what = command } = options;
  /** @type {string[]} */
  const tail = [];
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const readers = child.stdio.slice(1).map(async (stream, index) => {
    const input = /** @type {import('node:stream').Readable} */ (stream);
    for await (const line of createInterface({ input })) {
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      onLine?.(line, index + 1);
    }
  });
  try {
    const exit = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? signal));
    });
    await Promise.all(readers);
    if (exit !== 0) {
      throw new SetupFailure(
        `${what} failed (${String(exit)}). Its last lines:\n${tail.map((line) => `  ${line}`).join('\n')}`,
      );
    }
    return tail.join('\n');
  } catch (error) {
    if (error instanceof SetupFailure) throw error;
    throw new SetupFailure(`${what} could not be started: ${String(error)}`);
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}
