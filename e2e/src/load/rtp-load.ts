import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { endWithThisProcess, run } from '../fixtures/processes.ts';

/** What one side of the load saw of an epoch. Ages are of packets that came, in milliseconds. */
export interface LoadReport {
  readonly sent: number;
  readonly received: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly longest_gap_ms: number;
}

export interface TrunkReport extends LoadReport {
  /** All that came in the epoch, those that somebody else made included. */
  readonly packets: number;
}

/** First bytes of a payload of the load: `HSld`, as rtp-load.c writes it (little endian). */
export const MAGIC = 0x48536c64;

/** The trunk side of a media load: rtp-load.c, compiled when it starts. One UDP port a flow. */
export class RtpLoad {
  readonly ports: readonly number[];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #folder: string;

  private constructor(
    child: ChildProcessWithoutNullStreams,
    parts: { ports: readonly number[]; lines: AsyncIterator<string>; folder: string },
  ) {
    this.#child = child;
    this.ports = parts.ports;
    this.#lines = parts.lines;
    this.#folder = parts.folder;
  }

  static async start(flows: number, address = '127.0.0.1'): Promise<RtpLoad> {
    const folder = await mkdtemp(join(tmpdir(), 'hookswitch-load-'));
    const program = join(folder, 'rtp-load');
    await run('cc', ['-O2', '-Wall', '-o', program, join(import.meta.dirname, 'rtp-load.c')]);
    const child = spawn(program, [String(flows), address]);
    endWithThisProcess(child);
    child.stderr.pipe(process.stderr);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    const ports = String(first.value).split(' ').slice(1).map(Number);
    if (ports.length !== flows) throw new Error(`rtp-load: expected ${flows} ports, got: ${String(first.value)}`);
    return new RtpLoad(child, { ports, lines, folder });
  }

  go(flow: number, to: { readonly address: string; readonly port: number }): void {
    this.#child.stdin.write(`go ${flow} ${to.address} ${to.port}\n`);
  }

  epoch(number: number): void {
    this.#child.stdin.write(`epoch ${number}\n`);
  }

  stop(): void {
    this.#child.stdin.write('stop\n');
  }

  async report(): Promise<TrunkReport> {
    this.#child.stdin.write('report\n');
    return JSON.parse(String((await this.#lines.next()).value)) as TrunkReport;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.stdin.end('quit\n');
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
