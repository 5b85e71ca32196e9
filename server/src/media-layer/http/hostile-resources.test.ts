import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { fastify } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import { layerPrompts } from '../layer-prompts.ts';
import { addressPolicy } from '../origin/address-policy.ts';
import { createOrigins } from '../origin/origins.undici.ts';
import { createConverter } from '../processing/converter.child.ts';
import type { CountingOrigin } from '../testing/counting-origin.ts';
import { startOrigin } from '../testing/counting-origin.ts';
import { testLayer } from '../testing/layers.ts';
import { mediaRoutes } from './media.fastify.ts';

const [ACCOUNT, OTHER] = [`AC${'a'.repeat(32)}`, `AC${'b'.repeat(32)}`];
const TIMEOUT_MS = 5000;

const sox = (...args: string[]): Buffer => execFileSync('sox', ['-V1', '-D', '-n', ...args], { maxBuffer: 2 ** 26 });
const answer = (response: ServerResponse, body: Buffer | string, headers: Record<string, string> = {}): void => {
  response.writeHead(200, headers).end(body);
};

/** What a hostile origin does, how the layer answers over HTTP, and the code that a call's notification has. */
const CASES: readonly (readonly [name: string, path: string, status: number, reason: string, code: number])[] = [
  ['a private address, as a literal', 'http://10.0.0.1/x', 403, 'blocked-address', 11_210],
  ['the metadata service of a cloud', 'http://169.254.169.254/latest/', 403, 'blocked-address', 11_210],
  ['a private address, as a number', 'http://2130706434/x', 403, 'blocked-address', 11_210],
  ['IPv4 in IPv6', 'http://[::ffff:10.0.0.1]/x', 403, 'blocked-address', 11_210],
  ['a name that resolves to one', 'http://inside.example/x', 403, 'blocked-address', 11_210],
  ['a redirect to a literal', '/to-literal', 403, 'blocked-address', 11_210],
  ['a redirect to such a name', '/to-name', 403, 'blocked-address', 11_210],
  ['a redirect to a file', '/to-file', 400, 'bad-url', 11_210],
  ['a file', 'file:///etc/passwd', 400, 'bad-url', 11_210],
  ['redirects without end', '/round', 502, 'redirects', 11_215],
  ['a web page as audio', '/page', 502, 'not-audio', 12_300],
  ['a playlist', '/playlist', 502, 'not-audio', 12_300],
  ['an executable', '/program', 502, 'not-audio', 12_300],
  ['a decompression bomb', '/bomb', 502, 'too-large', 11_751],
  ['a body without end', '/endless', 502, 'too-large', 11_751],
  ['ten minutes of silence in a few bytes', '/minutes', 502, 'too-large', 11_751],
  ['less than it promised', 'raw:HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nab', 502, 'connection', 11_205],
  ['no HTTP', 'raw:SSH-2.0-OpenSSH_9.2\r\n', 502, 'connection', 11_205],
  ['an error', '/missing', 502, 'http-status', 11_200],
  ['a slow header', 'slow:HTTP/1.1 200 OK\r\nx-slow: ', 502, 'connection', 11_205],
  ['a slow body', 'slow:HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n', 502, 'connection', 11_205],
  ['silence', 'slow:', 502, 'connection', 11_205],
];

let origin: CountingOrigin;
const closers: (() => unknown)[] = [];
beforeAll(async () => {
  origin = await startOrigin();
  const port = new URL(origin.url).port;
  const redirects = { literal: 'http://10.1.2.3/', name: `http://inside.example:${port}/`, file: 'file:///etc/passwd' };
  for (const [to, location] of Object.entries(redirects)) {
    origin.serve(`/to-${to}`, (_request, response) => response.writeHead(302, { location }).end());
  }
  origin.serve('/round', (_request, response) => response.writeHead(302, { location: '/round' }).end());
  origin.serve('/page', (_request, response) => {
    answer(response, '<!DOCTYPE html><html>', { 'content-type': 'audio/wav' });
  });
  origin.serve('/playlist', (_request, response) => {
    answer(response, '#EXTM3U\nfile:///etc/passwd\n', { 'content-type': 'audio/mpeg' });
  });
  origin.serve('/program', (_request, response) => {
    answer(response, Buffer.from('\x7fELF'.padEnd(4096, '\0'), 'latin1'), { 'content-type': 'audio/x-wav' });
  });
  const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024));
  origin.serve('/bomb', (_request, response) => {
    answer(response, bomb, { 'content-encoding': 'gzip' });
  });
  origin.serve('/endless', (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more).writeHead(200, { 'content-type': 'audio/basic' });
    more();
  });
  const minutes = sox('-r', '8000', '-t', 'flac', '-', 'trim', '0', '600');
  expect(minutes.length).toBeLessThan(1_000_000);
  origin.serve('/minutes', (_request, response) => {
    answer(response, minutes);
  });
  const tone = sox('-r', '8000', '-t', 'wav', '-', 'synth', '0.2', 'sine', '440');
  for (let n = 0; n < 20; n++) {
    origin.serve(`/good${String(n)}`, (_request, response) => {
      answer(response, tone, { 'cache-control': 'max-age=600' });
    });
  }
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
  await origin.close();
});

