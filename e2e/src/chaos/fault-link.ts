import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How bytes pass a link. */
export interface LinkManners {
  /** Milliseconds that every chunk waits. */
  readonly latencyMs?: number;
  /** Bytes a second in each direction. */
  readonly bandwidth?: number;
  /** The first bytes of every chunk go one by one. */
  readonly slices?: boolean;
}

/** Bytes of a chunk that are written one by one: enough to cut every header. */
const SLICED_BYTES = 64;

/**
 * The network between one client and whichever gateway the balancer gives it: plain TCP, with the faults of a network.
 * Connections go to `target()` at the time they begin.
 */
export class FaultLink {
  readonly #server: Server;
  readonly #target: () => number | undefined;
  readonly #pairs = new Set<{ readonly client: Socket; readonly gateway: Socket }>();
  #manners: LinkManners = {};
  #held = false;

  private constructor(server: Server, target: () => number | undefined) {
    this.#server = server;
    this.#target = target;
    server.on('connection', (client) => {
      this.#accept(client);
    });
  }

  /** @param target port of a gateway on loopback; undefined: refused */
  static async open(target: () => number | undefined): Promise<FaultLink> {
    const server = createServer({ pauseOnConnect: true });
    const link = new FaultLink(server, target);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** For what comes from now on. */
  behave(manners: LinkManners): void {
    this.#manners = manners;
  }

  /** Black hole: what the gateway sends is not read any more, though connections stay and new ones are accepted. */
  hold(): void {
    this.#held = true;
    for (const { gateway } of this.#pairs) gateway.pause();
  }

  release(): void {
    this.#held = false;
    for (const { gateway } of this.#pairs) gateway.resume();
  }

  /** RST in both directions. */
  reset(): void {
    for (const { client, gateway } of this.#pairs) {
      client.resetAndDestroy();
      gateway.resetAndDestroy();
    }
  }

  /** The client's side ends, the gateway's stays open. */
  halfClose(): void {
    for (const { gateway } of this.#pairs) gateway.end();
  }

  async close(): Promise<void> {
    this.reset();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    const port = this.#target();
    if (port === undefined) {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const gateway = connect({ port, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    const pair = { client, gateway };
    this.#pairs.add(pair);
    const over = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      gateway.destroy();
    };
    for (const socket of [client, gateway]) {
      socket.on('error', over);
      socket.on('close', over);
    }
    this.#carry(client, gateway);
    this.#carry(gateway, client);
    if (this.#held) gateway.pause();
    client.resume();
  }

  /** In order, and no faster than the other side takes it. */
  #carry(from: Socket, to: Socket): void {
    let last = Promise.resolve();
    let queued = 0;
    from.on('data', (chunk: Buffer) => {
      const { latencyMs = 0, bandwidth, slices = false } = this.#manners;
      const wait = latencyMs + (bandwidth === undefined ? 0 : (chunk.length / bandwidth) * 1000);
      if (wait === 0 && !slices && queued === 0) {
        if (!to.write(chunk)) from.pause();
        return;
      }
      from.pause();
      queued++;
      last = last.then(async () => {
        if (wait > 0) await sleep(wait);
        await writeAll(to, chunk, slices);
        queued--;
        this.#resume(from);
      });
    });
    to.on('drain', () => {
      this.#resume(from);
    });
    from.on('end', () => {
      void last.then(() => to.end());
    });
  }

  #resume(from: Socket): void {
    const isGateway = [...this.#pairs].some(({ gateway }) => gateway === from);
    if (!(this.#held && isGateway)) from.resume();
  }
}

async function writeAll(to: Socket, chunk: Buffer, slices: boolean): Promise<void> {
  const cut = slices ? Math.min(SLICED_BYTES, chunk.length) : 0;
  for (let index = 0; index < cut; index++) {
    if (to.writable) to.write(chunk.subarray(index, index + 1));
    await new Promise(setImmediate);
  }
  if (cut < chunk.length && to.writable) to.write(chunk.subarray(cut));
}
