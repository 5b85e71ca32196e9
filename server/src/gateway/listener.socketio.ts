import type { Server as HttpServer } from 'node:http';
import { Server } from 'socket.io';
import type { Socket } from 'socket.io';
import { HUB_LIMITS, SOCKETIO_EVENT } from '@hookswitch/shared';
import type { FrameEncoder, OutboundFrame } from '../hub/index.ts';
import type { Log } from '../kernel/index.ts';
import type { ClientTransport, ConnectionAcceptor } from './ports.ts';
import { textFrame } from './websocket-frame.ts';

export interface SocketIoListenerOptions {
  readonly server: HttpServer;
  readonly gateway: ConnectionAcceptor;
  readonly logger: Log;
  /** Default `/socket.io/`. */
  readonly path?: string;
  /** Whether pages of this origin may connect (default: all). */
  readonly allowOrigin?: (origin: string | undefined) => boolean;
}

/** An EVENT packet of the default namespace (socket.io-protocol 5): what `socket.emit('hs', frame)` would make of it. */
const packetOf = (json: string): string => `2["${SOCKETIO_EVENT}",${json}]`;
/** `4` is Engine.IO's message packet. */
const SOCKETIO: FrameEncoder = { name: 'socketio', encode: (json) => textFrame(`4${packetOf(json)}`) };

/**
 * The Socket.IO endpoint: the same frames as objects under one event name, in both directions. A token in the handshake's
 * `auth.token` is taken as a connect frame with id 0. WebSocket and HTTP long-polling, no compression.
 */
export function listenSocketIo(options: SocketIoListenerOptions): { close(): Promise<void> } {
  const { server, gateway, logger, allowOrigin } = options;
  const io = new Server(server, {
    path: options.path ?? '/socket.io/',
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    // Another listener answers upgrades of other paths.
    destroyUpgrade: false,
    connectTimeout: HUB_LIMITS.handshakeMs,
    pingInterval: HUB_LIMITS.heartbeatMs,
    pingTimeout: HUB_LIMITS.heartbeatMs,
    // A frame at its limit still fits with the packet around it.
    maxHttpBufferSize: HUB_LIMITS.maxFrameBytes + 64,
    cors: { origin: true },
    allowRequest: (request, callback) => {
      const allowed = allowOrigin?.(request.headers.origin) !== false;
      callback(allowed ? null : 'origin not allowed', allowed);
    },
  });
  io.on('connection', (socket) => {
    serve(socket, gateway);
  });
  io.engine.on('connection_error', (error: { code?: number; message?: string }) => {
    logger.debug({ code: error.code }, `a Socket.IO handshake was refused: ${error.message ?? ''}`);
  });
  let closing: Promise<void> | undefined;
  return {
    close: () => {
      closing ??= Promise.resolve().then(() => {
        io.disconnectSockets(true);
        io.engine.close();
        io.removeAllListeners();
      });
      return closing;
    },
  };
}

function serve(socket: Socket, gateway: ConnectionAcceptor): void {
  const { conn } = socket;
  /** Bytes handed over since everything was last taken; `unsent` packets still wait inside Engine.IO. */
  let outstanding = 0;
  let unsent = 0;
  const write = (frame: OutboundFrame): void => {
    const bytes = frame.bytes(SOCKETIO);
    outstanding += bytes.length;
    unsent += 1;
    // The shared WebSocket frame is used where the transport is a WebSocket, the text where it is polling. The option is
    // the one that socket.io's own adapter uses for rooms; its type leaves it out.
    const packetOptions = { compress: false, wsPreEncodedFrame: [bytes] };
    conn.write(packetOf(frame.json), packetOptions, () => {
      unsent -= 1;
      if (unsent > 0) return;
      outstanding = 0;
      connection.drained();
    });
  };
  const transport: ClientTransport = {
    name: 'socketio',
    remoteAddress: socket.handshake.address,
    get bufferedBytes() {
      return outstanding;
    },
    send: (frames) => {
      if (socket.connected) frames.forEach(write);
    },
    // Socket.IO has no close codes: the disconnect frame before it says why.
    close: () => {
      socket.disconnect(true);
    },
    terminate: () => {
      conn.close(true);
    },
  };
  const connection = gateway.accept(transport);
  socket.onAny((name: string, value: unknown) => {
    connection.received({ value: name === SOCKETIO_EVENT ? value : undefined });
  });
  socket.on('disconnect', (reason) => {
    connection.closed(reason);
  });
  const token: unknown = socket.handshake.auth['token'];
  if (typeof token === 'string') connection.received({ value: { type: 'connect', id: 0, token } });
}
