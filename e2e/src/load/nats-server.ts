import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from '../fixtures/processes.ts';
import type { Started } from '../fixtures/processes.ts';
import { freeTcpPort } from './free-port.ts';

/** A nats-server of a benchmark's own, on loopback, without credentials; its data goes with `close()`. */
export class NatsServer {
  readonly url: string;
  readonly pid: number;
  /** Of its own WebSocket listener. */
  readonly webSocketPort: number;
  readonly #started: Started;
  readonly #folder: string;

  private constructor(
    started: Started,
    folder: string,
    ports: { readonly client: number; readonly webSocket: number },
  ) {
    this.#started = started;
    this.#folder = folder;
    this.pid = started.pid;
    this.url = `nats://127.0.0.1:${ports.client}`;
    this.webSocketPort = ports.webSocket;
  }

  static async start(): Promise<NatsServer> {
    const folder = await mkdtemp(join(tmpdir(), 'hookswitch-nats-'));
    const ports = { client: await freeTcpPort(), webSocket: await freeTcpPort() };
    const config = join(folder, 'nats.conf');
    await writeFile(
      config,
      `listen: "127.0.0.1:${ports.client}"
max_connections: 65536
write_deadline: "10s"
jetstream { store_dir: ${JSON.stringify(join(folder, 'jetstream'))}, max_memory_store: 64MB, max_file_store: 8GB }
websocket { listen: "127.0.0.1:${ports.webSocket}", no_tls: true }
`,
    );
    const started = start('nats-server', ['--config', config], {
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
    });
    const server = new NatsServer(started, folder, ports);
    try {
      await started.waitFor(/Server is ready/);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  async close(): Promise<void> {
    await this.#started.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
