import type { IncomingMessage } from 'node:http';
import type { Socket } from 'socket.io';
import { SOCKETIO_EVENT } from '@hookswitch/shared';
import type { FrameEncoder, OutboundFrame } from '../hub/index.ts';
import { DirectWire } from './engine-wire.socketio.ts';
import type { ClientTransport, ConnectionAcceptor, TransportEvents } from './ports.ts';
import { textFrame } from './websocket-frame.ts';

/** An EVENT packet of the default namespace (socket.io-protocol 5): what `socket.emit('hs', frame)` would make of it. */
const packetOf = (json: string): string => `2["${SOCKETIO_EVENT}",${json}]`;
/** `4` is Engine.IO's message packet. */
const SOCKETIO: FrameEncoder = { name: 'socketio', encode: (json) => textFrame(`4${packetOf(json)}`) };

/** One client of the Socket.IO endpoint. */
export class SocketIoClient implements ClientTransport {
  readonly #socket: Socket;
  readonly #wire: DirectWire;
  readonly #connection: TransportEvents;
  /** Bytes handed over since everything was last taken; `unsent` packets still wait inside Engine.IO. */
  #outstanding = 0;
  #unsent = 0;

  private constructor(socket: Socket, gateway: ConnectionAcceptor) {
    this.#socket = socket;
    this.#wire = new DirectWire(socket.conn, SOCKETIO, this);
    this.#connection = gateway.accept(this);
  }

  /** Hands a new client over to the gateway. */
  static serve(socket: Socket, gateway: ConnectionAcceptor): void {
    new SocketIoClient(socket, gateway).#begin();
  }

  get name(): 'socketio' {
    return 'socketio';
  }

  get remoteAddress(): string {
    return this.#socket.handshake.address;
  }

  get bufferedBytes(): number {
    return this.#outstanding + this.#wire.bufferedBytes;
  }

  send(frames: readonly OutboundFrame[]): void {
    if (!this.#socket.connected || this.#wire.write(frames)) return;
    for (const frame of frames) this.#write(frame);
  }

  /** Socket.IO has no close codes: the disconnect frame before it says why. */
  close(): void {
    this.#socket.disconnect(true);
  }

  terminate(): void {
    this.#socket.conn.close(true);
  }

  /** For its wire. */
  drained(): void {
    this.#connection.drained();
  }

  #begin(): void {
    const socket = this.#socket;
    socket.onAny((name: string, value: unknown) => {
      this.#connection.received({ value: name === SOCKETIO_EVENT ? value : undefined });
    });
    socket.on('disconnect', (reason) => {
      this.#connection.closed(reason);
    });
    const token: unknown = socket.handshake.auth['token'];
    forgetRequest(socket);
    if (typeof token === 'string') this.#connection.received({ value: { type: 'connect', id: 0, token } });
  }

  #write(frame: OutboundFrame): void {
    const bytes = frame.bytes(SOCKETIO);
    this.#outstanding += bytes.length;
    this.#unsent += 1;
    // The shared WebSocket frame is used where the transport is a WebSocket, the text where it is polling. The option is
    // the one that socket.io's own adapter uses for rooms; its type leaves it out.
    const packetOptions = { compress: false, wsPreEncodedFrame: [bytes] };
    this.#socket.conn.write(packetOf(frame.json), packetOptions, () => {
      this.#unsent -= 1;
      if (this.#unsent > 0) return;
      this.#outstanding = 0;
      this.#connection.drained();
    });
  }
}

/**
 * The request that a connection began with, and what Socket.IO has read from it, would live as long as the connection. The
 * token is not needed any more either.
 */
function forgetRequest(socket: Socket): void {
  const { conn, handshake } = socket;
  handshake.auth = {};
  handshake.query = {};
  handshake.headers = {};
  (conn as { request: IncomingMessage | null }).request = null;
}
