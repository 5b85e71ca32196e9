import { HUB_SUBPROTOCOL } from '@hookswitch/shared';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

/** A frame as it came. The chaos suite reads only a few members and must not stumble over others. */
export type Frame = Readonly<Record<string, unknown>> & { readonly type: string };

/** One connection to a gateway, as bare as can be: no reconnecting, no knowledge of the protocol. */
export interface Wire {
  send(frame: object): void;
  /** At once, without a word. */
  destroy(): void;
}

export interface WireEvents {
  opened(): void;
  frame(frame: Frame): void;
  /** Once, and nothing after it. */
  closed(code: number): void;
}

export type WireKind = 'native' | 'socketio' | 'socketio-upgrade';

export function openWire(kind: WireKind, port: number, events: WireEvents): Wire {
  return kind === 'native' ? openNative(port, events) : openSocketIo(kind, port, events);
}

function openNative(port: number, events: WireEvents): Wire {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/hub`, HUB_SUBPROTOCOL, {
    handshakeTimeout: 4000,
    perMessageDeflate: false,
  });
  const closed = onceOnly(events);
  socket.on('open', () => {
    events.opened();
  });
  socket.on('message', (data: Buffer) => {
    if (!closed.done) events.frame(JSON.parse(data.toString('utf8')) as Frame);
  });
  socket.on('error', () => undefined);
  socket.on('close', (code) => {
    closed.say(code);
  });
  return {
    send: (frame) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
    },
    destroy: () => {
      socket.terminate();
      closed.say(1006);
    },
  };
}

function openSocketIo(kind: WireKind, port: number, events: WireEvents): Wire {
  const socket = io(`http://127.0.0.1:${port}`, {
    transports: kind === 'socketio' ? ['websocket'] : ['polling', 'websocket'],
    reconnection: false,
    forceNew: true,
    timeout: 4000,
  });
  const closed = onceOnly(events);
  socket.on('connect', () => {
    events.opened();
  });
  socket.on('hs', (frame: Frame) => {
    if (!closed.done) events.frame(frame);
  });
  socket.on('connect_error', () => {
    socket.close();
    closed.say(1006);
  });
  socket.on('disconnect', () => {
    closed.say(1006);
  });
  return {
    send: (frame) => {
      if (socket.connected) socket.emit('hs', frame);
    },
    destroy: () => {
      closed.say(1006);
      socket.io.engine.close();
      socket.close();
    },
  };
}

function onceOnly(events: WireEvents): { readonly done: boolean; say(code: number): void } {
  let done = false;
  return {
    get done() {
      return done;
    },
    say: (code) => {
      if (done) return;
      done = true;
      events.closed(code);
    },
  };
}
