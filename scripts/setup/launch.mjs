// Runs a command of the project as a child and ends with it: its streams, its exit code, and no process left behind.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** A terminal and npm both deliver one Ctrl-C: what comes so soon after the first is the same one. */
const SAME_SIGNAL_MS = 700;
const GROUP_GRACE_MS = 5_000;
const FORWARDED = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * @param {number} group
 * @param {NodeJS.Signals | 0} signal
 * @returns {boolean} false when nobody is left in the group
 */
function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * Ends what a child left behind in its process group.
 *
 * @param {number} group
 */
async function sweepGroup(group) {
  if (!signalGroup(group, 'SIGTERM')) return;
  for (let waited = 0; waited < GROUP_GRACE_MS && signalGroup(group, 0); waited += 50) await sleep(50);
  signalGroup(group, 'SIGKILL');
}

/**
 * Runs a program with the streams of this process. It gets a process group of its own, so that a signal reaches it
 * once: the first is passed on to the program, which ends what it started; a second one kills the whole group. Whatever
 * is left of the group when the program has ended is ended too.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, now?: () => number, onOutput?: (part: Buffer) => void}} [options]
 *   onOutput: gets what the program writes, in place of the streams of this process
 * @returns {Promise<{code: number, interrupted: boolean}>} code: the program's exit code, or 128 + the signal's number;
 *   interrupted: whether a signal was passed on
 */
export async function launch(command, args, { cwd, env, now = Date.now, onOutput } = {}) {
  const stdio = onOutput === undefined ? 'inherit' : /** @type {const} */ (['ignore', 'pipe', 'pipe']);
  const child = spawn(command, args, { cwd, env, stdio, detached: true });
  if (onOutput !== undefined) for (const stream of [child.stdout, child.stderr]) stream?.on('data', onOutput);
  let firstAt = /** @type {number | undefined} */ (undefined);
  const handlers = FORWARDED.map((signal) => {
    const handler = () => {
      if (child.pid === undefined) return;
      if (firstAt === undefined) {
        firstAt = now();
        child.kill(signal);
      } else if (now() - firstAt > SAME_SIGNAL_MS) {
        signalGroup(child.pid, 'SIGKILL');
      }
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (status, signal) => resolve(status ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
    if (child.pid !== undefined) await sweepGroup(child.pid);
    return { code, interrupted: firstAt !== undefined };
  } finally {
    for (const { signal, handler } of handlers) process.removeListener(signal, handler);
  }
}
