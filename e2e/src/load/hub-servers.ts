import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'nats';
import type { NatsConnection } from 'nats';
import { endWithThisProcess } from '../fixtures/processes.ts';
import { HubLoad } from './hub-load.ts';
import type { ClientKind } from './hub-load.ts';
import { NatsServer } from './nats-server.ts';
import { Target } from './target.ts';

/** A server under load with its clients. */
export interface LoadedServer {
  /** The processes whose CPU is counted. */
  readonly pids: readonly number[];
  readonly load: HubLoad;
  /** Has one event sent to every client, `copies` times. */
  emit(copies: number, event: string): void;
  /** Events that may be on their way at once when it is pushed as hard as it goes. */
  readonly window: number;
  close(): Promise<void>;
}

/** What the program of ours says of itself at start. */
export interface GatewayHello {
  readonly port: number;
  readonly token: string;
  readonly topic: string;
  readonly account: string;
  readonly subject: string;
}

interface LoadOptions {
  /** Path of hub-load, compiled. */
  readonly program: string;
  readonly connections: number;
}

/** Hub and gateway of one node, below the repository. */
export const GATEWAY_PROGRAM = 'server/src/gateway/testing/node.nats.ts';

const connectFrame = (token: string): string => JSON.stringify({ type: 'connect', id: 1, token });
const subscribeFrame = (topic: string): string => JSON.stringify({ type: 'subscribe', id: 2, topic });

export function nativeClients({ token, topic }: Pick<GatewayHello, 'token' | 'topic'>): ClientKind {
  return {
    path: '/v1/hub',
    subprotocol: 'hookswitch.v1',
    steps: [`send:${connectFrame(token)}`, `send:${subscribeFrame(topic)}`, 'expect:"type":"subscribed"'],
  };
}

export function socketIoClients({ token, topic }: GatewayHello): ClientKind {
  return {
    path: '/socket.io/?EIO=4&transport=websocket',
    steps: [
      'expect:0{',
      `send:40${JSON.stringify({ token })}`,
      'expect:"type":"connected"',
      `send:42["hs",${subscribeFrame(topic)}]`,
      'expect:"type":"subscribed"',
    ],
  };
}

/** Hub and gateway in a process of their own, and the nats-server that events reach them by. */
export class OurGateway {
  readonly pid: number;
  readonly natsPid: number;
  readonly hello: GatewayHello;
  readonly #target: Target;
  readonly #nats: NatsServer;
  readonly #publisher: NatsConnection;

  private constructor(parts: {
    readonly target: Target;
    readonly hello: GatewayHello;
    readonly nats: NatsServer;
    readonly publisher: NatsConnection;
  }) {
    this.#target = parts.target;
    this.hello = parts.hello;
    this.#nats = parts.nats;
    this.#publisher = parts.publisher;
    this.pid = parts.target.pid;
    this.natsPid = parts.nats.pid;
  }

  /** @param options of the gateway */
  static async start(options: Readonly<Record<string, unknown>> = {}): Promise<OurGateway> {
    const nats = await NatsServer.start();
    const args = [nats.url, JSON.stringify(options)];
    const { target, hello } = await Target.start<GatewayHello>(GATEWAY_PROGRAM, { args });
    return new OurGateway({ target, hello, nats, publisher: await connect({ servers: nats.url }) });
  }

  /** Publishes as backends do: what JetStream stored comes to the gateway. */
  publish(copies: number, event: string): void {
    for (let left = copies; left > 0; left--) this.#publisher.publish(this.hello.subject, event);
  }

  figures(): Promise<{ rss: number; heapUsed: number; external: number; connections: number }> {
    return this.#target.ask('memory');
  }

  async close(): Promise<void> {
    await this.#publisher.close();
    await this.#target.close();
    await this.#nats.close();
  }
}

export async function openOurs(options: LoadOptions, kind: 'native' | 'socketio'): Promise<LoadedServer> {
  const gateway = await OurGateway.start();
  const clients = kind === 'native' ? nativeClients(gateway.hello) : socketIoClients(gateway.hello);
  const load = await HubLoad.open(options.program, gateway.hello.port, options.connections, clients);
  return {
    pids: [gateway.pid],
    load,
    window: 512,
    emit: (copies, event) => {
      gateway.publish(copies, event);
    },
    close: async () => {
      await load.close();
      await gateway.close();
    },
  };
}

/** Servers as others write them: the same work with nothing of ours. */
export const PEERS: Readonly<Record<'ws' | 'socketio', { readonly program: string; readonly clients: ClientKind }>> = {
  ws: { program: 'server/src/gateway/testing/peer.ws.ts', clients: { path: '/', steps: [] } },
  socketio: {
    program: 'server/src/gateway/testing/peer.socketio.ts',
    clients: {
      path: '/socket.io/?EIO=4&transport=websocket',
      steps: ['expect:0{', 'send:40', 'expect:"joined"'],
    },
  },
};

export async function openPeer(options: LoadOptions, name: 'ws' | 'socketio'): Promise<LoadedServer> {
  const { program, clients } = PEERS[name];
  const { target, hello } = await Target.start<{ port: number }>(program);
  const load = await HubLoad.open(options.program, hello.port, options.connections, clients);
  return {
    pids: [target.pid],
    load,
    window: 32,
    emit: (copies, event) => {
      target.tell(`emit ${copies} ${event}`);
    },
    close: async () => {
      await load.close();
      await target.close();
    },
  };
}

/** nats-server alone: its own WebSocket listener, core publish and subscribe. */
export async function openNats(options: LoadOptions): Promise<LoadedServer> {
  const nats = await NatsServer.start();
  const publisher = await connect({ servers: nats.url });
  const load = await HubLoad.open(options.program, nats.webSocketPort, options.connections, {
    path: '/',
    binary: true,
    steps: [
      'expect:INFO',
      'send:CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\nSUB bench 1\r\nPING\r\n',
      'expect:PONG',
    ],
  });
  return {
    pids: [nats.pid],
    load,
    window: 512,
    emit: (copies, event) => {
      for (let left = copies; left > 0; left--) publisher.publish('bench', event);
    },
    close: async () => {
      await load.close();
      await publisher.close();
      await nats.close();
    },
  };
}

/** hub-floor.c: `send()` in a loop. */
export async function openFloor(options: LoadOptions & { readonly floor: string }): Promise<LoadedServer> {
  const child = spawn(options.floor, [], { stdio: ['pipe', 'pipe', 'inherit'] });
  endWithThisProcess(child);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  const { port } = JSON.parse(chunk.toString()) as { port: number };
  const load = await HubLoad.open(options.program, port, options.connections, { path: '/', steps: [] });
  return {
    pids: [child.pid ?? 0],
    load,
    window: 512,
    emit: (copies, event) => {
      child.stdin.write(`emit ${copies} ${event}\n`);
    },
    close: async () => {
      await load.close();
      const exited = once(child, 'exit');
      child.stdin.end('quit\n');
      await exited;
    },
  };
}
