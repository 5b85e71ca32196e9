import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { recordingLog } from '../testing/log.ts';
import { requestText } from '../testing/messages.ts';
import { openUdpTransport } from './index.ts';
import type { Endpoint, SingleTransport } from './index.ts';

describe('UDP transport', () => {
  const open: SingleTransport[] = [];
  const { log, errors } = recordingLog();

  afterEach(async () => {
    await Promise.all(open.splice(0).map((transport) => transport.close()));
  });

  async function pair(options: { maxMessageSize?: number } = {}): Promise<[SingleTransport, SingleTransport]> {
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
    expect(receiver.stats).toMatchObject({
      received: 8,
      sent: 0,
      keepAlives: 4,
      garbage: 2,
      oversized: 1,
      sendErrors: 0,
    });
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

describe('UDP keep-alives and probes', () => {
  it('finds out that a UDP port is closed, and keeps silent about one that is open', async () => {
    const { log } = recordingLog();
    const clock = new FakeClock();
    const [a, b, closed] = [
      await openUdpTransport({ log, clock }),
      await openUdpTransport({ log }),
      await openUdpTransport({ log }),
    ];
    await closed.close();
    const refused: string[] = [];
    const first = Promise.withResolvers<Error>();
    a.probe(b.local, () => refused.push('open'));
    a.probe(closed.local, first.resolve);
    // A second question about the same place is answered with the first.
    const second = new Promise<Error>((resolve) => {
      a.probe(closed.local, resolve);
    });
    expect((await first.promise).message).toMatch(/nobody listens on UDP port/);
    await second;
    clock.advance(1_000);
    expect(refused).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
    a.probe(b.local, () => refused.push('open'));
    await Promise.all([a.close(), b.close()]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('RFC 5626: a flow is kept open by CRLFs, until it is let go', async () => {
    const { log } = recordingLog();
    const clock = new FakeClock();
    const [a, b] = [await openUdpTransport({ log, clock }), await openUdpTransport({ log })];
    const source = new Promise<Endpoint>((resolve) => {
      a.onPacket((_bytes, from) => {
        resolve(from);
      });
    });
    b.send(Buffer.from(requestText()), a.local);
    const { flow = '' } = await source;
    const endpoint = a.flow(flow);
    expect(endpoint).toMatchObject({ protocol: 'udp', address: '127.0.0.1', port: b.local.port });
    expect(a.flow('udp-5060-nonsense')).toBeUndefined();
    const stop = a.keepAlive(endpoint ?? a.local);
    clock.advance(25_000);
    while (b.stats.keepAlives < 1) await new Promise(setImmediate);
    stop();
    expect(clock.pendingTimers).toBe(0);
    a.keepAlive(endpoint ?? a.local);
    await Promise.all([a.close(), b.close()]);
    expect(clock.pendingTimers).toBe(0);
  });
});
