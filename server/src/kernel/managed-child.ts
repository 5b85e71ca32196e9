import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { backoffDelay } from './backoff.ts';
import { delay } from './clock.ts';
import type { Clock, Timer } from './clock.ts';
import { DomainError } from './errors.ts';
import type { Log } from './log.ts';
import { findOrphan, processAlive } from './process-table.ts';
import type { Random } from './random.ts';

/** `in-use`: a server that another living process owns runs on the same data. */
export class ChildError extends DomainError<'in-use' | 'start-failed' | 'not-ready' | 'closed'> {}

export interface ManagedChildOptions {
  /** For messages and the log, e.g. `nats-server`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where the pid of the running server is kept, to find it again after a crash of this process. */
  readonly pidFile: string;
  /** A text that the server's command line holds and no other process's, e.g. the path of its data. */
  readonly identity: string;
  /** The line of output that says it is ready. */
  readonly ready: RegExp;
  readonly readyTimeoutMs?: number;
  readonly stopSignal: 'TERM' | 'INT';
  /** Seconds from the stop signal to SIGKILL (default 10). */
  readonly stopGraceSeconds?: number;
  /** Every line of output. */
  readonly onLine?: (line: string) => void;
  /** Prepares a start, also each restart; a rejection counts as a failed start. */
  readonly beforeStart?: () => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Runs the server given as arguments 4.. with standard input taken away, writes its pid to the file $1 and exits with
 * its status. End of file on the own standard input (the owner closed it, exited, or was killed in whatever way) sends
 * the server signal $2, and SIGKILL $3 seconds later.
 */
const GUARD = `
pidfile=$1; signal=$2; grace=$3; shift 3
exec 3<&0 </dev/null
"$@" 3<&- &
child=$!
echo "$child" >"$pidfile"
(
  while read -r _; do :; done <&3
  kill -s "$signal" "$child" 2>/dev/null
  while [ "$grace" -gt 0 ] && kill -0 "$child" 2>/dev/null; do sleep 1; grace=$((grace - 1)); done
  kill -s KILL "$child" 2>/dev/null
) >/dev/null 2>&1 &
guard=$!
exec 3<&-
wait "$child"; status=$?
kill "$guard" 2>/dev/null
rm -f "$pidfile"
exit "$status"
`;

const RESTART = { baseMs: 100, maxMs: 10_000 } as const;
/** After running this long, the next crash counts as the first. */
const HEALTHY_MS = 30_000;

/**
 * A server process that belongs to this one: started, watched, restarted with back-off when it dies, stopped by
 * `close()`, and never left running when this process dies, in whatever way: it runs under a small shell guard that
 * stops it when the pipe from this process closes. It has its own session, so that Ctrl-C in a terminal reaches only
 * this process, which then stops its children in order.
 */
export class ManagedChild {
  readonly #options: ManagedChildOptions;
  readonly #abort = new AbortController();
  #guard: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #restarting: Promise<void> | undefined;
  #attempt = 0;
  #restarts = 0;

  private constructor(options: ManagedChildOptions) {
    this.#options = options;
  }

  /** Resolves when the server is ready. @throws ChildError */
  static async start(options: ManagedChildOptions): Promise<ManagedChild> {
    const child = new ManagedChild(options);
    try {
      await child.#startOnce();
    } catch (error) {
      await child.close();
      throw error;
    }
    return child;
  }

  /** Pid of the server itself; undefined while it is down. */
  get pid(): number | undefined {
    return this.#guard === undefined ? undefined : readPid(this.#options.pidFile);
  }

  /** Times it was restarted after a crash. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Stops the server; resolves when it is gone. Idempotent. */
  async close(): Promise<void> {
    this.#abort.abort(new ChildError('closed', `${this.#options.name} is being stopped`));
    this.#guard?.stdin?.end();
    await this.#restarting?.catch(() => undefined);
    this.#guard?.stdin?.end();
    await this.#exited;
  }

