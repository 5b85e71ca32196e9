import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { GatewayHello } from './hub-servers.ts';

/** Subscriptions that a connection has here, and those that are asked for at once. */
const PER_CONNECTION = 1000;
const AT_ONCE = 100;

/** Topics of an account that are subscribed, once each, and never have an event. */
export class IdleTopics {
  readonly #hello: GatewayHello;
  readonly #sockets: WebSocket[] = [];
  #topics = 0;

  constructor(hello: GatewayHello) {
    this.#hello = hello;
  }

  /** Resolves when there are `count`. @throws Error with the answer of the gateway when it refuses one */
  async growTo(count: number): Promise<void> {
    let socket = this.#sockets.at(-1);
    while (this.#topics < count) {
      const room = PER_CONNECTION - (this.#topics % PER_CONNECTION);
      if (room === PER_CONNECTION || socket === undefined) this.#sockets.push((socket = await this.#connect()));
      const some = Math.min(AT_ONCE, room, count - this.#topics);
      await subscribe(
        socket,
        Array.from({ length: some }, () => `app.idle.t${this.#topics++}`),
      );
    }
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  async #connect(): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#hello.port}/v1/hub`, 'hookswitch.v1');
    await once(socket, 'open');
    socket.on('message', (data) => {
      const text = (data as Buffer).toString('utf8');
      if (text.startsWith('{"type":"ping"')) socket.send(text.replace('ping', 'pong'));
    });
    const answered = once(socket, 'message');
    socket.send(JSON.stringify({ type: 'connect', id: 1, token: this.#hello.token }));
    await answered;
    return socket;
  }
}

async function subscribe(socket: WebSocket, topics: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let left = topics.length;
    const onMessage = (data: unknown): void => {
      const text = (data as Buffer).toString('utf8');
      if (text.startsWith('{"type":"error"')) reject(new Error(`an idle topic was refused: ${text}`));
      if (!text.startsWith('{"type":"subscribed"') || --left > 0) return;
      socket.off('message', onMessage);
      resolve();
    };
    socket.on('message', onMessage);
    for (const [id, topic] of topics.entries()) socket.send(JSON.stringify({ type: 'subscribe', id: id + 2, topic }));
  });
}
