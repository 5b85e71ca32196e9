import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Why a request is no opening handshake of RFC 6455 (section 4.2.1); undefined: it is one. */
export function upgradeProblem({ method, headers }: IncomingMessage): string | undefined {
  if (method !== 'GET') return 'a WebSocket begins with GET';
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'the Upgrade header is not websocket';
  if (headers['sec-websocket-version'] !== '13') return 'the WebSocket version is 13';
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) return 'the Sec-WebSocket-Key is not 16 bytes in base64';
  return undefined;
}

/** The answer to an opening handshake in order. Extensions are not agreed on, whatever was offered. */
export function upgradeAnswer({ headers }: IncomingMessage, subprotocol?: string): string {
  const accept = createHash('sha1')
    .update(`${headers['sec-websocket-key'] ?? ''}${GUID}`)
    .digest('base64');
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n${subprotocol === undefined ? '' : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`}\r\n`
  );
}
