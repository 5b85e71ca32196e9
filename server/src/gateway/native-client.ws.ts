import type { Socket } from 'node:net';
import { HUB_LIMITS } from '@hookswitch/shared';
import { OutboundFrame } from '../hub/index.ts';
import type { FrameEncoder } from '../hub/index.ts';
import type { Log } from '../kernel/index.ts';
import type { ClientTransport, ConnectionAcceptor, TransportEvents } from './ports.ts';
import { writeTcp } from './tcp-write.ts';
import { closeFrame, pongFrame, textFrame } from './websocket-frame.ts';
import { FrameReader } from './websocket-reader.ts';
import type { FrameSink, Violation } from './websocket-reader.ts';

const NATIVE: FrameEncoder = { name: 'native', encode: textFrame };
/** Pings of a client that does not read are not answered any more. */
const MOST_UNREAD_PONGS = 64 * 1024;
const NEITHER = 1006;
/** What a connection that is not in order becomes to the gateway: a frame that nobody could understand. */
const GARBAGE = { value: undefined };

/** What all clients of a listener share. */
export interface Listening {
  readonly gateway: ConnectionAcceptor;
  readonly logger: Log;
  readonly clients: Set<NativeClient>;
}

/** The listeners of a client's socket are the same functions for all clients, since there are very many: this is whose it is. */
const CLIENT = Symbol('client');
type ClientSocket = Socket & { [CLIENT]?: NativeClient };

/**
 * One client's WebSocket, on a TCP connection whose opening handshake was answered. It is as little as can be kept for a
 * connection without traffic; see docs/adr/0024-speed-of-the-hub.md.
 */
export class NativeClient implements ClientTransport, FrameSink {
  readonly #socket: ClientSocket;
  readonly #listening: Listening;
  readonly #connection: TransportEvents;
  #reader: FrameReader | undefined;
  #closeSent = false;
  /** What the client said; told to the gateway when the TCP connection is gone. */
  #code = NEITHER;

  /** @param head what came after the handshake */
  constructor(socket: Socket, head: Buffer, listening: Listening) {
    this.#socket = socket;
    this.#listening = listening;
    this.#socket[CLIENT] = this;
    this.#connection = listening.gateway.accept(this);
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.on('end', onEnd);
    socket.on('drain', onDrain);
    socket.on('data', onData);
    if (head.length > 0) this.read(Buffer.from(head));
  }

  get name(): 'ws' {
    return 'ws';
  }

  /** Asked of the socket, which would keep it with the port and family if it were asked for every client. */
  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? '';
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  send(frames: readonly OutboundFrame[]): void {
    if (!this.#closeSent && this.#socket.writable) writeTcp(this.#socket, OutboundFrame.concat(frames, NATIVE));
  }

  /** The client answers with its own close frame; whoever waits for that in vain calls {@link terminate}. */
  close(code: number, reason: string): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    if (this.#socket.writable) this.#socket.write(closeFrame(code, reason));
  }

  terminate(): void {
    this.#socket.destroy();
  }

  /** For its socket. */
  read(chunk: Buffer): void {
    // What comes behind an error is let go by unseen, until the client has read what was wrong.
    if (this.#socket.writableEnded) return;
    const reader = (this.#reader ??= new FrameReader(this, HUB_LIMITS.maxFrameBytes));
    reader.read(chunk);
    if (reader.idle) this.#reader = undefined;
  }

  /** For its socket. */
  drained(): void {
    this.#connection.drained();
  }

  /** For its socket. */
  gone(): void {
    this.#listening.clients.delete(this);
    this.#connection.closed(`transport closed with ${this.#code}`);
  }

  /** For its socket. */
  broke(error: Error): void {
    this.#listening.logger.debug({ err: error }, 'the connection of a client broke');
  }

  onText(text: string): void {
    this.#connection.received({ text });
  }

  onBinary(): void {
    this.#connection.received(GARBAGE);
  }

  onPing(payload: Buffer): void {
    const { writable, writableLength } = this.#socket;
    if (!this.#closeSent && writable && writableLength < MOST_UNREAD_PONGS) this.#socket.write(pongFrame(payload));
  }

  onClose(code: number | undefined): void {
    this.#code = code ?? 1005;
    if (!this.#closeSent && this.#socket.writable) this.#socket.write(closeFrame(code));
    this.#closeSent = true;
    this.#socket.destroySoon();
  }

  /** The gateway lets go of what it holds and sees to it that the connection ends, however long the client takes. */
  onViolation({ code, reason }: Violation): void {
    this.#listening.logger.debug({ code }, `a client broke the WebSocket protocol: ${reason}`);
    if (this.#closeSent) this.#socket.end();
    else this.#socket.end(closeFrame(code, reason));
    this.#closeSent = true;
    this.#connection.received(GARBAGE);
  }
}

function onData(this: ClientSocket, chunk: Buffer): void {
  this[CLIENT]?.read(chunk);
}

function onDrain(this: ClientSocket): void {
  this[CLIENT]?.drained();
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
