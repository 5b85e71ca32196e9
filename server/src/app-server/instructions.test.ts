import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { generate } from 'selfsigned';
import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InstructionRequest } from '../calls/ports.ts';
import { seededRandom, silentLog, systemClock } from '../kernel/index.ts';
import { UndiciInstructions } from './instructions.undici.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const PARAMS = { CallSid: 'CA1', From: '+15550177', To: '+15550100' };

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

describe('requests to an application server', () => {
  let server: Server;
  let base: string;
  let seen: Seen[];
  let answer: (request: Seen, response: ServerResponse) => void;
  let instructions: UndiciInstructions;

  beforeEach(async () => {
    seen = [];
    answer = (_request, response) => response.setHeader('content-type', 'text/xml').end('<Response/>');
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
        seen.push(one);
        answer(one, response);
      });
    });
    base = await listen(server);
    instructions = client();
  });
  afterEach(async () => {
    await instructions.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const client = (
    options: { ca?: string; sessions?: ConstructorParameters<typeof UndiciInstructions>[0]['sessions'] } = {},
  ): UndiciInstructions =>
    new UndiciInstructions({
      keys: { authToken: () => TOKEN },
      clock: systemClock,
      random: seededRandom(1),
      log: silentLog,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.sessions === undefined ? {} : { sessions: options.sessions }),
    });
  const get = (url: string, change: Partial<InstructionRequest> = {}, signal = new AbortController().signal) =>
    instructions.fetch({ accountSid: 'AC1', callSid: 'CA1', url, method: 'POST', params: PARAMS, ...change }, signal);

  it('CR-2 are form-encoded POSTs signed for the official validator', async () => {
    const response = await get(`${base}/voice?tenant=7#rc=0`);
    expect(response).toMatchObject({ ok: true, status: 200, contentType: 'text/xml', body: '<Response/>' });
    const [request] = seen;
    expect(request!.headers['content-type']).toContain('application/x-www-form-urlencoded');
    const params = Object.fromEntries(new URLSearchParams(request!.body));
    expect(params).toEqual(PARAMS);
    const signature = String(request!.headers['x-twilio-signature']);
    expect(request!.url).toBe('/voice?tenant=7');
    expect(twilio.validateRequest(TOKEN, signature, `${base}/voice?tenant=7`, params)).toBe(true);
    expect(request!.headers['user-agent']).toMatch(/^Hookswitch/);
  });

  it('CR-2 as GET carry their parameters in the signed query', async () => {
    await get(`${base}/voice`, { method: 'GET' });
    const [request] = seen;
    expect(request!.method).toBe('GET');
    expect(twilio.validateRequest(TOKEN, String(request!.headers['x-twilio-signature']), base + request!.url, {})).toBe(
      true,
    );
    expect(new URL(base + request!.url).searchParams.get('From')).toBe('+15550177');
  });

  it('CR-1 follow redirects and sign each address', async () => {
    answer = (request, response) => {
      if (request.url === '/a') response.writeHead(307, { location: '/b' }).end();
      else if (request.url === '/b') response.writeHead(302, { location: '/c?x=1' }).end();
      else response.setHeader('content-type', 'text/xml').end('<Response/>');
    };
    const response = await get(`${base.replace('//', '//user:secret@')}/a`);
    expect(response.ok).toBe(true);
    expect(seen.map(({ method, url }) => `${method} ${url.split('&')[0]}`)).toEqual([
      'POST /a',
      'POST /b',
      'GET /c?x=1',
    ]);
    expect(seen.every(({ headers }) => headers.authorization === 'Basic dXNlcjpzZWNyZXQ=')).toBe(true);
    const last = seen[2]!;
    expect(twilio.validateRequest(TOKEN, String(last.headers['x-twilio-signature']), base + last.url, {})).toBe(true);
  });

  it('do not take credentials to another origin', async () => {
    const other = createServer((request, response) => {
      expect(request.headers.authorization).toBeUndefined();
      response.setHeader('content-type', 'text/xml').end('<Response/>');
    });
    const elsewhere = await listen(other);
    answer = (_request, response) => response.writeHead(307, { location: elsewhere }).end();
    expect((await get(base.replace('//', '//user:secret@'))).ok).toBe(true);
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  });

  it('CR-3 refused: one retry with the same idempotency token, then 11205', async () => {
    const port = await freePort();
    const started = systemClock.monotonic();
    const response = await get(`http://127.0.0.1:${port}/`);
    expect(response).toMatchObject({ ok: false, code: 11_205 });
    expect(response.ok ? '' : response.message).toContain('ECONNREFUSED');
    expect(systemClock.monotonic() - started).toBeGreaterThan(150);
  });

  it('CR-3 #rp=5xx&rc=2 tries three times with one idempotency token', async () => {
    answer = (_request, response) => {
      if (seen.length < 3) response.writeHead(503).end();
      else response.setHeader('content-type', 'text/xml').end('<Response/>');
    };
    expect((await get(`${base}/#rp=5xx&rc=2`)).ok).toBe(true);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ headers }) => headers['i-twilio-idempotency-token'])).size).toBe(1);
  });

  it('CR-3 a status of 500 is not retried by default: 11200', async () => {
    answer = (_request, response) => response.writeHead(500).end('<html>oops</html>');
    expect(await get(base)).toMatchObject({
      ok: false,
      code: 11_200,
      message: expect.stringContaining('500') as string,
    });
    expect(seen).toHaveLength(1);
  });

  it.each([
    ['#rt=300', /in time/],
    ['#tt=300', /300 ms/],
  ])('CR-3 a server that hangs is given up after %s', async (fragment, message) => {
    answer = () => undefined;
    const response = await get(base + '/' + fragment);
    expect(response).toMatchObject({ ok: false, code: 11_205, message: expect.stringMatching(message) as string });
  });

  it('CR-3 a server that begins a body and hangs is given up', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.write('<Resp');
    };
    expect(await get(`${base}/#tt=400`)).toMatchObject({ ok: false, code: 11_205 });
  });

  it('CR-3 a redirect loop ends: 11215', async () => {
    answer = (_request, response) => response.writeHead(302, { location: '/again' }).end();
    expect(await get(base)).toMatchObject({ ok: false, code: 11_215 });
    expect(seen).toHaveLength(6);
  });

  it('CR-3 a huge body is not read to its end: 11750', async () => {
    let sent = 0;
    answer = (_request, response) => {
      response.setHeader('content-type', 'text/xml');
      const chunk = Buffer.alloc(65_536, 'a');
      const more = (): void => {
        while (!response.destroyed && sent < 1 << 28) {
          sent += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', more);
            return;
          }
        }
      };
      more();
    };
    expect(await get(base)).toMatchObject({ ok: false, code: 11_750 });
    expect(sent).toBeLessThan(1 << 27);
  });

  it('CR-3 audio is not read at all', async () => {
    answer = (_request, response) => {
      response.setHeader('content-type', 'audio/wav');
      response.write(Buffer.alloc(200_000));
    };
    expect(await get(base)).toMatchObject({ ok: true, contentType: 'audio/wav', body: '' });
  });

  it('CR-3 an unknown host is 11210, an address that is none 11100', async () => {
    expect(await get('http://no-such-host.invalid/')).toMatchObject({ ok: false, code: 11_210 });
    expect(await get('ftp://app.example.com/')).toMatchObject({ ok: false, code: 11_100 });
  });

  it('CR-3 a certificate nobody vouches for is 11220; with its authority known the request is made', async () => {
    const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    const secure = createTlsServer({ key: pems.private, cert: pems.cert }, (request, response) => {
      request.resume();
      response.setHeader('content-type', 'text/xml').end('<Response/>');
    });
    const url = (await listen(secure)).replace('http:', 'https:');
    expect(await get(url)).toMatchObject({ ok: false, code: 11_220 });
    await instructions.close();
    instructions = client({ ca: pems.cert });
    expect(await get(url)).toMatchObject({ ok: true });
    secure.closeAllConnections();
    await new Promise((resolve) => secure.close(resolve));
  });

  it('CR-3 a server that does not speak HTTP is 11206', async () => {
    const tcp = createTcpServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.end('220 smtp ready\r\n'));
    });
    const url = await listen(tcp);
    expect(await get(url)).toMatchObject({ ok: false, code: 11_206 });
    await new Promise((resolve) => tcp.close(resolve));
  });

  it('are given up when the call has no use for them any more', async () => {
    const abort = new AbortController();
    answer = () => {
      abort.abort(new Error('call over'));
    };
    expect(await get(base, {}, abort.signal)).toMatchObject({
      ok: false,
      message: expect.stringContaining('given up') as string,
    });
  });

  it('SS-1 the session state is asked for cookies and told of new ones', async () => {
    const kept: string[] = [];
    await instructions.close();
    instructions = client({
      sessions: {
        cookies: (key) => Promise.resolve(key.from === '+15550177' && kept.length > 0 ? 'sid=1' : undefined),
        keep: (_key, _url, cookies) => {
          kept.push(...cookies);
          return Promise.resolve();
        },
      },
    });
    answer = (_request, response) =>
      response.setHeader('set-cookie', 'sid=1; Path=/').setHeader('content-type', 'text/xml').end('<Response/>');
    await get(base);
    await get(base);
    expect(kept[0]).toBe('sid=1; Path=/');
    expect(seen.map(({ headers }) => headers.cookie)).toEqual([undefined, 'sid=1']);
  });
});

async function listen(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): AddressInfo | string | null;
}): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  const url = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return Number(new URL(url).port);
}
