import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { recordingLog } from '../testing/log.ts';
import { requestText } from '../testing/messages.ts';
import { openUdpTransport } from './index.ts';
import type { Transport } from './index.ts';

describe('UDP transport', () => {
  const open: Transport[] = [];
  const { log, errors } = recordingLog();

  afterEach(async () => {
    await Promise.all(open.splice(0).map((transport) => transport.close()));
  });

  async function pair(options: { maxMessageSize?: number } = {}): Promise<[Transport, Transport]> {
    const both = [await openUdpTransport({ log, ...options }), await openUdpTransport({ log })] as const;
    open.push(...both);
    return [...both];
  }

  it('carries messages, ignores and counts keep-alives, garbage and what is too large', async () => {
    const [receiver, sender] = await pair({ maxMessageSize: 2000 });
    const got = Promise.withResolvers<string>();
    receiver.onPacket((bytes, source) => {
      got.resolve(`${bytes.toString()} from ${source.port}`);
    });
    for (const noise of [
      '\r\n\r\n',
      '\r\n',
      '\u0000',
      '',
      'GET / HTTP/1.1\r\n\r\n',
      'garbage',
      `${requestText()}${'x'.repeat(2000)}`,
    ])
      sender.send(Buffer.from(noise), receiver.local);
    sender.send(Buffer.from(requestText()), receiver.local);
    await expect(got.promise).resolves.toBe(`${requestText()} from ${sender.local.port}`);
    expect(receiver.stats).toEqual({ received: 8, sent: 0, keepAlives: 4, garbage: 2, oversized: 1, sendErrors: 0 });
  });

  it('says what could not be sent, and a handler that throws harms nothing', async () => {
    const [receiver, sender] = await pair();
    const failure = Promise.withResolvers<Error>();
    sender.send(Buffer.alloc(70_000), receiver.local, failure.resolve);
    expect((await failure.promise).message).toMatch(/does not fit/);
    const bad = Promise.withResolvers<Error>();
    sender.send(Buffer.from('x'), { protocol: 'udp', address: '127.0.0.1', port: 70_000 }, bad.resolve);
    await bad.promise;
    expect(sender.stats.sendErrors).toBe(2);

    const second = Promise.withResolvers<undefined>();
    let count = 0;
    receiver.onPacket(() => {
      if (++count === 1) throw new Error('handler');
      second.resolve(undefined);
    });
    sender.send(Buffer.from(requestText()), receiver.local);
    sender.send(Buffer.from(requestText()), receiver.local);
    await second.promise;
    expect(errors.splice(0)).toHaveLength(1);
  });

  it('advertises another address, refuses a taken port, and frees its own at close', async () => {
    const transport = await openUdpTransport({ log, advertisedAddress: '203.0.113.5', advertisedPort: 5060 });
    open.push(transport);
    expect(transport.advertised).toEqual({ protocol: 'udp', address: '203.0.113.5', port: 5060 });
    await expect(openUdpTransport({ log, port: transport.local.port })).rejects.toThrow(/EADDRINUSE/);
    await transport.close();
    await transport.close();
    transport.send(Buffer.from('x'), transport.local);
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => {
      socket.bind(transport.local.port, '127.0.0.1', resolve);
    });
    await new Promise<void>((resolve) => {
      socket.close(() => {
        resolve();
      });
    });
  });
});
