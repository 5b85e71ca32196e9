import { once } from 'node:events';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { HUB_SUBPROTOCOL } from '@hookswitch/shared';
import { token } from '../hub/testing/fixtures.ts';
import { silentLog, systemClock } from '../kernel/index.ts';
import { listenWebSocket } from './listener.ws.ts';
import { gatewayFixture, nativeClient, socketIoClient } from './testing/clients.ts';
import type { GatewayFixture } from './testing/clients.ts';

let fixture: GatewayFixture;
afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});
const open = async (): Promise<number> => (fixture = await gatewayFixture()).port;
const nobodyLeft = (): Promise<void> =>
  vi.waitFor(() => {
    expect(fixture.gateway.connections).toBe(0);
  });

const request = (headers: Readonly<Record<string, string>> = {}): string => {
  const all = {
    Host: 'a',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': HUB_SUBPROTOCOL,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET /v1/hub HTTP/1.1\r\n${lines.join('')}\r\n`;
};

/** A TCP connection that sent this, and everything that came until the answer was complete. */
async function raw(port: number, bytes: string): Promise<{ socket: Socket; answer: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(bytes);
  let answer = '';
  while (!answer.includes('\r\n\r\n')) answer += String(((await once(socket, 'data')) as [Buffer])[0]);
  return { socket, answer };
}

describe('the opening handshake (RFC 6455 section 4.2)', () => {
  it('is answered with the accept value of the example of the RFC and the subprotocol', async () => {
    const { socket, answer } = await raw(await open(), request());
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).toContain('\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
    expect(answer).toContain(`\r\nSec-WebSocket-Protocol: ${HUB_SUBPROTOCOL}\r\n`);
    expect(answer).not.toContain('Sec-WebSocket-Extensions');
    socket.destroy();
    await nobodyLeft();
  });

  it.each([
    ['another version', { 'Sec-WebSocket-Version': '8' }],
    ['a short key', { 'Sec-WebSocket-Key': 'abc' }],
    ['another protocol to upgrade to', { Upgrade: 'h2c' }],
  ])('is refused with 400 and the version: %s', async (_what, headers) => {
    const { socket, answer } = await raw(await open(), request(headers));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('\r\nSec-WebSocket-Version: 13\r\n');
    socket.destroy();
  });
});

describe('a connection', () => {
  it('answers pings with what was in them', async () => {
    const client = await nativeClient(await open());
    const answered = once(client.socket, 'pong');
    client.socket.ping('are you there');
    expect(String(((await answered) as [Buffer])[0])).toBe('are you there');
    await client.close();
  });

  it('reads a command that came in fragments', async () => {
    const client = await nativeClient(await open());
    const frame = JSON.stringify({ type: 'ping', id: 7 });
    client.socket.send(frame.slice(0, 5), { fin: false });
    client.socket.send(frame.slice(5), { fin: true });
    expect((await client.next('pong')).id).toBe(7);
    await client.close();
  });

  it('closes with the code that the client gave', async () => {
    const client = await nativeClient(await open());
    client.socket.close(4321, 'enough');
    expect(await client.closed).toBe(4321);
    await nobodyLeft();
  });

  it('ends when the client ends its side without a close frame, or is reset', async () => {
    const port = await open();
    const one = await raw(port, request());
    const other = await raw(port, request());
    one.socket.end();
    other.socket.resetAndDestroy();
    await once(one.socket, 'close');
    await nobodyLeft();
  });

  it('works over TLS, where nothing is written past the stream', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }]);
    await open();
    const server = createServer({ key, cert });
    const listener = listenWebSocket({ server, gateway: fixture.gateway, logger: silentLog });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = new WebSocket(`wss://127.0.0.1:${port}/v1/hub`, HUB_SUBPROTOCOL, { rejectUnauthorized: false });
    await once(socket, 'open');
    const publish = JSON.stringify({ type: 'publish', id: 3, topic: 'app.a', data: 'sealed' });
    const event = new Promise<string>((resolve) => {
      socket.on('message', (data: Buffer) => {
        const text = data.toString();
        if (text.includes('"type":"subscribed"')) socket.send(publish);
        if (text.includes('"type":"event"')) resolve(text);
      });
    });
    socket.send(JSON.stringify({ type: 'connect', id: 1, token: token(systemClock) }));
    socket.send(JSON.stringify({ type: 'subscribe', id: 2, topic: 'app.a' }));
    expect(await event).toContain('"data":"sealed"');
    socket.terminate();
    await listener.close();
    server.close();
    await once(server, 'close');
  });

  it('of Socket.IO carries text beyond ASCII both ways, and is polite at its end', async () => {
    const client = await socketIoClient(await open(), { token: token(systemClock) });
    await client.next('connected');
    await client.ask({ type: 'subscribe', id: 2, topic: 'app.a' });
    await client.ask({ type: 'publish', id: 3, topic: 'app.a', data: 'grüße 你好 🎉' });
    const [event] = await client.eventCount(1);
    expect(event?.event.data).toBe('grüße 你好 🎉');
    await client.close();
    await nobodyLeft();
  });
});
