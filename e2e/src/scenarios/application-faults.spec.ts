import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { SeenEvent } from '../fixtures/nats-events.ts';
import { restClient } from '../fixtures/rest-client.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { expect, test } from '../fixtures/test.ts';

const ENTITIES = Array.from({ length: 9 }, (_, n) => {
  const [one, next] = ['abcdefghij'[n] ?? '', 'abcdefghij'[n + 1] ?? ''];
  return `<!ENTITY ${next} "${`&${one};`.repeat(10)}">`;
}).join('');
const BOMB = `<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">${ENTITIES}]><Response><Say>&j;</Say></Response>`;
const XML = { 'content-type': 'text/xml' };

/** What a faulty application server does, by path, and the code of it. */
const FAULTS: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => unknown>> = {
  '/slow': (_request, response) => {
    response.writeHead(200, XML);
    const timer = setInterval(() => response.write('<'), 50);
    response.on('close', () => {
      clearInterval(timer);
    });
  },
  '/hanging': () => undefined,
  '/reset': (request) => request.socket.resetAndDestroy(),
  '/500': (_request, response) => response.writeHead(500).end('<h1>oops</h1>'),
  '/loop': (_request, response) => response.writeHead(302, { location: '/loop' }).end(),
  '/huge': (_request, response) =>
    response.writeHead(200, XML).end(`<Response><Say>${'x'.repeat(10 * 1_048_576)}</Say></Response>`),
  '/malformed': (_request, response) => response.writeHead(200, XML).end('<Response><Say>x</Response>'),
  '/bomb': (_request, response) => response.writeHead(200, XML).end(BOMB),
  '/mime': (_request, response) => response.writeHead(200, { 'content-type': 'application/pdf' }).end('%PDF'),
};
const CODES: Readonly<Record<string, number>> = {
  '/slow': 11_205,
  '/hanging': 11_205,
  '/reset': 11_205,
  '/500': 11_200,
  '/loop': 11_215,
  '/huge': 11_750,
  '/malformed': 12_100,
  '/bomb': 12_100,
  '/mime': 12_300,
  '/refused': 11_205,
  '/no-http': 11_206,
  '/no-tls': 11_220,
  '/unknown-host': 11_210,
};

/** Servers with each of the faults, and the address of each. */
class FaultyServers {
  readonly urls = new Map<string, string>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  async open(): Promise<void> {
    const base = await this.#listen(
      createServer((request, response) => FAULTS[new URL(request.url ?? '', 'http://x').pathname]?.(request, response)),
    );
    for (const path of Object.keys(FAULTS)) this.urls.set(path, `${base}${path}`);
    const closed = createTcpServer();
    this.urls.set('/refused', await this.#listen(closed));
    closed.close();
    this.urls.set('/no-http', await this.#listen(createTcpServer((socket) => socket.end('220 smtp ready\r\n'))));
    this.urls.set('/no-tls', base.replace('http:', 'https:'));
    this.urls.set('/unknown-host', 'http://no-such-host.invalid/voice');
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #listen(server: Server): Promise<string> {
    this.#servers.push(server);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
}

test('CR-3 faulty application servers: the code in event and notification, the fallback taken, the caller hears why', async ({
  server,
  application,
  events,
}) => {
  test.setTimeout(180_000);
  const { sip } = await server.state();
  const client = await restClient(server);
  const seen = await events();
  const faulty = new FaultyServers();
  await faulty.open();
  const fallbackUrl = `${application.url}/fallback`;
  application.answer(({ path }) => (path === '/fallback' ? '<Reject/>' : ''));
  const number = '+15550119';
  const made = await client.incomingPhoneNumbers.create({ phoneNumber: number, voiceUrl: fallbackUrl });
  try {
    for (const [path, code] of Object.entries(CODES)) {
      // Limits of this address: the first byte, the whole answer, milliseconds; not tried again.
      const url = `${faulty.urls.get(path) ?? ''}#ct=1000&tt=1500&rc=0`;
      await client.incomingPhoneNumbers(made.sid).update({ voiceUrl: url, voiceFallbackUrl: fallbackUrl });
      const saved = await callWithProbe({ server: sip, number });
      expect(await saved.final, `${path}: the fallback runs`).toBe(603);
      const { params } = await application.waitForRequest(
        (request) => request.path === '/fallback' && request.params['ErrorCode'] === String(code),
      );
      const callSid = params['CallSid'] ?? '';
      const isFailure = ({ type, data }: SeenEvent): boolean =>
        type === 'call.instructions-failed' && data['callSid'] === callSid;
      const told = (): unknown[] =>
        seen
          .seen()
          .filter(isFailure)
          .map(({ data }) => data['code']);
      await expect.poll(told, path).toEqual([code]);
      // The record comes a moment after the event.
      const notified = async (): Promise<string[]> =>
        (
          await client
            .calls(callSid)
            .notifications.list()
            .catch(() => [])
        ).map(({ errorCode }) => errorCode);
      await expect.poll(notified, { message: `${path}: notification`, timeout: 20_000 }).toContain(String(code));
      application.answer(({ path: asked }) => (asked === '/fallback' ? '<Reject/>' : ''));
      await saved.hangup();

      await client.incomingPhoneNumbers(made.sid).update({ voiceUrl: url, voiceFallbackUrl: '' });
      const lost = await callWithProbe({ server: sip, number });
      expect(await lost.final, `${path}: answered, to say why`).toBe(200);
      await lost.firstSound;
      await lost.hangup();
    }
  } finally {
    await client.incomingPhoneNumbers(made.sid).remove();
    faulty.close();
  }
});
