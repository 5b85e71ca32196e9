import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../../kernel/index.ts';
import type { Clock, Log } from '../../kernel/index.ts';
import { ProvisionError } from './errors.ts';
import type { Provisioner, ProvisionedNode } from './ports.ts';

export interface LocalProcessesOptions {
  /** Program and its first arguments, to which `--data-dir` and DIR are added. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Each node has a directory of its own here, removed when it ends. */
  readonly directory: string;
  /** Asks a node to finish its calls and end. */
  readonly drain: (node: string, deadlineMs: number) => Promise<void>;
  /** The node that runs on such a directory. */
  readonly nodeOf: (dataDir: string) => string | undefined;
  /** The line of output that says that a node is ready. */
  readonly ready: RegExp;
  readonly clock: Clock;
  readonly log: Log;
  /** A node that is not ready by then is ended, milliseconds (default 120 000). */
  readonly startTimeoutMs?: number;
  /** From the request to end until it is forced, milliseconds (default 10 000). */
  readonly closeMs?: number;
}

/** The longest that a node which is not needed any more may finish its calls, milliseconds. */
const STOP_MS = 24 * 3_600_000;
/** Characters of a node's output that are kept, to say why it did not start. */
const KEPT_OUTPUT = 4000;

/**
 * Nodes as processes of this machine. They end with their owner, whatever ends it: their standard input is a pipe from it,
 * and at its end they take no more calls, let the live ones finish for `--drain-seconds`, and end.
 */
export class LocalProcesses implements Provisioner {
  readonly name = 'local';
  readonly #options: LocalProcessesOptions;
  /** With their directories. */
  readonly #children = new Map<ChildProcess, string>();
  #serial = 0;
  #closed = false;

  constructor(options: LocalProcessesOptions) {
    this.#options = options;
  }

  /** Processes that run. */
  get size(): number {
    return this.#children.size;
  }

  async start(): Promise<void> {
    if (this.#closed) throw new ProvisionError('closed', 'this process is about to end: it starts no more nodes');
    const { command, env, directory, log } = this.#options;
    const [program, ...args] = command;
    const dataDir = join(directory, `${process.pid}-${++this.#serial}`);
    const child = spawn(program, [...args, '--data-dir', dataDir], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...env, HOOKSWITCH_ENDS_WITH_STDIN: '1', HOOKSWITCH_PROVISIONER: this.name },
    });
    this.#children.set(child, dataDir);
    child.stdin.on('error', () => undefined);
    const ready = this.#readiness(child);
    child.once('exit', (code, signal) => {
      this.#children.delete(child);
      log.info({ pid: child.pid, how: code ?? signal }, 'a node of this machine has ended');
      void rm(dataDir, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined);
    });
    await ready;
    log.info({ pid: child.pid }, 'a node was started on this machine');
  }

  async stop({ node }: ProvisionedNode): Promise<void> {
    try {
      await this.#options.drain(node, STOP_MS);
    } catch (cause) {
      throw new ProvisionError('unreachable', `node ${node} could not be asked to drain`, { cause });
    }
  }

  /**
   * Before {@link close}, when their owner finishes its calls: so do they, and none is started any more. Resolves when the last one has
   * ended, or at the deadline. May be repeated with an earlier deadline.
   */
  async finish(deadlineMs: number): Promise<void> {
    this.#closed = true;
    const { promise: deadline, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.setTimer(deadlineMs, resolve);
    const ends = [...this.#children].map(async ([child, dataDir]) => {
      const gone = endOf(child);
      await this.#finishOne(child, dataDir, deadlineMs);
      await gone;
    });
    await Promise.race([deadline, Promise.all(ends)]);
    timer.cancel();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#children.keys()].map((child) => this.#end(child)));
  }

  async #finishOne(child: ChildProcess, dataDir: string, deadlineMs: number): Promise<void> {
    const { nodeOf, drain, log } = this.#options;
    const node = nodeOf(dataDir);
    try {
      if (node !== undefined) {
        await drain(node, deadlineMs);
        return;
      }
    } catch (error) {
      log.warn(
        { node, reason: describeError(error) },
        'a node of this machine could not be asked to drain: it is sent SIGTERM',
      );
    }
    child.kill('SIGTERM');
  }

  #readiness(child: ChildProcess): Promise<void> {
    const { ready, clock, startTimeoutMs = 120_000 } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let output = '';
    let isReady = false;
    const fail = (why: string): void => {
      if (this.#closed) reject(new ProvisionError('closed', 'this process is about to end, and its nodes with it'));
      else reject(new ProvisionError('failed', `a node did not start: ${why}\n${output.slice(-500)}`));
    };
    const timer = clock.setTimer(startTimeoutMs, () => {
      fail(`not ready after ${startTimeoutMs} ms`);
      child.kill('SIGKILL');
    });
    const take = (chunk: Buffer): void => {
      if (isReady) return;
      output = (output + chunk.toString('utf8')).slice(-KEPT_OUTPUT);
      if (!ready.test(output)) return;
      isReady = true;
      resolve();
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('error', (error) => {
      this.#children.delete(child);
      fail(error.message);
    });
    child.once('exit', (code, signal) => {
      fail(`it ended with ${String(code ?? signal)}`);
    });
    return promise.finally(() => {
      timer.cancel();
    });
  }

  /** Its calls are ended: the owner stops at once too. */
  async #end(child: ChildProcess): Promise<void> {
    if (hasEnded(child)) return;
    const gone = endOf(child);
    child.kill('SIGINT');
    const timer = this.#options.clock.setTimer(this.#options.closeMs ?? 10_000, () => {
      child.kill('SIGKILL');
    });
    await gone;
    timer.cancel();
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

async function endOf(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await once(child, 'exit');
}
