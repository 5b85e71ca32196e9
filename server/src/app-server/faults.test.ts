import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../bus/testing/eventually.ts';
import { CallWorld, settle } from '../calls/testing/call-world.fake.ts';
import { seededRandom, silentLog, systemClock } from '../kernel/index.ts';
import { UndiciInstructions } from './instructions.undici.ts';

const BOMB = `<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">${Array.from({ length: 9 }, (_, n) => {
  const [one, next] = ['abcdefghij'[n], 'abcdefghij'[n + 1]];
  return `<!ENTITY ${next} "${`&${one};`.repeat(10)}">`;
}).join('')}]><Response><Say>&j;</Say></Response>`;

/** What a faulty application server does, by path. */
const FAULTS: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
  '/slow': (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/xml' });
    const timer = systemClock.setTimer(60, () => response.write('<'));
    response.on('close', () => {
      timer.cancel();
    });
  },
  '/hanging': () => undefined,
  '/reset': (request) => {
    request.socket.resetAndDestroy();
  },
  '/closed': (request) => {
    request.socket.end();
  },
  '/500': (_request, response) => response.writeHead(500).end('<h1>oops</h1>'),
  '/404': (_request, response) => response.writeHead(404).end(),
  '/loop': (_request, response) => response.writeHead(302, { location: '/loop' }).end(),
  '/huge': (_request, response) => {
    response.setHeader('content-type', 'text/xml');
    response.end(`<Response><Say>${'x'.repeat(10 * 1_048_576)}</Say></Response>`);
  },
  '/malformed': (_request, response) =>
    response.setHeader('content-type', 'text/xml').end('<Response><Say>x</Response>'),
  '/bomb': (_request, response) => response.setHeader('content-type', 'text/xml').end(BOMB),
  '/mime': (_request, response) => response.setHeader('content-type', 'application/pdf').end('%PDF'),
  '/json': (_request, response) => response.setHeader('content-type', 'application/json').end('[{"verb":'),
};

