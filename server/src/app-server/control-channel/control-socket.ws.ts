import { CONTROL_SUBPROTOCOL } from '@hookswitch/shared';
import { WebSocket } from 'ws';
import { describeError } from '../../kernel/index.ts';
import type { ControlHandlers, ControlSocket, ControlSockets } from './ports.ts';

/** A document and what is around it. */
const MAX_MESSAGE_BYTES = 131_072;

/** Connections by the `ws` package. */
export class WsControlSockets implements ControlSockets {
  readonly #ca: string | undefined;

  /** @param ca certificate authorities trusted besides the system's, PEM */
  constructor(ca?: string) {
    this.#ca = ca;
  }

  open({ url, headers, connectMs }: Parameters<ControlSockets['open']>[0], handlers: ControlHandlers): ControlSocket {
    let over = false;
    const finish = (why: string): void => {
      if (over) return;
      over = true;
      handlers.closed(why);
    };
    const socket = new WebSocket(url, CONTROL_SUBPROTOCOL, {
      headers: { ...headers },
      handshakeTimeout: connectMs,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
      ...(this.#ca === undefined ? {} : { ca: this.#ca }),
    });
    socket.on('upgrade', (response) => {
      handlers.upgraded(response.headers['set-cookie'] ?? []);
    });
    socket.on('unexpected-response', (_request, response) => {
      handlers.upgraded(response.headers['set-cookie'] ?? []);
      finish(`the upgrade was answered with ${response.statusCode ?? 0}`);
      socket.terminate();
    });
    socket.on('open', () => {
      if (!over) handlers.opened();
    });
    socket.on('message', (data: Buffer, isBinary) => {
      if (!over && !isBinary) handlers.text(data.toString('utf8'));
    });
    socket.on('error', (error) => {
      finish(describeError(error));
    });
    socket.on('close', (code) => {
      finish(`the application closed the connection (${code})`);
    });
    return {
      get bufferedBytes() {
        return socket.bufferedAmount;
      },
      send: (text) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      close: (code) => {
        over = true;
        if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
        else socket.close(code);
      },
    };
  }
}
