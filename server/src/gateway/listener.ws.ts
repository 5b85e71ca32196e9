import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { HUB_LIMITS, HUB_SUBPROTOCOL } from '@hookswitch/shared';
import { OutboundFrame } from '../hub/index.ts';
import type { FrameEncoder } from '../hub/index.ts';
import type { Log } from '../kernel/index.ts';
import type { ClientTransport, ConnectionAcceptor } from './ports.ts';
import { textFrame } from './websocket-frame.ts';

export interface WebSocketListenerOptions {
  readonly server: Server;
  readonly gateway: ConnectionAcceptor;
  readonly logger: Log;
  /** Default `/v1/hub`. */
  readonly path?: string;
  /** Whether pages of this origin may connect (default: all; tokens are not sent by browsers on their own). */
  readonly allowOrigin?: (origin: string | undefined) => boolean;
  /** Paths whose upgrades somebody else answers; any other is answered with 404 (default `['/socket.io/']`). */
  readonly otherPaths?: readonly string[];
}

export interface Listener {
  /** Takes no more clients and cuts those that the gateway has not closed. The http server stays open. Idempotent. */
  close(): Promise<void>;
}

const NATIVE: FrameEncoder = { name: 'native', encode: textFrame };

/** The native endpoint: WebSocket with subprotocol `hookswitch.v1`, one JSON frame a message, no compression. */
export function listenWebSocket(options: WebSocketListenerOptions): Listener {
  const { server, gateway, logger, path = '/v1/hub', otherPaths = ['/socket.io/'] } = options;
  const sockets = new Set<WebSocket>();
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: HUB_LIMITS.maxFrameBytes,
    handleProtocols: () => HUB_SUBPROTOCOL,
  });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const asked = (request.url ?? '').split('?')[0] ?? '';
    if (otherPaths.some((other) => asked.startsWith(other))) return;
    const refusal = check(request, asked, path, options.allowOrigin);
    if (refusal !== undefined) {
      refuse(socket, refusal);
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (client) => {
      sockets.add(client);
      client.on('close', () => sockets.delete(client));
      client.on('error', (error) => {
        logger.debug({ err: error }, 'a client broke the WebSocket protocol or its connection');
      });
      serve(client, socket, request.socket.remoteAddress ?? '', gateway);
    });
  };
  server.on('upgrade', onUpgrade);
  return {
    close: async () => {
      server.off('upgrade', onUpgrade);
      for (const client of sockets) client.terminate();
      await Promise.resolve();
    },
  };
}

function check(
  request: IncomingMessage,
  asked: string,
  path: string,
  allowOrigin: ((origin: string | undefined) => boolean) | undefined,
): string | undefined {
  if (asked !== path) return '404 Not Found';
  if (allowOrigin?.(request.headers.origin) === false) return '403 Forbidden';
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.includes(HUB_SUBPROTOCOL) ? undefined : '400 Bad Request';
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => undefined);
  // A client that does not close its side would keep the socket, and with it the HTTP server, open for ever.
  socket.once('finish', () => {
    socket.destroy();
  });
  const hint = status.startsWith('400') ? `offer the WebSocket subprotocol ${HUB_SUBPROTOCOL}\n` : '';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: ${hint.length}\r\n\r\n${hint}`);
}

function serve(client: WebSocket, socket: Duplex, remoteAddress: string, gateway: ConnectionAcceptor): void {
  // Without compression ws writes every frame at once and whole, so that frames written here never mix with its own.
  const transport: ClientTransport = {
    name: 'ws',
    remoteAddress,
    get bufferedBytes() {
      return socket.writableLength;
    },
    send: (frames) => {
      if (client.readyState === client.OPEN && socket.writable) socket.write(OutboundFrame.concat(frames, NATIVE));
    },
    close: (code, reason) => {
      client.close(code, reason);
    },
    terminate: () => {
      client.terminate();
    },
  };
  const connection = gateway.accept(transport);
  client.on('message', (data, isBinary) => {
    if (isBinary) connection.received({ value: undefined });
    else connection.received({ text: (data as Buffer).toString('utf8') });
  });
  client.on('error', () => {
    // A frame over the limit, say: the peer may take its time to close, what it held is released now.
    connection.closed('protocol error');
  });
  client.on('close', (code) => {
    connection.closed(`transport closed with ${code}`);
  });
  socket.on('drain', () => {
    connection.drained();
  });
}
