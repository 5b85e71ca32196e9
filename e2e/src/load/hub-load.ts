import { once } from 'node:events';
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { endWithThisProcess } from '../fixtures/processes.ts';

/** What the readers saw since the last reset. */
export interface HubLoadReport {
  readonly received: number;
  readonly bytes: number;
  readonly reads: number;
  /** Age of events on arrival, from when the driver made them. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly longest_ms: number;
  /** Events of the connection that got the fewest. */
  readonly least: number;
  readonly closed: number;
}

/** How clients of one kind of server come to be subscribers. */
export interface ClientKind {
  readonly path: string;
  readonly subprotocol?: string;
  readonly binary?: boolean;
  /** `send:TEXT` or `expect:TEXT`, in order. */
  readonly steps: readonly string[];
}

/** The time that an event carries, for {@link HubLoad} to tell its age by. */
export function eventMark(): string {
  return `#T${String(process.hrtime.bigint() / 1000n).padStart(16, '0')}#`;
}

/** N connections of one kind, held by hub-load.c. */
export class HubLoad {
  readonly connections: number;
  /** Until all of them were subscribed. */
  readonly connectSeconds: number;
  readonly #child: ChildProcessWithoutNullStreams;
  #waiting: ((line: string) => void) | undefined;
  /** Events that every reader got on average, as `progress` tells. */
  #progress = 0;
  #onProgress: (() => void) | undefined;

  private constructor(child: ChildProcessWithoutNullStreams, connections: number, connectSeconds: number) {
    this.#child = child;
    this.connections = connections;
    this.connectSeconds = connectSeconds;
  }

  static async open(program: string, port: number, connections: number, kind: ClientKind): Promise<HubLoad> {
    const child = spawn(program, [
      String(port),
      String(connections),
      kind.path,
      kind.subprotocol ?? '-',
      kind.binary === true ? 'binary' : 'text',
      ...kind.steps,
    ]);
    endWithThisProcess(child);
    child.stderr.pipe(process.stderr);
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([once(lines, 'line'), once(child, 'exit')]);
    const ready = /^ready (\d+) ([\d.]+)$/.exec(String(first[0]));
    if (ready === null) throw new Error(`hub-load ended while connecting to ${kind.path}: ${String(first[0])}`);
    const load = new HubLoad(child, Number(ready[1]), Number(ready[2]));
    lines.on('line', (line) => {
      load.#line(line);
    });
    return load;
  }

  /** Counters start at zero. What was told before is of no interest any more. */
  async reset(): Promise<void> {
    await this.#ask('reset');
    this.#progress = 0;
  }

  /** The first `count` connections are not read any more. */
  stall(count: number): void {
    this.#child.stdin.write(`stall ${count}\n`);
  }

  async report(): Promise<HubLoadReport> {
    return JSON.parse(await this.#ask('report')) as HubLoadReport;
  }

  /** Events arrived at every reader on average, told in steps of `every`; 0 ends it. */
  tellProgress(every: number): void {
    this.#child.stdin.write(`progress ${every}\n`);
  }

  /** Resolves when `events` were told of, or after `timeoutMs`. */
  async arrived(events: number, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (this.#progress < events) {
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#onProgress = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return true;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end('quit\n');
    await exited;
  }

  #ask(question: string): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#child.stdin.write(`${question}\n`);
    });
  }

  #line(line: string): void {
    const progress = /^progress (\d+)$/.exec(line);
    if (progress === null) {
      this.#waiting?.(line);
      return;
    }
    this.#progress = Number(progress[1]);
    this.#onProgress?.();
  }
}
