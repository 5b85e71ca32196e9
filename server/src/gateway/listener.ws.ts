import type { IncomingMessage, Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HUB_SUBPROTOCOL } from '@hookswitch/shared';
import type { Log } from '../kernel/index.ts';
import { NativeClient } from './native-client.ws.ts';
import type { Listening } from './native-client.ws.ts';
import type { ConnectionAcceptor } from './ports.ts';
import { upgradeAnswer, upgradeProblem } from './websocket-upgrade.ts';

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

/** The native endpoint: WebSocket with subprotocol `hookswitch.v1`, one JSON frame a message, no compression. */
export function listenWebSocket(options: WebSocketListenerOptions): Listener {
  const { server, gateway, logger, path = '/v1/hub', otherPaths = ['/socket.io/'] } = options;
  const listening: Listening = { gateway, logger, clients: new Set() };
  const onUpgrade = (request: IncomingMessage, duplex: Duplex, head: Buffer): void => {
    const asked = (request.url ?? '').split('?')[0] ?? '';
    if (otherPaths.some((other) => asked.startsWith(other))) return;
    // An HTTP server on TCP or TLS hands over its sockets.
    if (!(duplex instanceof Socket)) return;
    const socket = duplex;
    // A client may go while it waits.
    socket.on('error', ignore);
    const refusal = check(request, asked, path, options.allowOrigin);
    if (refusal !== undefined) {
      refuse(socket, refusal);
      return;
    }
    const enter = (): void => {
      if (socket.destroyed || !socket.writable) return;
      socket.write(upgradeAnswer(request, HUB_SUBPROTOCOL));
      listening.clients.add(new NativeClient(socket, head, listening));
      socket.off('error', ignore);
    };
    if (gateway.admit === undefined) enter();
    else {
      gateway.admit({
        enter,
        refuse: (retryAfterMs) => {
          refuse(socket, { status: '503 Service Unavailable', headers: { 'Retry-After': seconds(retryAfterMs) } });
        },
      });
    }
  };
  server.on('upgrade', onUpgrade);
  return {
    close: async () => {
      server.off('upgrade', onUpgrade);
      for (const client of listening.clients) client.terminate();
      await Promise.resolve();
    },
  };
}

const ignore = (): void => undefined;
const seconds = (ms: number): string => String(Math.ceil(ms / 1000));

interface RefusedUpgrade {
  readonly status: string;
  readonly hint?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function check(
  request: IncomingMessage,
  asked: string,
  path: string,
  allowOrigin: ((origin: string | undefined) => boolean) | undefined,
): RefusedUpgrade | undefined {
  if (asked !== path) return { status: '404 Not Found' };
  if (allowOrigin?.(request.headers.origin) === false) return { status: '403 Forbidden' };
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (!offered.includes(HUB_SUBPROTOCOL)) {
    return { status: '400 Bad Request', hint: `offer the WebSocket subprotocol ${HUB_SUBPROTOCOL}\n` };
  }
  const hint = upgradeProblem(request);
  const headers = { 'Sec-WebSocket-Version': '13' };
  return hint === undefined ? undefined : { status: '400 Bad Request', hint: `${hint}\n`, headers };
}

function refuse(socket: Socket, { status, hint = '', headers = {} }: RefusedUpgrade): void {
  // A client that does not close its side would keep the socket, and with it the HTTP server, open for ever.
  socket.once('finish', () => {
    socket.destroy();
  });
  const lines = Object.entries({ Connection: 'close', ...headers, 'Content-Length': String(hint.length) });
  socket.end(`HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${hint}`);
}
