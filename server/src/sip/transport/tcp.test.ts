import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom } from '../../kernel/index.ts';
import { recordingLog } from '../testing/log.ts';
import { requestText } from '../testing/messages.ts';
import { openSipTransports, openTcpTransport } from './index.ts';
import type { Endpoint, SingleTransport, StreamTransportOptions } from './index.ts';

interface Received {
  readonly text: string;
  readonly source: Endpoint;
  readonly fault: { readonly status: number } | undefined;
}

/** Collects what a transport delivers. */
class Inbox {
  readonly #got: Received[] = [];
  #waiting: ((received: Received) => void)[] = [];

  constructor(transport: Pick<SingleTransport, 'onPacket'>) {
    transport.onPacket((bytes, source, fault) => {
      const received = { text: bytes.toString(), source, fault };
      const next = this.#waiting.shift();
      if (next === undefined) this.#got.push(received);
      else next(received);
    });
  }

  next(): Promise<Received> {
    const got = this.#got.shift();
    if (got !== undefined) return Promise.resolve(got);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

describe('TCP transport', () => {
  const closers: (() => unknown)[] = [];
  const { log, errors } = recordingLog();
  let clock = new FakeClock();

  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    expect(errors).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
    clock = new FakeClock();
  });

  async function open(options: Partial<StreamTransportOptions> = {}): Promise<SingleTransport> {
    const transport = await openTcpTransport({ clock, random: seededRandom(1), log, ...options });
    closers.push(() => transport.close());
    return transport;
  }

  async function dial(to: Endpoint): Promise<Socket> {
    const socket = connect(to.port, to.address);
    closers.push(() => socket.destroy());
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  }

  const data = (socket: Socket): Promise<string> =>
    new Promise((resolve) =>
      socket.once('data', (bytes: Buffer) => {
        resolve(bytes.toString());
      }),
    );
  const gone = (socket: Socket): Promise<unknown> =>
    socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once('close', resolve));
  const failure = (transport: SingleTransport, to: Endpoint): Promise<Error> =>
    new Promise((resolve) => transport.send(Buffer.from(requestText()), to, resolve));

  it('RFC 3261 section 18.1.2: one connection serves both directions, answers and requests', async () => {
    const [a, b] = [await open(), await open()];
    const [inA, inB] = [new Inbox(a), new Inbox(b)];
    const flow = a.send(Buffer.from(requestText()), b.local);
    const first = await inB.next();
    expect(first.text).toBe(requestText());
    expect(first.source).toMatchObject({ protocol: 'tcp', address: '127.0.0.1' });
    // The answer goes by the flow of the request.
    b.send(Buffer.from(requestText({ method: 'OPTIONS' })), first.source);
    const answer = await inA.next();
    expect(answer.source).toMatchObject({ port: b.local.port, flow });
    // The next request by the same connection, and so does one of b to where a connected from.
    expect(a.send(Buffer.from(requestText()), b.local)).toBe(flow);
    expect((await inB.next()).source.flow).toBe(first.source.flow);
    b.send(Buffer.from(requestText()), { protocol: 'tcp', address: '127.0.0.1', port: first.source.port });
    expect((await inA.next()).source.flow).toBe(flow);
    expect([a.stats.connections, b.stats.connections]).toEqual([1, 1]);
    expect(b.flow(first.source.flow ?? '')).toEqual(first.source);
    expect(a.localFor(b.local).port).toBe(first.source.port);
  });

  it('RFC 5626: a flow that is gone is a transport error, and is told', async () => {
    const a = await open();
    const inbox = new Inbox(a);
    const closed = Promise.withResolvers<string>();
    a.onFlowClosed(closed.resolve);
    const socket = await dial(a.local);
    socket.write(requestText());
    const { source } = await inbox.next();
    socket.destroy();
    await expect(closed.promise).resolves.toBe(source.flow);
    expect((await failure(a, source)).message).toMatch(/is gone/);
    expect(a.flow(source.flow ?? '')).toBeUndefined();
  });

  it('a closed port, and one that never answers, are transport errors', async () => {
    const [a, b] = [await open(), await open()];
    await b.close();
    expect((await failure(a, b.local)).message).toMatch(/ECONNREFUSED/);
    // TEST-NET: nobody answers, or the network says at once that there is no way.
    const slow = failure(a, { protocol: 'tcp', address: '192.0.2.1', port: 5060 });
    clock.advance(5_000);
    expect((await slow).message).toMatch(/nothing came in time|ENETUNREACH|EHOSTUNREACH|EINVAL|ECONNREFUSED/);
    expect(a.stats.sendErrors).toBe(2);
    expect(a.stats.connections).toBe(0);
  });

  it('RFC 3261 section 18.3: a message without Content-Length is handed up with its answer, then the stream ends', async () => {
    const a = await open();
    a.onPacket((_bytes, source, fault) => {
      a.send(Buffer.from(`SIP/2.0 ${fault?.status ?? 0} ${fault?.reason ?? ''}\r\n\r\n`), source);
    });
    const socket = await dial(a.local);
    const answer = data(socket);
    socket.write(requestText({ method: 'OPTIONS' }).replace(/Content-Length: 0\r\n/, ''));
    await expect(answer).resolves.toBe('SIP/2.0 400 Bad Request (Content-Length is missing)\r\n\r\n');
    await gone(socket);
    expect(a.stats.garbage).toBe(1);
  });

