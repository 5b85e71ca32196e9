import { HUB_SUBPROTOCOL } from '@hookswitch/shared';

/** What a transport reports, in this order: opened, text..., closed. Nothing after closed. */
export interface TransportHandlers {
  opened(): void;
  text(text: string): void;
  /** Once, also when the connection never opened. */
  closed(code: number, reason: string): void;
}

/** One connection. The owner closes it; after `close` no handler is called any more. */
export interface TransportLink {
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** Opens connections of one kind. Never throws: failures are reported by `closed`. */
export type Transport = (url: string, handlers: TransportHandlers) => TransportLink;

/** The part of a WebSocket that is used: the platform's own fits, and that of the package `ws`. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}
export type WebSocketConstructor = new (url: string, protocols: string) => WebSocketLike;

/** The native protocol over WebSocket, by default the platform's own. */
export function webSocketTransport(constructor?: WebSocketConstructor): Transport {
  return (url, handlers) => {
    let done = false;
    const finish = (code: number, reason: string): void => {
      if (done) return;
      done = true;
      handlers.closed(code, reason);
    };
    let socket: WebSocketLike;
    try {
      socket = new (constructor ?? WebSocket)(url, HUB_SUBPROTOCOL);
    } catch (error) {
      queueMicrotask(() => {
        finish(1006, String(error));
      });
      return { send: () => undefined, close: () => (done = true) };
    }
    socket.onopen = () => {
      if (!done) handlers.opened();
    };
    socket.onmessage = (event: { readonly data: unknown }) => {
      if (!done && typeof event.data === 'string') handlers.text(event.data);
    };
    socket.onclose = (event: { readonly code: number; readonly reason: string }) => {
      finish(event.code, event.reason);
    };
    // The close event that follows says all there is to know.
    socket.onerror = () => undefined;
    return {
      send: (text) => {
        if (!done) socket.send(text);
      },
      close: (code, reason) => {
        done = true;
        socket.close(code, reason);
      },
    };
  };
}
