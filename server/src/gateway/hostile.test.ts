import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { DISCONNECTS } from '@hookswitch/shared';
import { systemClock } from '../kernel/index.ts';
import { token } from '../hub/testing/fixtures.ts';
import { decodeFrame } from './decode.ts';
import { gatewayFixture, nativeClient, socketIoClient } from './testing/clients.ts';

const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

/** What a client may send that no client of ours would, and the close code it earns. */
const FATAL: readonly (readonly [string, string | Buffer, number])[] = [
  ['text that is not JSON', 'hello', DISCONNECTS.badProtocol.code],
  ['nothing', '', DISCONNECTS.badProtocol.code],
  ['an array', '[1,2,3]', DISCONNECTS.badProtocol.code],
  ['null', 'null', DISCONNECTS.badProtocol.code],
  ['a number', '42', DISCONNECTS.badProtocol.code],
  ['a binary frame', Buffer.from('{"type":"ping","id":1}'), DISCONNECTS.badProtocol.code],
  ['deep objects', nested(5000), DISCONNECTS.badProtocol.code],
  ['deep arrays', '['.repeat(60_000), DISCONNECTS.badProtocol.code],
  ['10 MB', `{"type":"ping","id":1,"x":"${'x'.repeat(10_000_000)}"}`, 1009],
];
const TOLERATED: readonly (readonly [string, string, string])[] = [
  ['an unknown command', '{"type":"dance","id":9}', 'unknownCommand'],
  ['no type', '{"id":9}', 'badFrame'],
  ['a type that is an object', '{"type":{},"id":9}', 'badFrame'],
  ['an id of the wrong type', '{"type":"ping","id":"9"}', 'badFrame'],
  ['a fractional id', '{"type":"ping","id":1.5}', 'badFrame'],
  ['a topic of the wrong type', '{"type":"subscribe","id":9,"topic":["a"]}', 'badFrame'],
  [
    'a position of the wrong type',
    '{"type":"subscribe","id":9,"topic":"app.a","position":{"epoch":1,"seq":"x"}}',
    'badFrame',
  ],
  ['prototype pollution', '{"type":"subscribe","id":9,"topic":"__proto__","__proto__":{"x":1}}', 'notPermitted'],
];

describe('hostile clients close their own connection at most', () => {
  it.each(FATAL)('native: %s', async (_what, frame, code) => {
    await using fixture = await gatewayFixture();
    const bystander = await nativeClient(fixture.port);
    await bystander.ask({ type: 'connect', id: 1, token: token(systemClock) });
    const hostile = await nativeClient(fixture.port);
    await hostile.ask({ type: 'connect', id: 1, token: token(systemClock) });
    hostile.raw(frame);
    expect(await hostile.closed).toBe(code);
    expect(await bystander.ask({ type: 'ping', id: 2 })).toMatchObject({ type: 'pong' });
    // What it still sends is read to its end first, so that the close frame reaches it.
    await vi.waitFor(() => {
      expect(fixture.gateway.connections).toBe(1);
    });
    await bystander.close();
  });

  it.each(TOLERATED)('native: %s is answered, the connection stays', async (_what, frame, name) => {
    await using fixture = await gatewayFixture();
    const client = await nativeClient(fixture.port);
    await client.ask({ type: 'connect', id: 1, token: token(systemClock, { hub: { subscribe: ['app.a'] } }) });
    client.raw(frame);
    expect(await client.next('error')).toMatchObject({ name });
    expect(await client.ask({ type: 'ping', id: 2 })).toMatchObject({ type: 'pong' });
    await client.close();
  });

  it('many bad frames end the connection', async () => {
    await using fixture = await gatewayFixture();
    const client = await nativeClient(fixture.port);
    for (let n = 0; n < 30; n++) client.raw({ type: 'dance', id: n });
    expect(await client.closed).toBe(DISCONNECTS.badProtocol.code);
  });

  it.each([
    ['a string', 'hello'],
    ['a buffer', Buffer.from('hello')],
    ['a buffer inside', { type: 'publish', id: 1, topic: 'app.a', data: Buffer.from('x') }],
    ['a deep object', JSON.parse(nested(1000)) as object],
    ['null', null],
  ])('Socket.IO: %s', async (_what, frame) => {
    await using fixture = await gatewayFixture();
    const bystander = await nativeClient(fixture.port);
    await bystander.ask({ type: 'connect', id: 1, token: token(systemClock) });
    const hostile = await socketIoClient(fixture.port, { token: token(systemClock) });
    await hostile.next('connected');
    hostile.raw(frame);
    const answer = await hostile.next('error');
    expect(answer.name).toBe('badFrame');
    expect(await bystander.ask({ type: 'ping', id: 2 })).toMatchObject({ type: 'pong' });
    await hostile.close();
    await bystander.close();
  });

  it('Socket.IO: 10 MB', async () => {
    await using fixture = await gatewayFixture();
    const hostile = await socketIoClient(fixture.port, { token: token(systemClock) });
    await hostile.next('connected');
    hostile.raw({ type: 'publish', id: 1, topic: 'app.a', data: 'x'.repeat(10_000_000) });
    await hostile.closed;
    const other = await socketIoClient(fixture.port, { token: token(systemClock) });
    await other.next('connected');
    await other.close();
  });

  it('refuses other paths, other subprotocols and plain garbage before any connection exists', async () => {
    await using fixture = await gatewayFixture();
    const status = async (url: string, protocol: string[]): Promise<number | undefined> => {
      const socket = new WebSocket(url, protocol);
      socket.on('error', () => undefined);
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode?: number }];
      return response.statusCode;
    };
    const base = `ws://127.0.0.1:${fixture.port}`;
    expect(await status(`${base}/nowhere`, ['hookswitch.v1'])).toBe(404);
    expect(await status(`${base}/v1/hub`, [])).toBe(400);
    expect(await status(`${base}/v1/hub`, ['hookswitch.v9'])).toBe(400);
    const raw = connect(fixture.port, '127.0.0.1');
    raw.write('\x00\xff garbage\r\n\r\n');
    raw.resume();
    await once(raw, 'close');
    expect(fixture.gateway.connections).toBe(0);
  });

  it('a client that was refused and never closes its side does not keep the server from closing', async () => {
    let refused: Socket;
    {
      await using fixture = await gatewayFixture();
      refused = connect({ port: fixture.port, host: '127.0.0.1', allowHalfOpen: true });
      refused.write('GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      refused.resume();
      await once(refused, 'end');
    }
    refused.destroy();
  });

  it('the decoder never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), (text) => {
        expect(typeof decodeFrame({ text }).ok).toBe('boolean');
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
        (value) => {
          expect(typeof decodeFrame({ value }).ok).toBe('boolean');
        },
      ),
      { numRuns: 2000 },
    );
  });
});
