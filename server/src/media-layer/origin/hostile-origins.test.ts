import { once } from 'node:events';
import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { systemClock } from '../../kernel/index.ts';
import type { CountingOrigin } from '../testing/counting-origin.ts';
import { startOrigin } from '../testing/counting-origin.ts';
import { addressPolicy } from './address-policy.ts';
import { createOrigins } from './origins.undici.ts';
import type { OriginsOptions } from './origins.undici.ts';
import type { Resolve } from './ports.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const OTHER = `AC${'b'.repeat(32)}`;
const LOOPBACK = addressPolicy(['127.0.0.0/8', '::1/128']);

let origin: CountingOrigin;
beforeAll(async () => {
  origin = await startOrigin();
});
afterAll(() => origin.close());
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

function open(options: OriginsOptions = {}) {
  const origins = createOrigins({ clock: systemClock, policy: LOOPBACK, ...options });
  opened.push(() => origins.close());
  return {
    get: (url: string, accountSid = ACCOUNT) => origins.get({ accountSid, url, headers: {} }),
  };
}
const names =
  (table: Record<string, readonly string[]>, asked: string[] = []): Resolve =>
  (hostname, callback) => {
    asked.push(hostname);
    const addresses = (table[hostname] ?? []).map((address): LookupAddress => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    callback(null, addresses);
  };
const port = (): string => new URL(origin.url).port;

/** A server that says with raw bytes what no HTTP library would. */
async function rawServer(behave: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    behave(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
}

describe('addresses', () => {
  it.each([
    ...['127.0.0.1', '127.9.9.9', '2130706433', '0x7f.1', '0177.0.0.1', '0.0.0.0', '10.0.0.1', '172.16.5.5'],
    ...['192.168.1.1', '169.254.169.254', '100.64.0.1', '224.0.0.1', '255.255.255.255', '[::1]', '[::]', '[fe80::1]'],
    ...['[fd00:ec2::254]', '[::ffff:127.0.0.1]', '[::ffff:a9fe:a9fe]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]'],
  ])('MC-9 the literal %s is refused without a connection', async (host) => {
    const { get } = open({ policy: addressPolicy() });
    const before = origin.requests.length;
    await expect(get(`http://${host}:${port()}/`)).rejects.toMatchObject({ reason: 'blocked-address' });
    expect(origin.requests.length).toBe(before);
  });

  it('MC-9 a name that leads to a private address is refused; the message says what the operator can do', async () => {
    const { get } = open({ policy: addressPolicy(), resolve: names({ 'inside.test': ['127.0.0.1', '::1'] }) });
    await expect(get(`http://inside.test:${port()}/`)).rejects.toMatchObject({
      reason: 'blocked-address',
      code: 11_210,
      message: expect.stringContaining('--media-private') as string,
    });
    await expect(open({ policy: addressPolicy() }).get(`http://localhost:${port()}/`)).rejects.toMatchObject({
      reason: 'blocked-address',
    });
  });

  it('MC-9 the connection is made to the address that was checked: a name that changes is looked up once', async () => {
    origin.serve('/checked', (_request, response) => response.end('audio'));
    const asked: string[] = [];
    const table = names({ 'rebinding.test': ['169.254.169.254', '127.0.0.1'] }, asked);
    const { get } = open({ resolve: table });
    expect((await get(`http://rebinding.test:${port()}/checked`)).status).toBe(200);
    expect(asked).toEqual(['rebinding.test']);
  });

  it('MC-9 a redirect to a private address is refused, by literal and by name', async () => {
    const policy = addressPolicy(['127.0.0.1/32']);
    const { get } = open({ policy, resolve: names({ 'far.test': ['127.0.0.2'] }) });
    for (const [at, where] of [`http://127.0.0.2:${port()}/x`, `http://far.test:${port()}/x`].entries()) {
      origin.serve(`/away${String(at)}`, (_request, response) => response.writeHead(302, { location: where }).end());
      await expect(get(`${origin.url}/away${String(at)}`)).rejects.toMatchObject({ reason: 'blocked-address' });
    }
    expect(origin.count('/x')).toBe(0);
  });

  it('MC-9 only http and https, first and after redirects', async () => {
    origin.serve('/file', (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end());
    for (const url of ['file:///etc/passwd', 'gopher://127.0.0.1/', `${origin.url}/file`, 'no url']) {
      await expect(open().get(url)).rejects.toMatchObject({ reason: 'bad-url' });
    }
  });

  it('MC-9 what the operator lists is allowed, in its own family alone', () => {
    const policy = addressPolicy(['10.1.0.0/16', 'fd00::/8']);
    const allowed = ['10.1.2.3', '::ffff:10.1.2.3', 'fd12::1', '8.8.8.8', '2606:4700::1'];
    expect(allowed.map((address) => policy.allows(address))).toEqual(allowed.map(() => true));
    const refused = ['10.2.0.1', 'fe80::1', '127.0.0.1', '', 'name', '::ffff:10.2.0.1'];
    expect(refused.map((address) => policy.allows(address))).toEqual(refused.map(() => false));
  });
});

describe('redirects, sizes and time', () => {
  it('MC-9 redirects end after five, in circles and in chains', async () => {
    origin.serve('/round', (_request, response) => response.writeHead(302, { location: '/round' }).end());
    await expect(open().get(`${origin.url}/round`)).rejects.toMatchObject({ reason: 'redirects', code: 11_215 });
    expect(origin.count('/round')).toBe(6);
  });

  it('MC-9 a body that never ends stops at the limit, with and without a length', async () => {
    const endless = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: audio/wav\r\n\r\n');
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
      };
      socket.on('drain', more);
      more();
    });
    await expect(open({ maxBytes: 1_000_000 }).get(endless)).rejects.toMatchObject({ reason: 'too-large' });
    origin.serve('/long', (_request, response) => response.writeHead(200, { 'content-length': 99_000_000 }).write('x'));
    await expect(open().get(`${origin.url}/long`)).rejects.toMatchObject({ reason: 'too-large', code: 11_751 });
  });

  it('MC-9 compressed bodies are undone, bombs stop at the limit, unknown codings are told', async () => {
    const text = Buffer.from('RIFF of some kind');
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const cases: Record<string, [string, Uint8Array]> = {
      '/gzip': ['gzip', gzipSync(text)],
      '/br': ['br', brotliCompressSync(text)],
      '/bomb': ['gzip', bomb],
      '/zstd': ['zstd', text],
      '/twice': ['gzip, gzip', gzipSync(gzipSync(text))],
      '/broken': ['gzip', text],
      '/brokenbr': ['br', text],
    };
    for (const [path, [coding, body]] of Object.entries(cases)) {
      origin.serve(path, (_request, response) => response.writeHead(200, { 'content-encoding': coding }).end(body));
    }
    const { get } = open();
    for (const path of ['/gzip', '/br']) expect(Buffer.from((await get(origin.url + path)).body)).toEqual(text);
    expect(bomb.length).toBeLessThan(100_000);
    await expect(get(`${origin.url}/bomb`)).rejects.toMatchObject({ reason: 'too-large' });
    for (const path of ['/zstd', '/twice', '/broken', '/brokenbr']) {
      await expect(get(origin.url + path)).rejects.toMatchObject({ reason: 'not-audio' });
    }
  });

  it.each([
    ['accepts and says nothing', ''],
    ['sends its header byte by byte', 'HTTP/1.1 200 OK\r\nx-slow: '],
    ['sends its body byte by byte', 'HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n'],
    ['redirects with a body that never ends', 'HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 1000\r\n\r\n'],
  ])('MC-9 an origin that %s is left when the time is over', async (_name, head) => {
    const clock = new FakeClock();
    const asked = Promise.withResolvers<Socket>();
    const url = await rawServer((socket) => {
      socket.once('data', () => {
        socket.write(head);
        asked.resolve(socket);
      });
    });
    const answer = open({ clock, timeoutMs: 5000 }).get(url);
    const outcome = expect(answer).rejects.toMatchObject({ reason: 'connection', code: 11_205 });
    const socket = await asked.promise;
    for (let at = 0; at < 4; at++) {
      socket.write('a');
      clock.advance(1000);
    }
    const closed = new Promise((resolve) => socket.once('close', resolve));
    clock.advance(1000);
    await outcome;
    await closed;
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a header without end', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}`],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    ['less than it promised', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nab'],
    ['nothing, and hangs up', ''],
  ])('MC-9 an origin that sends %s is an error of its own', async (_name, bytes) => {
    const url = await rawServer((socket) => socket.once('data', () => socket.end(bytes)));
    await expect(open().get(url)).rejects.toMatchObject({ reason: 'connection' });
  });

  it('MC-9 an account whose origins hang keeps no other account waiting, even at the same origin', async () => {
    origin.serve('/hangs', () => undefined);
    origin.serve('/quick', (_request, response) => response.end('audio'));
    const { get } = open({ atOnce: 4, waiting: 20 });
    const hanging = Array.from({ length: 24 }, () => get(`${origin.url}/hangs`).catch((error: unknown) => error));
    await expect(get(`${origin.url}/quick`)).rejects.toMatchObject({ reason: 'busy' });
    for (let at = 0; at < 10; at++) expect((await get(`${origin.url}/quick`, OTHER)).status).toBe(200);
    expect(origin.count('/hangs')).toBeLessThanOrEqual(4);
    for (const close of opened.splice(0)) await close();
    expect((await Promise.all(hanging)).length).toBe(24);
  });

  it('MC-9 while one account plays every hostile origin, another is answered; each ends with its own error', async () => {
    const raw = (bytes: string): Promise<string> =>
      rawServer((socket) => socket.once('data', () => socket.write(bytes)));
    const away = `http://127.0.0.2:${port()}/x`;
    const bomb = gzipSync(Buffer.alloc(40 * 1024 * 1024));
    origin.serve('/h-round', (_request, response) => response.writeHead(302, { location: '/h-round' }).end());
    origin.serve('/h-away', (_request, response) => response.writeHead(302, { location: away }).end());
    origin.serve('/h-bomb', (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    origin.serve('/h-quick', (_request, response) => response.end('audio'));
    const cases: readonly (readonly [url: string, reason: string])[] = [
      [await raw(''), 'connection'],
      [await raw('HTTP/1.1 200 OK\r\nx-slow: '), 'connection'],
      [await raw('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nab'), 'connection'],
      [await raw('SSH-2.0-OpenSSH_9.2\r\n'), 'connection'],
      [`${origin.url}/h-round`, 'redirects'],
      [`${origin.url}/h-away`, 'blocked-address'],
      [`${origin.url}/h-bomb`, 'too-large'],
      [`http://169.254.169.254/`, 'blocked-address'],
    ];
    const clock = new FakeClock();
    const { get } = open({ clock, policy: addressPolicy(['127.0.0.1/32']) });
    let hanging = 0;
    const flood = [...cases, ...cases, ...cases].map(async ([url]) => {
      hanging++;
      const error = await get(url).catch((failure: unknown) => failure);
      hanging--;
      return (error as { readonly reason?: string }).reason;
    });
    for (let at = 0; at < 20; at++) expect((await get(`${origin.url}/h-quick`, OTHER)).status).toBe(200);
    // Time does not pass here: those that say nothing are still waited for, and nobody had to wait for them.
    const endsByItself = (_outcome: unknown, at: number): boolean => at % cases.length >= 3;
    await Promise.all(flood.filter(endsByItself));
    expect(hanging).toBe(9);
    clock.advance(15_000);
    const reasons = cases.map(([, reason]) => reason);
    expect(await Promise.all(flood)).toEqual([...reasons, ...reasons, ...reasons]);
    expect(clock.pendingTimers).toBe(0);
  }, 30_000);
});
