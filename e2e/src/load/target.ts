import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { endWithThisProcess } from '../fixtures/processes.ts';
import { NODE_FLAGS } from '../fixtures/node-flags.ts';
import { REPOSITORY } from '../fixtures/server.ts';

/** A program of the server's sources that runs one part alone, for a benchmark: JSON lines on stdout, asked by stdin. */
export class Target {
  readonly pid: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** `hello` is the first line that it prints. @param file path below the repository */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows what the program prints
  static async start<T>(
    file: string,
    options: { readonly args?: readonly string[]; readonly core?: number } = {},
  ): Promise<{ readonly target: Target; readonly hello: T }> {
    const node = [process.execPath, '--expose-gc', ...NODE_FLAGS, join(REPOSITORY, file), ...(options.args ?? [])];
    const pinned = options.core === undefined ? node : ['taskset', '-c', String(options.core), ...node];
    const child = spawn(pinned[0] ?? '', pinned.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    endWithThisProcess(child);
    const target = new Target(child);
    return { target, hello: await target.#next<T>() };
  }

  ask<T>(question: string): Promise<T> {
    this.#child.stdin.write(`${question}\n`);
    return this.#next<T>();
  }

  /** For what is not answered. */
  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end('quit\n');
    await exited;
  }

  async #next<T>(): Promise<T> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('the program under load ended; its stderr says why');
    return JSON.parse(next.value) as T;
  }
}
