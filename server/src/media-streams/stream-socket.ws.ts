import { WebSocket } from 'ws';
import { describeError } from '../kernel/index.ts';
import type { Clock } from '../kernel/index.ts';
import type { SocketEnd, SocketHandlers, StreamProblem, StreamSocket, StreamSockets } from './ports.ts';
import { problem } from './problems.ts';

/** From the name's look-up to the answer of the handshake. */
const HANDSHAKE_MS = 10_000;
/** An application may send minutes of speech in one message. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
/** A server that does not answer our close is cut off. */
const CLOSE_MS = 3000;

/** Connections by the `ws` package. */
export class WsStreamSockets implements StreamSockets {
  readonly #clock: Clock;
  readonly #rejectUnauthorized: boolean;

  /** @param options.rejectUnauthorized false: certificates are not checked, for tests */
  constructor({ clock, rejectUnauthorized = true }: { readonly clock: Clock; readonly rejectUnauthorized?: boolean }) {
    this.#clock = clock;
    this.#rejectUnauthorized = rejectUnauthorized;
  }

  open(request: Parameters<StreamSockets['open']>[0], handlers: SocketHandlers): StreamSocket {
    let done = false;
    const finish = (end: SocketEnd): void => {
      if (done) return;
      done = true;
      handlers.closed(end);
    };
    let socket: WebSocket;
    try {
      socket = new WebSocket(request.url, {
        headers: { ...request.headers },
        handshakeTimeout: HANDSHAKE_MS,
        maxPayload: MAX_MESSAGE_BYTES,
        perMessageDeflate: false,
        followRedirects: false,
        rejectUnauthorized: this.#rejectUnauthorized,
      });
    } catch (error) {
      const refused = problem('handshake', `${request.url}: ${describeError(error)}`);
      queueMicrotask(() => {
        finish({ kind: 'failed', problem: refused });
      });
      return { bufferedBytes: 0, send: () => undefined, close: () => (done = true) };
    }
    let opened = false;
    socket.on('upgrade', ({ headers }) => {
      if (!done) handlers.upgraded(headers['set-cookie'] ?? []);
    });
    socket.on('open', () => {
      opened = true;
      // 20 ms frames are small: none waits for the next.
      if (!done) handlers.opened();
    });
    socket.on('message', (data: Buffer, isBinary) => {
      // Binary messages are no part of the protocol.
      if (!done && !isBinary) handlers.text(data.toString('utf8'));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      finish({ kind: 'failed', problem: opened ? broken(error) : refusal(request.url, error) });
      socket.terminate();
    });
    socket.on('close', (code, reason) => {
      finish({ kind: 'closed', code, reason: reason.toString('utf8') });
    });
    return {
      get bufferedBytes() {
        return socket.bufferedAmount;
      },
      send: (text) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      close: () => {
        done = true;
        if (socket.readyState !== WebSocket.OPEN) {
          socket.terminate();
          return;
        }
        const timer = this.#clock.setTimer(CLOSE_MS, () => {
          socket.terminate();
        });
        socket.once('close', () => {
          timer.cancel();
        });
        socket.close(1000);
      },
    };
  }
}

function broken(error: NodeJS.ErrnoException): StreamProblem {
  if (error.code?.startsWith('WS_ERR_') === true) {
    return problem('protocol', `the server of the stream broke the WebSocket protocol: ${describeError(error)}`);
  }
  return problem('broken', `the connection to the server of the stream was lost: ${describeError(error)}`);
}

const TLS = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO|HOSTNAME_MISMATCH)/;

function refusal(url: string, error: NodeJS.ErrnoException): StreamProblem {
  const { code = '', message } = error;
  const what = `${withoutQuery(url)}: ${describeError(error)}`;
  if (/handshake has timed out/.test(message) || code === 'ETIMEDOUT') {
    return problem('timeout', `${what}; is the server reachable, and does it answer upgrades?`);
  }
  if (TLS.test(code)) return problem('tls', `${what}; check its certificate, and whether the port speaks TLS`);
  if (/^E(CONN|HOST|NET|NOTFOUND|AI_AGAIN|PIPE)|^ENOTFOUND|^EAI_AGAIN/.test(code)) {
    return problem('refused', `${what}; is the address right, and the server up?`);
  }
  return problem('handshake', `${what}; it has to answer the upgrade with 101`);
}

/** What stands in a query may be secret. */
function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/, '');
}
