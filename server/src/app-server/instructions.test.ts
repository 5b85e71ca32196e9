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
import { MemorySessionStore } from './session-state/session-store.memory.ts';
import { StoredSessionState } from './session-state/stored-session-state.ts';
import type { HttpExchange } from './ports.ts';

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
    options: Partial<
      Pick<ConstructorParameters<typeof UndiciInstructions>[0], 'ca' | 'sessions' | 'tap' | 'lanes'>
    > = {},
  ): UndiciInstructions =>
    new UndiciInstructions({
      keys: { authToken: () => TOKEN },
      clock: systemClock,
      random: seededRandom(1),
      log: silentLog,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.sessions === undefined ? {} : { sessions: options.sessions }),
      ...(options.tap === undefined ? {} : { tap: options.tap }),
      ...(options.lanes === undefined ? {} : { lanes: options.lanes }),
    });
  const get = (url: string, change: Partial<InstructionRequest> = {}, signal = new AbortController().signal) =>
    instructions.fetch({ accountSid: 'AC1', callSid: 'CA1', url, method: 'POST', params: PARAMS, ...change }, signal);

  it('are told to the tap one by one: redirects, failures, answers; without credentials', async () => {
    const told: HttpExchange[] = [];
    await instructions.close();
    instructions = client({ tap: (exchange) => told.push(exchange) });
    answer = ({ url }, response) => {
      if (url === '/moved') response.writeHead(302, { location: '/voice' }).end();
      else if (url === '/bad') response.writeHead(500).end('secret of the server');
      else response.setHeader('content-type', 'text/xml').end('<Response/>');
    };
    const withPassword = base.replace('://', '://user:hush@');
    await get(`${withPassword}/moved#rc=0`);
    await get(`${base}/bad#rc=1&rp=5xx`);
    await get('http://127.0.0.1:1/#rc=0');
    expect(told.map(({ method, url, status, problem }) => [method, url, status, problem?.slice(0, 24)])).toEqual([
      ['POST', `${base}/moved`, 302, undefined],
      ['GET', `${base}/voice`, 200, undefined],
      ['POST', `${base}/bad`, 500, 'the application server a'],
      ['POST', `${base}/bad`, 500, 'the application server a'],
      ['POST', 'http://127.0.0.1:1/', undefined, expect.any(String)],
    ]);
    expect(told[0]).toMatchObject({ callSid: 'CA1', params: PARAMS, location: `${base}/voice` });
    expect(told[1]).toMatchObject({ body: '<Response/>', contentType: 'text/xml' });
    expect(JSON.stringify(told)).not.toMatch(/hush|secret of the server/);
    expect(told.every(({ durationMs }) => durationMs >= 0)).toBe(true);
  });

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

  it('CR-3 a certificate nobody vouches for is 11237; with its authority known the request is made', async () => {
    const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    const secure = createTlsServer({ key: pems.private, cert: pems.cert }, (request, response) => {
      request.resume();
      response.setHeader('content-type', 'text/xml').end('<Response/>');
    });
    const url = (await listen(secure)).replace('http:', 'https:');
    expect(await get(url)).toMatchObject({ ok: false, code: 11_237 });
    await instructions.close();
    instructions = client({ ca: pems.cert });
    expect(await get(url)).toMatchObject({ ok: true });
    secure.closeAllConnections();
    await new Promise((resolve) => secure.close(resolve));
  });

  it.each([
    ['another name', 11_235, { ip: '192.0.2.1', days: 1 }],
    ['the past', 11_236, { ip: '127.0.0.1', days: -1 }],
  ])('CR-3 a trusted certificate for %s is %i', async (_name, code, { ip, days }) => {
    const now = systemClock.now();
    const pems = await generate([{ name: 'commonName', value: 'app' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip }] }],
      notBeforeDate: new Date(now - 10 * 86_400_000),
      notAfterDate: new Date(now + days * 86_400_000),
    });
    const secure = createTlsServer({ key: pems.private, cert: pems.cert }, (_request, response) => response.end());
    const url = (await listen(secure)).replace('http:', 'https:');
    await instructions.close();
    instructions = client({ ca: pems.cert });
    expect(await get(url)).toMatchObject({ ok: false, code });
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

  it('CR-2 parameters as JSON: the digest of the body is in the signed URL', async () => {
    await get(`${base}/voice?tenant=7#pf=json`);
    const [request] = seen;
    expect(request!.headers['content-type']).toContain('application/json');
    expect(JSON.parse(request!.body)).toEqual(PARAMS);
    const signature = String(request!.headers['x-twilio-signature']);
    expect(twilio.validateRequestWithBody(TOKEN, signature, base + request!.url, request!.body)).toBe(true);
    expect(twilio.validateRequestWithBody(TOKEN, signature, base + request!.url, `${request!.body} `)).toBe(false);
  });

  it('CR-1 documents had by GET are asked for again only if they changed', async () => {
    let version = 1;
    answer = ({ headers }, response) => {
      response.setHeader('etag', `"${version}"`).setHeader('content-type', 'text/xml');
      if (headers['if-none-match'] === `"${version}"`) response.writeHead(304).end();
      else response.end(`<Response><Say>${version}</Say></Response>`);
    };
    const change = { method: 'GET' } as const;
    const first = await get(base, change);
    expect(await get(base, change)).toMatchObject({ ok: true, status: 200, body: first.ok ? first.body : '' });
    expect(seen[1]!.headers['if-none-match']).toBe('"1"');
    version = 2;
    expect(await get(base, change)).toMatchObject({ body: '<Response><Say>2</Say></Response>' });
    // Another account, another address, a POST: nothing is known of them.
    await get(base, { ...change, accountSid: 'AC2' });
    await get(`${base}/other`, change);
    await get(base);
    expect(seen.slice(3).map(({ headers }) => headers['if-none-match'])).toEqual([undefined, undefined, undefined]);
  });

  it('CR-1 documents without ETag are asked for by their date; those that must not be kept are not', async () => {
    const date = 'Fri, 02 Jan 2026 03:04:05 GMT';
    answer = ({ url }, response) => {
      response.setHeader('last-modified', date).setHeader('content-type', 'text/xml');
      if (url.startsWith('/secret')) response.setHeader('cache-control', 'private, no-store');
      if (url.startsWith('/vary')) response.setHeader('vary', 'X-Else');
      response.end('<Response/>');
    };
    for (const path of ['/', '/', '/secret', '/secret', '/vary', '/vary']) await get(base + path, { method: 'GET' });
    expect(seen.map(({ headers }) => headers['if-modified-since'])).toEqual([
      ...[undefined, date],
      ...[undefined, undefined, undefined, undefined],
    ]);
  });

  it('SS-1 cookies set on the way of a redirect are sent on', async () => {
    await instructions.close();
    const store = new MemorySessionStore();
    const state = new StoredSessionState({ store, clock: systemClock, random: seededRandom(1), log: silentLog });
    instructions = client({ sessions: state });
    answer = ({ url }, response) => {
      if (url === '/login') response.writeHead(303, { location: '/voice', 'set-cookie': 'sid=7; Path=/' }).end();
      else response.setHeader('content-type', 'text/xml').end('<Response/>');
    };
    await get(`${base}/login`);
    await get(`${base}/next`, { callSid: 'CA2', session: { callSid: 'CA2', from: '+15550177', to: '+15550100' } });
    await get(`${base}/next`, { session: { callSid: 'CA3', from: '+15550178', to: '+15550100' } });
    expect(seen.map(({ headers }) => headers.cookie)).toEqual([undefined, 'sid=7', 'sid=7', undefined]);
  });

  it('SS-4 tell of visits of tracking links, signed, until one is answered', async () => {
    await instructions.close();
    const store = new MemorySessionStore();
    const state = new StoredSessionState({ store, clock: systemClock, random: seededRandom(1), log: silentLog });
    instructions = client({ sessions: state });
    const key = { accountSid: 'AC1', callSid: 'CA1', from: '+15550177', to: '+15550100' };
    await state.visited(key, { id: '1', linkSid: 'TL1', webSession: 'w', at: 0 });
    answer = (_request, response) => {
      if (seen.length === 1) response.writeHead(500).end();
      else response.setHeader('content-type', 'text/xml').end('<Response/>');
    };
    for (let n = 0; n < 3; n++) await get(base);
    const told = seen.map(({ body }) => new URLSearchParams(body).get('TrackingLinkSid'));
    expect(told).toEqual(['TL1', 'TL1', null]);
    const { body, headers } = seen[1]!;
    const params = Object.fromEntries(new URLSearchParams(body));
    expect(params).toMatchObject({ TrackingLinkVisits: '1', TrackingLinkVisitedAt: '1970-01-01T00:00:00.000Z' });
    expect(twilio.validateRequest(TOKEN, String(headers['x-twilio-signature']), `${base}/`, params)).toBe(true);
  });

  it('a hanging server of one account: its further requests wait and are given up in time, others go through', async () => {
    await instructions.close();
    instructions = client({ lanes: { width: 2, waiting: 2 } });
    answer = ({ url }, response) => {
      if (url === '/fast') response.setHeader('content-type', 'text/xml').end('<Response/>');
    };
    const hanging = Array.from({ length: 5 }, () => get(`${base}/slow#tt=1500&rc=0`, { accountSid: 'AC-slow' }));
    expect((await get(`${base}/fast`, { accountSid: 'AC-fast' })).ok).toBe(true);
    expect(seen.filter(({ url }) => url === '/slow').length).toBeLessThanOrEqual(2);
    for (let n = 0; n < 9; n++) expect((await get(`${base}/fast`, { accountSid: 'AC-fast' })).ok).toBe(true);
    const slow = await Promise.all(hanging);
    expect(slow.map((one) => (one.ok ? 0 : one.code))).toEqual(Array.from({ length: 5 }, () => 11_205));
    // Two waited in the line, one was too many.
    expect(slow.filter((one) => !one.ok && one.message.includes('requests of this account wait'))).toHaveLength(1);
  });

  it('SS-1 the session state is asked for cookies and told of new ones', async () => {
    const kept: string[] = [];
    await instructions.close();
    instructions = client({
      sessions: {
        begin: (key) =>
          Promise.resolve({
            cookies: key.from === '+15550177' && kept.length > 0 ? 'sid=1' : undefined,
            visits: [],
            keep: (cookies) => {
              kept.push(...cookies);
              return Promise.resolve();
            },
          }),
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