async function rawServer(bytes: string, ends: boolean): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.once('data', () => (ends ? socket.end(bytes) : socket.write(bytes)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
}

const urlOf = async (what: string): Promise<string> => {
  if (what.startsWith('raw:')) return await rawServer(what.slice(4), true);
  if (what.startsWith('slow:')) return await rawServer(what.slice(5), false);
  return what.startsWith('/') ? origin.url + what : what;
};

it('MC-9 every hostile origin has its own error, over HTTP and for calls, and costs no other account anything', async () => {
  const clock = new FakeClock();
  const origins = createOrigins({
    ...{ clock, policy: addressPolicy(['127.0.0.1/32']), timeoutMs: TIMEOUT_MS, maxBytes: 1024 * 1024 },
    resolve: (_hostname, found) => {
      found(null, [{ address: '10.9.8.7', family: 4 }]);
    },
  });
  closers.push(() => origins.close());
  const converter = createConverter({ maxBytes: 1_000_000, timeoutMs: 60_000 });
  const made = testLayer({ clock, origins, converter });
  const app = fastify({ forceCloseConnections: true });
  const callers = { accountOf: (header: string | undefined) => header };
  await app.register(mediaRoutes({ ...made, callers, log: silentLog }));
  closers.push(() => app.close());
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  const ask = (url: string, account: string) =>
    fetch(`${base}/media/v1/resource?url=${encodeURIComponent(url)}`, { headers: { authorization: account } });

  const urls = await Promise.all(CASES.map(([, what]) => urlOf(what)));
  const hostile = urls.map(async (url) => {
    const response = await ask(url, ACCOUNT);
    // That it is longer than it may be turns out while it is heard: the transfer breaks off.
    if (url.endsWith('/minutes')) {
      await expect(response.arrayBuffer()).rejects.toThrow();
      return [502, 'too-large', 11_751];
    }
    const { reason, code } = (await response.json()) as { reason: string; code: number };
    return [response.status, reason, code];
  });
  for (let n = 0; n < 20; n++) {
    const good = await ask(`${origin.url}/good${String(n)}`, OTHER);
    expect([good.status, (await good.arrayBuffer()).byteLength]).toEqual([200, 1600]);
  }
  const inTime = (_outcome: unknown, at: number): boolean => CASES[at]?.[1].startsWith('slow:') !== true;
  await Promise.all(hostile.filter(inTime));
  clock.advance(TIMEOUT_MS);
  const outcomes = await Promise.all(hostile);
  expect(CASES.map(([name], at) => [name, ...(outcomes[at] ?? [])])).toEqual(
    CASES.map(([name, , ...expected]) => [name, ...expected]),
  );
  expect(made.statistics.all().get(OTHER)).toMatchObject({ misses: 20, failures: 0, conversions: 1 });

  // The same reasons reach a call, with a sentence for people that names the cause.
  const prompts = layerPrompts(async (accountSid, source) => {
    const { body } = await made.layer.get({ accountSid, source, form: { codec: 'pcmu', rate: 8000 } });
    return body;
  }, silentLog);
  for (const [at, [name, , , reason, code]] of CASES.entries()) {
    if (!inTime(undefined, at) || name.startsWith('ten minutes')) continue;
    const played = await prompts.fetch({ accountSid: ACCOUNT, url: urls[at] ?? '' });
    expect(played, name).toMatchObject({ ok: false, code });
    expect(played.ok || played.message.length, `${name}: ${reason}`).toBeGreaterThan(20);
  }
  expect(clock.pendingTimers).toBe(0);
}, 60_000);
