import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { HUB_SUBPROTOCOL, SOCKETIO_EVENT, serverFrameSchema } from '@hookswitch/shared';
import type { ClientFrameInput, ServerFrame } from '@hookswitch/shared';
import { createMetrics, silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';
import { hubFixture } from '../../hub/testing/fixtures.ts';
import type { HubFixture } from '../../hub/testing/fixtures.ts';
import { createGateway } from '../index.ts';
import type { Gateway, GatewayOptions } from '../index.ts';
import { listenSocketIo } from '../listener.socketio.ts';
import { listenWebSocket } from '../listener.ws.ts';

export interface GatewayFixture extends HubFixture, AsyncDisposable {
  readonly gateway: Gateway;
  readonly port: number;
}

/** Hub, gateway and both listeners on a free port. */
export async function gatewayFixture(
  options: Partial<GatewayOptions> = {},
  clock: Clock = systemClock,
): Promise<GatewayFixture> {
  const fixture = hubFixture(clock, 0);
  const gateway = createGateway({
    hub: fixture.hub,
    node: 'node-1',
    clock,
    random: systemRandom,
    logger: silentLog,
    metrics: createMetrics(),
    ...options,
  });
  const server = createServer();
  const listeners = [
    listenWebSocket({ server, gateway, logger: silentLog }),
    listenSocketIo({ server, gateway, logger: silentLog }),
  ];
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    ...fixture,
    gateway,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      await gateway.drain({ spreadMs: 0, deadlineMs: 1000 });
      for (const listener of listeners) await listener.close();
      await fixture.hub.close();
      await fixture.log.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

type Frame<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

/** A client that keeps every frame; frames that do not fit the schema fail the test that waits. */
export class TestClient {
  readonly frames: ServerFrame[] = [];
  readonly closed: Promise<number | undefined>;
  readonly #send: (frame: unknown) => void;
  readonly #close: () => void;
  readonly #endPromise = Promise.withResolvers<number | undefined>();
  #waiters: (() => void)[] = [];
  #ended = false;

  constructor(send: (frame: unknown) => void, close: () => void) {
    this.#send = send;
    this.#close = close;
    this.closed = this.#endPromise.promise;
  }

  receive(frame: unknown): void {
    this.frames.push(serverFrameSchema.parse(frame));
    this.#wake();
  }

  end(code: number | undefined): void {
    this.#ended = true;
    this.#endPromise.resolve(code);
    this.#wake();
  }

  send(frame: ClientFrameInput): void {
    this.#send(frame);
  }

  raw(frame: unknown): void {
    this.#send(frame);
  }

  async close(): Promise<void> {
    this.#close();
    await this.closed;
  }

  /** The first frame of this type that fits, past or future. */
  async next<T extends ServerFrame['type']>(
    type: T,
    fits: (frame: Frame<T>) => boolean = () => true,
  ): Promise<Frame<T>> {
    for (;;) {
      const found = this.frames.find((frame): frame is Frame<T> => frame.type === type && fits(frame as Frame<T>));
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`closed before a ${type} frame came; got ${JSON.stringify(this.frames)}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Sends a command and resolves with whatever answers it. */
  async ask(frame: ClientFrameInput & { id: number }): Promise<ServerFrame> {
    this.send(frame);
    for (;;) {
      const found = this.frames.find((answer) => 'id' in answer && answer.id === frame.id);
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`closed before ${frame.type} was answered`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Resolves when another frame is there. @throws Error when the connection has ended */
  async arrival(): Promise<void> {
    if (this.#ended) throw new Error(`closed; got ${JSON.stringify(this.frames)}`);
    await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  events(): Frame<'event'>[] {
    return this.frames.filter((frame) => frame.type === 'event');
  }

  async eventCount(count: number): Promise<Frame<'event'>[]> {
    while (this.events().length < count) {
      if (this.#ended) throw new Error(`closed after ${this.events().length} of ${count} events`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return this.events();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

export async function nativeClient(port: number): Promise<TestClient & { socket: WebSocket }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/hub`, HUB_SUBPROTOCOL);
  const client = Object.assign(
    new TestClient(
      (frame) => {
        socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
      },
      () => {
        socket.close();
      },
    ),
    { socket },
  );
  socket.on('message', (data) => {
    client.receive(JSON.parse((data as Buffer).toString()));
  });
  socket.on('close', (code) => {
    client.end(code);
  });
  socket.on('error', () => undefined);
  await once(socket, 'open');
  return client;
}

export async function socketIoClient(port: number, auth?: object, transports = ['websocket']): Promise<TestClient> {
  const socket = io(`http://127.0.0.1:${port}`, {
    forceNew: true,
    reconnection: false,
    transports,
    ...(auth === undefined ? {} : { auth }),
  });
  const client = new TestClient(
    (frame) => {
      socket.emit(SOCKETIO_EVENT, frame);
    },
    () => {
      socket.disconnect();
    },
  );
  socket.on(SOCKETIO_EVENT, (frame: unknown) => {
    client.receive(frame);
  });
  socket.on('disconnect', () => {
    client.end(undefined);
  });
  await new Promise<void>((resolve, reject) => {
    socket.on('connect', resolve);
    socket.on('connect_error', reject);
  });
  return client;
}

/** Connects on both transports alike. */
export const TRANSPORTS = {
  'native WebSocket': (port: number): Promise<TestClient> => nativeClient(port),
  'Socket.IO': (port: number): Promise<TestClient> => socketIoClient(port),
  'Socket.IO long-polling': (port: number): Promise<TestClient> => socketIoClient(port, undefined, ['polling']),
} as const;
