import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { systemClock } from '../../kernel/index.ts';
import { Waiting } from '../../testing/waiting.ts';

/** A message of a stream as an application gets it. */
export interface StreamMessage {
  readonly event: string;
  readonly sequenceNumber?: string;
  readonly streamSid?: string;
  readonly start?: { readonly tracks: string[]; readonly customParameters: Record<string, string> };
  readonly media?: {
    readonly track: string;
    readonly chunk: string;
    readonly timestamp: string;
    readonly payload: string;
  };
  readonly mark?: { readonly name: string };
  readonly dtmf?: { readonly digit: string; readonly track: string };
}

/** One connection of the application's server. */
export class StreamPeer {
  readonly messages: StreamMessage[] = [];
  /** When each came, monotonic milliseconds. */
  readonly cameAt: number[] = [];
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  readonly socket: WebSocket;
  closeCode: number | undefined;
  readonly #waiting = new Waiting();

  constructor(socket: WebSocket, headers: IncomingHttpHeaders, url: string) {
    this.socket = socket;
    this.headers = headers;
    this.url = url;
    socket.on('message', (data: Buffer) => {
      this.cameAt.push(systemClock.monotonic());
      this.messages.push(JSON.parse(data.toString('utf8')) as StreamMessage);
      this.#waiting.wake();
    });
    socket.on('close', (code) => {
      this.closeCode = code;
      this.#waiting.wake();
    });
    socket.on('error', () => undefined);
  }

  of(event: string, track?: string): StreamMessage[] {
    return this.messages.filter((one) => one.event === event && (track === undefined || one.media?.track === track));
  }

  until(condition: () => boolean): Promise<void> {
    return this.#waiting.until(condition);
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  get streamSid(): string {
    return this.messages.find(({ event }) => event === 'start')?.streamSid ?? '';
  }

  play(payload: Uint8Array): void {
    this.send({
      event: 'media',
      streamSid: this.streamSid,
      media: { payload: Buffer.from(payload).toString('base64') },
    });
  }

  mark(name: string): void {
    this.send({ event: 'mark', streamSid: this.streamSid, mark: { name } });
  }

  clear(): void {
    this.send({ event: 'clear', streamSid: this.streamSid });
  }
}

/** A WebSocket server as an application has it. */
export class StreamApp implements AsyncDisposable {
  readonly peers: StreamPeer[] = [];
  readonly #http = createServer();
  readonly #server = new WebSocketServer({ server: this.#http });
  readonly #waiting = new Waiting();

  static async open(): Promise<StreamApp> {
    const app = new StreamApp();
    app.#server.on('connection', (socket, request) => {
      app.peers.push(new StreamPeer(socket, request.headers, request.url ?? ''));
      app.#waiting.wake();
    });
    app.#server.on('headers', (headers) => {
      headers.push('Set-Cookie: b=2; Path=/');
    });
    app.#http.listen(0, '127.0.0.1');
    await once(app.#http, 'listening');
    return app;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}/stream`;
  }

  async peer(n = 0): Promise<StreamPeer> {
    await this.#waiting.until(() => this.peers.length > n);
    const peer = this.peers[n];
    if (peer === undefined) throw new Error('no such connection');
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, 'close');
  }
}
