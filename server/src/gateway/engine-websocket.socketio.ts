import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { closeFrame, messageFrame, pongFrame } from './websocket-frame.ts';
import { FrameReader } from './websocket-reader.ts';
import type { FrameSink, Violation } from './websocket-reader.ts';
import { upgradeAnswer, upgradeProblem } from './websocket-upgrade.ts';

/** Pings of a client that does not read are not answered any more. */
const MOST_UNREAD_PONGS = 64 * 1024;
/** A client that was told to close may send nothing for so long, or so many more reads' worth; then it is cut. */
const CLOSING_MS = 3000;
const CLOSING_READS = 32;

type Sent = (error?: Error | null) => void;

/**
 * What Engine.IO uses of ws (its option `wsEngine`), made of the framing of the native endpoint: half as much memory for a
 * connection. Never compresses.
 */
export class EngineWebSockets {
  readonly #maxBytes: number;

  constructor(options: { readonly maxPayload: number }) {
    this.#maxBytes = options.maxPayload;
  }

  handleUpgrade(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    callback: (client: EngineWebSocket) => void,
  ): void {
    if (upgradeProblem(request) !== undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    // Engine.IO's stand-in for a response listens, and would keep the request as long as the connection.
    socket.removeAllListeners('close');
    socket.write(upgradeAnswer(request));
    const client = new EngineWebSocket(socket, this.#maxBytes);
    callback(client);
    client.begin(head);
  }

  /** Engine.IO closes its clients itself. */
  close(): void {
    return;
  }
}

/** The client whose socket it is: its listeners are the same functions for all. */
const CLIENT = Symbol('client');
type ClientSocket = Socket & { [CLIENT]?: EngineWebSocket };

/** One WebSocket as Engine.IO's transport knows it; it has one listener of each kind at a time. */
export class EngineWebSocket implements FrameSink {
  readonly _socket: ClientSocket;
  readonly #maxBytes: number;
  #reader: FrameReader | undefined;
  #closing = false;
  #reads = 0;
  #onMessage: ((data: string | Buffer, isBinary: boolean) => void) | undefined;
  #onClose: (() => void) | undefined;
  #onError: ((error: Error) => void) | undefined;

  constructor(socket: Socket, maxBytes: number) {
    this._socket = socket;
    this.#maxBytes = maxBytes;
  }

  /** Frames put together beforehand go the same way as others. */
  get _sender(): { sendFrame(frames: readonly Buffer[], sent: Sent): void } {
    return this;
  }

  /** @param head what came after the handshake */
  begin(head: Buffer): void {
    const socket = this._socket;
    socket[CLIENT] = this;
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.on('end', onEnd);
    socket.on('data', onData);
    if (head.length > 0) this.read(Buffer.from(head));
  }

  on(event: 'message' | 'close' | 'error', listener: (...args: never[]) => void): this {
    if (event === 'message') this.#onMessage = listener as (data: string | Buffer, isBinary: boolean) => void;
    else if (event === 'close') this.#onClose = listener;
    else this.#onError = listener as (error: Error) => void;
    return this;
  }

  once(event: 'close', listener: () => void): this {
    return this.on(event, listener);
  }

  removeListener(event: 'message' | 'close' | 'error', listener: (...args: never[]) => void): this {
    if (event === 'error' && this.#onError === listener) this.#onError = undefined;
    return this;
  }

  send(data: string | Buffer, sent: Sent): void {
    this.sendFrame([messageFrame(data)], sent);
  }

  sendFrame(frames: readonly Buffer[], sent: Sent): void {
    if (this.#closing || !this._socket.writable) sent(new Error('the WebSocket is closed'));
    else this._socket.write(frames.length === 1 ? (frames[0] ?? '') : Buffer.concat(frames), sent);
  }

  close(): void {
    if (!this.#closing) this.#end(closeFrame(1000));
  }

  terminate(): void {
    this._socket.destroy();
  }

  /** For its socket. */
  read(chunk: Buffer): void {
    if (this.#closing && (this.#reads += 1) > CLOSING_READS) this.terminate();
    if (this._socket.writableEnded) return;
    const reader = (this.#reader ??= new FrameReader(this, this.#maxBytes));
    reader.read(chunk);
    if (reader.idle) this.#reader = undefined;
  }

  /** For its socket. */
  gone(): void {
    this.#onClose?.();
  }

  /** For its socket. */
  broke(error: Error): void {
    this.#onError?.(error);
  }

  onText(text: string): void {
    if (!this.#closing) this.#onMessage?.(text, false);
  }

  onBinary(payload: Buffer): void {
    if (!this.#closing) this.#onMessage?.(payload, true);
  }

  onPing(payload: Buffer): void {
    const { writable, writableLength } = this._socket;
    if (!this.#closing && writable && writableLength < MOST_UNREAD_PONGS) this._socket.write(pongFrame(payload));
  }

  onClose(code: number | undefined): void {
    if (!this.#closing && this._socket.writable) this._socket.write(closeFrame(code));
    this.#closing = true;
    this._socket.destroySoon();
  }

  onViolation({ code, reason }: Violation): void {
    if (!this.#closing) this.#end(closeFrame(code, reason));
    this.#onError?.(new Error(reason));
  }

  #end(frame: Buffer): void {
    this.#closing = true;
    this._socket.end(frame);
    this._socket.setTimeout(CLOSING_MS, cut);
  }
}

function onData(this: ClientSocket, chunk: Buffer): void {
  this[CLIENT]?.read(chunk);
}

/** The client writes no more: nothing that it gets would be answered. */
function onEnd(this: ClientSocket): void {
  this.destroySoon();
}

function onError(this: ClientSocket, error: Error): void {
  this[CLIENT]?.broke(error);
}

function onClose(this: ClientSocket): void {
  this[CLIENT]?.gone();
}

function cut(this: ClientSocket): void {
  this.destroy();
}
