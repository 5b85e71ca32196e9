import { HUB_SUBPROTOCOL, SOCKETIO_EVENT } from '@hookswitch/shared';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

/** What a link reports. Nothing after `closed`. */
export interface LinkHandlers {
  frame(frame: unknown): void;
  /** Something that is no frame at all. */
  broken(what: string): void;
  closed(code: number, reason: string): void;
}

/** One connection of a transport, as bare as it gets. */
export interface Link {
  /** An object as a frame; text and bytes as they are. */
  send(data: object | string | Buffer): void;
  close(): void;
  terminate(): void;
  /** Stops and goes on with reading what came, where the transport can. */
  pause?(): void;
  resume?(): void;
}

export type OpenLink = (url: string, handlers: LinkHandlers) => Promise<Link>;

const WAIT_MS = 5000;

/** @throws Error when the WebSocket does not open */
export const openNative: OpenLink = async (url, handlers) => {
  const socket = new WebSocket(url, HUB_SUBPROTOCOL, { handshakeTimeout: WAIT_MS, rejectUnauthorized: false });
  socket.on('message', (data: Buffer, binary) => {
    if (binary) {
      handlers.broken('the server sent a binary message');
      return;
    }
    try {
      handlers.frame(JSON.parse(data.toString('utf8')));
    } catch {
      handlers.broken(`the server sent something that is not JSON: ${data.toString('utf8').slice(0, 100)}`);
    }
  });
  socket.on('close', (code, reason) => {
    handlers.closed(code, reason.toString('utf8'));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', (error) => {
    handlers.broken(error.message);
  });
  return {
    send: (data) => {
      socket.send(typeof data === 'string' || Buffer.isBuffer(data) ? data : JSON.stringify(data));
    },
    close: () => {
      socket.close(1000);
    },
    terminate: () => {
      socket.terminate();
    },
    pause: () => {
      socket.pause();
    },
    resume: () => {
      socket.resume();
    },
  };
};

/** Origin of a hub's address: `http://host:port`, and what stands before `/v1/hub`. */
export function httpBase(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol.replace(/^ws/, 'http')}//${host}${pathname.replace(/\/v1\/hub\/?$/, '').replace(/\/$/, '')}`;
}

/** @throws Error when it does not connect */
export function openSocketIo(transports: readonly string[], auth?: object): OpenLink {
  return async (url, handlers) => {
    const base = new URL(httpBase(url));
    const socket = io(base.origin, {
      path: `${base.pathname.replace(/\/$/, '')}/socket.io/`,
      forceNew: true,
      reconnection: false,
      rejectUnauthorized: false,
      timeout: WAIT_MS,
      transports: [...transports],
      ...(auth === undefined ? {} : { auth }),
    });
    // There are no close codes: the last disconnect frame says why.
    let end = { code: 1006, reason: '' };
    socket.on(SOCKETIO_EVENT, (frame: unknown) => {
      const told = frame as { type?: unknown; code?: unknown; reason?: unknown };
      if (told.type === 'disconnect') end = { code: Number(told.code), reason: String(told.reason) };
      handlers.frame(frame);
    });
    socket.on('disconnect', () => {
      handlers.closed(end.code, end.reason);
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', (error) => {
        socket.disconnect();
        reject(error);
      });
    });
    return {
      send: (data) => {
        socket.emit(SOCKETIO_EVENT, data);
      },
      close: () => {
        socket.disconnect();
      },
      terminate: () => {
        socket.disconnect();
      },
    };
  };
}