/** Application servers with faults, and one fallback URL that works. */
class FaultyServers {
  readonly fallbacks: URLSearchParams[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly urls = new Map<string, string>();

  async open(): Promise<void> {
    const http = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://x');
      if (url.pathname === '/fallback') {
        this.fallbacks.push(url.searchParams);
        response.setHeader('content-type', 'text/xml').end('<Response><Say>the fallback</Say></Response>');
      } else FAULTS[url.pathname]?.(request, response);
    });
    const base = await this.#listen(http);
    for (const path of Object.keys(FAULTS)) this.urls.set(path, `${base}${path}`);
    this.urls.set('/fallback', `${base}/fallback`);
    const closed = createTcpServer();
    this.urls.set('/refused', await this.#listen(closed));
    closed.close();
    this.urls.set('/smtp', await this.#listen(createTcpServer((socket) => socket.end('220 smtp ready\r\n'))));
    this.urls.set('/plain', base.replace('http:', 'https:'));
    const altNames = [{ type: 7 as const, ip: '127.0.0.1' }];
    this.urls.set('/self-signed', await this.#tls({ altNames }));
    this.urls.set('/unknown-host', 'http://no-such-host.invalid/');
    this.urls.set('/no-url', 'ftp://app.example.com/');
  }

  async #tls({ altNames }: { altNames: { type: 7; ip: string }[] }): Promise<string> {
    const pems = await generate([{ name: 'commonName', value: 'app' }], {
      extensions: [{ name: 'subjectAltName', altNames }],
    });
    const server = createTlsServer({ key: pems.private, cert: pems.cert }, (_request, response) => response.end());
    return (await this.#listen(server)).replace('http:', 'https:');
  }

  async #listen(server: Server): Promise<string> {
    this.#servers.push(server);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe('CR-3 faulty application servers', () => {
  const servers = new FaultyServers();
  let instructions: UndiciInstructions;
  beforeAll(async () => {
    await servers.open();
    const keys = { authToken: () => 'token' };
    instructions = new UndiciInstructions({ keys, clock: systemClock, random: seededRandom(1), log: silentLog });
  });
  afterAll(async () => {
    await instructions.close();
    servers.close();
  });

  const call = async (path: string, withFallback: boolean): Promise<CallWorld> => {
    const world = new CallWorld(undefined, () => ({ instructions }));
    const fallback = { url: servers.urls.get('/fallback') ?? '', method: 'GET' } as const;
    const voice = { url: `${servers.urls.get(path) ?? ''}#tt=400&ct=300`, method: 'POST' } as const;
    world.application = { ...world.application!, voice, fallback: withFallback ? fallback : undefined };
    await world.call();
    await eventually(async () => {
      await settle();
      expect(world.story().at(-1)).toContain('ended');
    });
    return world;
  };

  it.each<[string, number]>([
    ['/refused', 11_205],
    ['/slow', 11_205],
    ['/hanging', 11_205],
    ['/reset', 11_205],
    ['/closed', 11_205],
    ['/500', 11_200],
    ['/404', 11_200],
    ['/loop', 11_215],
    ['/huge', 11_750],
    ['/malformed', 12_100],
    ['/bomb', 12_100],
    ['/mime', 12_300],
    ['/json', 12_100],
    ['/smtp', 11_206],
    ['/plain', 11_220],
    ['/self-signed', 11_237],
    ['/unknown-host', 11_210],
    ['/no-url', 11_100],
  ])(
    '%s: %i in the event, the fallback URL is taken and told; without one the caller hears why',
    async (path, code) => {
      servers.fallbacks.length = 0;
      const saved = await call(path, true);
      const failed = saved.events.filter(({ type }) => type === 'call.instructions-failed');
      expect(failed.map(({ data }) => (data as { code: number }).code)).toEqual([code]);
      expect(servers.fallbacks).toHaveLength(1);
      expect(servers.fallbacks[0]!.get('ErrorCode')).toBe(String(code));
      expect(servers.fallbacks[0]!.get('ErrorUrl')).toContain(new URL(servers.urls.get(path)!).host);
      expect(saved.story().join('\n')).toContain('verb-ended Say');
      expect(saved.story().at(-1)).toContain('ended completed');
      const lost = await call(path, false);
      expect(lost.legs.commands).toEqual([
        'ring caller',
        'answer caller',
        'play:wav caller',
        'end:application-error caller',
      ]);
      expect(lost.logs.some(({ level, message }) => level === 'error' && message.includes('no instructions'))).toBe(
        true,
      );
    },
  );

  it('while one account’s server hangs, the requests of another take no longer than before', async () => {
    const url = servers.urls.get('/fallback') ?? '';
    const never = new AbortController().signal;
    const ask = async (accountSid: string, to: string): Promise<number> => {
      const request = { accountSid, callSid: 'CA1', url: to, method: 'GET' as const, params: {} };
      return (await instructions.fetch(request, never)).durationMs;
    };
    const round = async (): Promise<number> => {
      const times: number[] = [];
      for (let n = 0; n < 40; n++) times.push(await ask('AC-quick', url));
      return times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)]!;
    };
    const median = async (): Promise<number> => {
      const rounds: number[] = [];
      for (let n = 0; n < 5; n++) rounds.push(await round());
      return rounds.sort((a, b) => a - b)[2]!;
    };
    await round();
    const before = await median();
    const give = new AbortController();
    const hanging = Array.from({ length: 500 }, () =>
      instructions.fetch(
        {
          accountSid: 'AC-slow',
          callSid: 'CA2',
          url: `${servers.urls.get('/hanging') ?? ''}#rc=0`,
          method: 'GET',
          params: {},
        },
        give.signal,
      ),
    );
    const during = await median();
    give.abort(new Error('enough'));
    expect((await Promise.all(hanging)).every(({ ok }) => !ok)).toBe(true);
    // A bound that a loaded machine keeps too: waiting behind the hanging requests would take seconds.
    expect(during).toBeLessThan(before * 1.5 + 25);
  }, 30_000);
});
