import { writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from '../fixtures/processes.ts';
import type { Started } from '../fixtures/processes.ts';
import { REPOSITORY } from '../fixtures/server.ts';
import { freeTcpPort } from '../load/free-port.ts';

/** Half a minute on, then as much behind, then right again. */
const STEPS_MS = [0, 30_000, -30_000] as const;

/** A process with the role `gateway` alone, on a port that it keeps over its lives. */
export class GatewayProcess {
  readonly port: number;
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  #process: Started | undefined;
  #paused = false;
  #steps = 0;

  private constructor(folder: string, port: number, env: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.port = port;
    this.#env = env;
  }

  /** @param env NATS_URL and HOOKSWITCH_MASTER_KEY */
  static async start(env: Readonly<Record<string, string>>): Promise<GatewayProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'hookswitch-chaos-gateway-'));
    const gateway = new GatewayProcess(folder, await freeTcpPort(), env);
    await gateway.startAgain();
    return gateway;
  }

  /** Takes connections, and answers them unless it is paused. */
  get up(): boolean {
    return this.#process !== undefined;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** What it printed in this life. */
  get output(): string {
    return this.#process?.output() ?? '';
  }

  async startAgain(): Promise<void> {
    // Before everything else: the clock that a step moves.
    const preload = ['--import', join(REPOSITORY, 'e2e/src/chaos/clock-step.ts')];
    const args = ['--roles', 'gateway', '--data-dir', this.#folder, '--port', String(this.port), '--log-json'];
    const started = start(process.execPath, [...preload, join(REPOSITORY, 'server/src/main.ts'), 'start', ...args], {
      env: { ...process.env, ...this.#env, CHAOS_CLOCK_FILE: this.#clockFile },
    });
    try {
      await started.waitFor(/hookswitch is ready/i, 60_000);
    } catch (error) {
      await started.stop('SIGKILL');
      throw error;
    }
    this.#process = started;
    this.#steps = 0;
    void started.exited.then((how) => {
      if (this.#process !== started) return;
      this.#process = undefined;
      console.error(`a gateway ended by itself (${how}):\n${started.output().slice(-2000)}`);
    });
  }

  pause(): void {
    this.#paused = this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
    this.#paused = false;
  }

  /** Its wall clock jumps. */
  stepClock(): void {
    this.#setClock((this.#steps + 1) % STEPS_MS.length);
  }

  rightClock(): void {
    this.#setClock(0);
  }

  async kill(): Promise<void> {
    const started = this.#process;
    this.#process = undefined;
    this.#paused = false;
    await started?.stop('SIGKILL');
  }

  /** Bytes of memory it has now. */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#process?.pid ?? 0}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #clockFile(): string {
    return join(this.#folder, 'clock');
  }

  #setClock(step: number): void {
    writeFileSync(this.#clockFile, String(STEPS_MS[step] ?? 0));
    if (this.#signal('SIGUSR2')) this.#steps = step;
  }

  #signal(signal: NodeJS.Signals): boolean {
    if (this.#process === undefined) return false;
    process.kill(this.#process.pid, signal);
    return true;
  }
}
