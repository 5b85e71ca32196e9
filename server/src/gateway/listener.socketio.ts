import type { IncomingMessage, Server as HttpServer } from 'node:http';
import { Server } from 'socket.io';
import type { ServerOptions } from 'socket.io';
import { HUB_LIMITS } from '@hookswitch/shared';
import type { Log } from '../kernel/index.ts';
import { EngineWebSockets } from './engine-websocket.socketio.ts';
import type { ConnectionAcceptor } from './ports.ts';
import { SocketIoClient } from './socketio-client.socketio.ts';

export interface SocketIoListenerOptions {
  readonly server: HttpServer;
  readonly gateway: ConnectionAcceptor;
  readonly logger: Log;
  /** Default `/socket.io/`. */
  readonly path?: string;
  /** Whether pages of this origin may connect (default: all). */
  readonly allowOrigin?: (origin: string | undefined) => boolean;
}

const ignore = (): void => undefined;

/** Everybody is written to alone, so that nobody needs a room of his own, as Socket.IO's adapter makes one for everybody. */
class NoRooms {
  readonly init = ignore;
  readonly close = ignore;
  readonly addAll = ignore;
  readonly del = ignore;
  readonly delAll = ignore;
}

/**
 * The Socket.IO endpoint: the same frames as objects under one event name, in both directions. A token in the handshake's
 * `auth.token` is taken as a connect frame with id 0. WebSocket and HTTP long-polling, no compression.
 */
export function listenSocketIo(options: SocketIoListenerOptions): { close(): Promise<void> } {
  const { server, gateway, logger, allowOrigin } = options;
  const io = new Server(server, {
    path: options.path ?? '/socket.io/',
    serveClient: false,
    adapter: NoRooms as unknown as ServerOptions['adapter'],
    wsEngine: EngineWebSockets,
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
      if (allowOrigin?.(request.headers.origin) === false) callback('origin not allowed', false);
      else admit(request, gateway, callback);
    },
  });
  io.on('connection', (socket) => {
    SocketIoClient.serve(socket, gateway);
  });
  io.engine.on('connection_error', (error: { code?: number; message?: string }) => {
    logger.debug({ code: error.code }, `a Socket.IO handshake was refused: ${error.message ?? ''}`);
  });
  let closing: Promise<void> | undefined;
  return {
    close: () => {
      closing ??= Promise.resolve().then(() => {
        for (const socket of io.sockets.sockets.values()) socket.disconnect(true);
        io.engine.close();
        io.removeAllListeners();
      });
      return closing;
    },
  };
}

/** Asked for the first request of a client alone. */
function admit(
  { socket }: IncomingMessage,
  gateway: ConnectionAcceptor,
  callback: (error: string | null, allowed: boolean) => void,
): void {
  if (gateway.admit === undefined) {
    callback(null, true);
    return;
  }
  // A client may go while it waits.
  socket.on('error', ignore);
  const answer = (error: string | null): void => {
    socket.off('error', ignore);
    callback(error, error === null);
  };
  gateway.admit({
    enter: () => {
      answer(null);
    },
    refuse: () => {
      answer('overloaded');
    },
  });
}