  async #startOnce(): Promise<void> {
    const options = this.#options;
    await this.#clearStale();
    await options.beforeStart?.();
    this.#abort.signal.throwIfAborted();
    const grace = String(options.stopGraceSeconds ?? 10);
    const guard = spawn(
      '/bin/sh',
      ['-c', GUARD, `hookswitch-guard`, options.pidFile, options.stopSignal, grace, options.command, ...options.args],
      { cwd: '/', detached: true, stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...options.env } },
    );
    guard.stdin.on('error', () => undefined);
    this.#guard = guard;
    const startedAt = options.clock.monotonic();
    const lastLines: string[] = [];
    const ready = Promise.withResolvers<void>();
    ready.promise.catch(() => undefined);
    const onLine = (line: string): void => {
      lastLines.push(line);
      if (lastLines.length > 10) lastLines.shift();
      options.onLine?.(line);
      if (options.ready.test(line)) ready.resolve();
    };
    for (const stream of [guard.stdout, guard.stderr]) createInterface({ input: stream }).on('line', onLine);
    this.#exited = new Promise((resolve) => {
      const gone = (why: string): void => {
        if (this.#guard === guard) this.#guard = undefined;
        const message = `${options.name} ended before it was ready (${why}): ${lastLines.join(' | ')}`;
        ready.reject(new ChildError('start-failed', message));
        resolve();
      };
      guard.once('error', (error) => {
        gone(error.message);
      });
      guard.once('close', (code, signal) => {
        gone(`exit ${String(code ?? signal)}`);
      });
    });
    await this.#untilReady(ready, guard);
    void this.#exited.then(() => {
      this.#onExit(startedAt, lastLines);
    });
  }

  async #untilReady(ready: PromiseWithResolvers<void>, guard: ChildProcess): Promise<void> {
    const { clock, name, readyTimeoutMs = 30_000 } = this.#options;
    const timer: Timer = clock.setTimer(readyTimeoutMs, () => {
      ready.reject(new ChildError('not-ready', `${name} was not ready after ${readyTimeoutMs} ms`));
    });
    try {
      await ready.promise;
    } catch (error) {
      guard.stdin?.end();
      await this.#exited;
      throw error;
    } finally {
      timer.cancel();
    }
  }

  #onExit(startedAt: number, lastLines: readonly string[]): void {
    if (this.#abort.signal.aborted) return;
    const { name, clock, log } = this.#options;
    log.error({ child: name, lastLines: lastLines.slice(-3) }, 'a managed server died, restarting it');
    if (clock.monotonic() - startedAt > HEALTHY_MS) this.#attempt = 0;
    this.#restarting = this.#restart();
  }

  async #restart(): Promise<void> {
    const { name, clock, random, log } = this.#options;
    for (;;) {
      const wait = this.#attempt === 0 ? 0 : backoffDelay(this.#attempt, random, RESTART);
      this.#attempt++;
      await delay(clock, wait, this.#abort.signal).catch(() => undefined);
      if (this.#abort.signal.aborted) return;
      try {
        await this.#startOnce();
        this.#restarts++;
        log.info({ child: name, restarts: this.#restarts }, 'a managed server runs again');
        return;
      } catch (error) {
        if (error === this.#abort.signal.reason) return;
        log.error({ child: name, err: error }, 'a managed server could not be restarted, trying again');
      }
    }
  }

  /** Deals with a server that an earlier process left behind on the same data. */
  async #clearStale(): Promise<void> {
    const { pidFile, identity, name, clock, log, stopGraceSeconds = 10 } = this.#options;
    const pid = readPid(pidFile);
    if (pid === undefined) return;
    // A guard that lost its owner a moment ago is still at work: give it time.
    for (let waited = 0; waited < (stopGraceSeconds + 1) * 1000; waited += 50) {
      const found = findOrphan(pid, identity);
      if (found === 'gone') return;
      if (found === 'orphan') break;
      if (waited >= 3000) {
        const message = `${name} already runs on this data (pid ${pid}), started by another process: stop that one first, or use another data directory`;
        throw new ChildError('in-use', message);
      }
      await delay(clock, 50, this.#abort.signal);
    }
    log.warn({ child: name, pid }, 'stopping a server that an earlier run left behind');
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (findOrphan(pid, identity) !== 'orphan') return;
      process.kill(pid, signal);
      for (let waited = 0; waited < stopGraceSeconds * 1000 && processAlive(pid); waited += 50) {
        await delay(clock, 50, this.#abort.signal);
      }
    }
  }
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    return pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}