  it('RFC 5626 section 4.4.1: a ping is answered with a pong, and does not disturb the messages around it', async () => {
    const a = await open();
    const inbox = new Inbox(a);
    const socket = await dial(a.local);
    const pong = data(socket);
    socket.write(`${requestText()}\r\n\r\n${requestText({ method: 'OPTIONS' })}`);
    await expect(pong).resolves.toBe('\r\n');
    expect((await inbox.next()).text).toBe(requestText());
    expect((await inbox.next()).text).toBe(requestText({ method: 'OPTIONS' }));
  });

  it('RFC 5626 section 4.4.1: a peer that has answered a ping is gone when it does not answer one', async () => {
    const [a, b] = [await open(), await open()];
    const inbox = new Inbox(b);
    const closed = Promise.withResolvers<string>();
    a.onFlowClosed(closed.resolve);
    const flow = a.send(Buffer.from(requestText()), b.local);
    const { source } = await inbox.next();
    b.send(Buffer.from(requestText()), source);
    await new Promise<void>((resolve) => {
      a.onPacket(() => {
        resolve();
      });
    });
    clock.advance(30_000);
    while (a.stats.keepAlives === 0) await new Promise(setImmediate);
    // Now b keeps silent: it reads nothing more.
    clock.advance(30_000);
    clock.advance(10_000);
    await expect(closed.promise).resolves.toBe(flow);
  });

  it('a message that does not end, a connection that says nothing and an idle one are closed in time', async () => {
    const a = await open({ limits: { idleMs: 600_000 } });
    const inbox = new Inbox(a);
    const [silent, half, idle] = [await dial(a.local), await dial(a.local), await dial(a.local)];
    half.write(`${requestText()}INVITE sip:a@b SIP/2.0\r\n`);
    await inbox.next();
    idle.write(requestText());
    await inbox.next();
    clock.advance(30_000);
    await Promise.all([gone(silent), gone(half)]);
    expect(a.stats.connections).toBe(1);
    clock.advance(600_000);
    await gone(idle);
    expect(a.stats.connections).toBe(0);
  });

  it('limits connections of one source and altogether, and what waits for a peer that does not read', async () => {
    const a = await open({ maxPerSource: 2, limits: { queueBytes: 300_000 } });
    const inbox = new Inbox(a);
    const [first] = [await dial(a.local), await dial(a.local)];
    const third = await dial(a.local);
    await gone(third);
    expect(a.stats.refused).toBe(1);
    first.write(requestText());
    const { source } = await inbox.next();
    first.pause();
    const error = await new Promise<Error>((resolve) => {
      const large = Buffer.alloc(65_536, 'x');
      // The kernel takes some megabytes; then it waits here, up to the limit.
      for (let at = 0; at < 400; at++) a.send(large, source, resolve);
    });
    expect(error.message).toMatch(/does not read|is gone|closed/);
    expect(a.flow(source.flow ?? '')).toBeUndefined();
  });

  it('IPv6: listens, connects and names addresses without brackets', async () => {
    const [a, b] = [await open({ address: '::1' }), await open({ address: '::1' })];
    const inbox = new Inbox(b);
    a.send(Buffer.from(requestText()), b.local);
    expect((await inbox.next()).source.address).toBe('::1');
    expect(b.advertised.address).toBe('::1');
  });

  it('a set of transports: UDP and TCP on one port, IPv4 and IPv6, each message by the one that fits', async () => {
    const options = { addresses: ['127.0.0.1', '::1'], clock, random: seededRandom(2), log };
    const [a, b] = [
      await openSipTransports({ ...options, listen: { udp: { port: 0 }, tcp: { port: 0 } } }),
      await openSipTransports({ ...options, listen: { udp: { port: 0 }, tcp: { port: 0 } } }),
    ];
    closers.push(() => Promise.all([a.close(), b.close()]));
    expect(new Set(a.members.map(({ local }) => local.port)).size).toBe(1);
    expect(a.members.map(({ local }) => `${local.protocol} ${local.address}`)).toEqual([
      'udp 127.0.0.1',
      'tcp 127.0.0.1',
      'udp ::1',
      'tcp ::1',
    ]);
    const inbox = new Inbox(b);
    for (const protocol of ['udp', 'tcp'] as const)
      for (const address of ['127.0.0.1', '::1']) {
        a.send(Buffer.from(requestText()), { ...b.advertisedFor(protocol, address) });
        expect((await inbox.next()).source).toMatchObject({ protocol, address });
      }
    const error = await new Promise<Error>((resolve) => {
      a.send(Buffer.from('x'), { protocol: 'tls', address: '127.0.0.1', port: 5061 }, resolve);
    });
    expect(error.message).toMatch(/no tls listener/);
    expect(a.stats).toMatchObject({ sent: 4, connections: 2 });
  });
});
