import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'nats';
import type { NatsConnection } from 'nats';
import { start } from '../fixtures/processes.ts';
import type { Started } from '../fixtures/processes.ts';
import { freeTcpPort } from '../load/free-port.ts';

/** A nats-server with a data directory and a port of its own, which outlive being killed. */
export class NatsProcess {
  readonly url: string;
  readonly #folder: string;
  #process: Started;
  readonly #streams = new Map<string, string>();

  private constructor(folder: string, port: number, process: Started) {
    this.#folder = folder;
    this.url = `nats://127.0.0.1:${port}`;
    this.#process = process;
  }

  static async start(): Promise<NatsProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'hookswitch-chaos-nats-'));
    const port = await freeTcpPort();
    const store = JSON.stringify(join(folder, 'jetstream'));
    await writeFile(
      join(folder, 'nats.conf'),
      `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${store}, max_file_store: 8GB }\n`,
    );
    return new NatsProcess(folder, port, await launch(folder));
  }

  /** SIGKILL. What was acknowledged is on its disk. */
  async kill(): Promise<void> {
    process.kill(this.#process.pid, 'SIGKILL');
    await this.#process.exited;
  }

  /** SIGSTOP: connections stay, nothing is answered. */
  pause(): void {
    process.kill(this.#process.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.#process.pid, 'SIGCONT');
  }

  async startAgain(): Promise<void> {
    this.#process = await launch(this.#folder);
  }

  /** Deletes the stream that holds the account's events and makes it anew with the same configuration. */
  async recreateStream(account: string): Promise<void> {
    await this.#using(async (nats) => {
      const manager = await nats.jetstreamManager();
      const name = await this.#streamOf(nats, account);
      const { config } = await manager.streams.info(name);
      await manager.streams.delete(name);
      await manager.streams.add(config).catch(async (error: unknown) => {
        // A gateway may have been faster.
        await manager.streams.info(name).catch(() => {
          throw error;
        });
      });
    });
  }

  /** Drops all but the newest events of the stream, as retention does. */
  async purgeStream(account: string, keep: number): Promise<void> {
    await this.#using(async (nats) => {
      const manager = await nats.jetstreamManager();
      await manager.streams.purge(await this.#streamOf(nats, account), { keep });
    });
  }

  async close(): Promise<void> {
    await this.#process.stop('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Looked for once: an empty stream does not tell whose it is. */
  async #streamOf(nats: NatsConnection, account: string): Promise<string> {
    const name = this.#streams.get(account) ?? (await streamOf(nats, account));
    this.#streams.set(account, name);
    return name;
  }

  async #using(work: (nats: NatsConnection) => Promise<void>): Promise<void> {
    const nats = await connect({ servers: this.url });
    try {
      await work(nats);
    } finally {
      await nats.close();
    }
  }
}

/** The stream that has events of the account. */
async function streamOf(nats: NatsConnection, account: string): Promise<string> {
  const manager = await nats.jetstreamManager();
  for await (const { config } of manager.streams.list()) {
    if (!config.name.startsWith('EVENTS_')) continue;
    const shard = config.name.slice('EVENTS_'.length);
    const filter = `hs.in.${shard}.${account}.>`;
    const info = await manager.streams.info(config.name, { subjects_filter: filter });
    if (Object.keys(info.state.subjects ?? {}).length > 0) return config.name;
  }
  throw new Error(`no stream holds events of ${account}`);
}

async function launch(folder: string): Promise<Started> {
  const started = start('nats-server', ['--config', join(folder, 'nats.conf')], {
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
  });
  try {
    await started.waitFor(/Server is ready/);
  } catch (error) {
    await started.stop('SIGKILL');
    throw error;
  }
  return started;
}
