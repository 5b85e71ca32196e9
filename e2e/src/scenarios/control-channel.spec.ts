import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CONTROL_SUBPROTOCOL, controlServerFrameSchema } from '@hookswitch/shared';
import type { ControlServerFrame } from '@hookswitch/shared';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { restClient } from '../fixtures/rest-client.ts';
import { callWithPhone } from '../fixtures/rtp-phone.ts';
import type { TestServer } from '../fixtures/server.ts';
import { expect, test } from '../fixtures/test.ts';
import { amplitudeAt, linearOfMuLaw, toneWav } from '../fixtures/tone.ts';

const TONES = [700, 1900] as const;
type RequestFrame = Extract<ControlServerFrame, { type: 'request' }>;

/** An application that stays connected; its audio comes by HTTP from the same address. */
class ConnectedApplication {
  readonly frames: ControlServerFrame[] = [];
  /** What a request is answered with. */
  onRequest: (frame: RequestFrame) => object = () => ({ type: 'decline' });
  readonly #http: Server;
  #socket: WebSocket | undefined;

  private constructor(http: Server) {
    this.#http = http;
    const sockets = new WebSocketServer({ server: http, handleProtocols: () => CONTROL_SUBPROTOCOL });
    sockets.on('connection', (socket) => {
      this.#socket = socket;
      socket.on('message', (data: Buffer) => {
        const frame = controlServerFrameSchema.parse(JSON.parse(data.toString('utf8')));
        this.frames.push(frame);
        if (frame.type === 'request') this.send({ id: frame.id, ...this.onRequest(frame) });
      });
    });
  }

  static async open(): Promise<ConnectedApplication> {
    const http = createServer((request, response) => {
      const hz = Number(/^\/(\d+)\.wav/.exec(request.url ?? '')?.[1] ?? 0);
      response.writeHead(200, { 'content-type': 'audio/wav' }).end(toneWav(hz, 20));
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new ConnectedApplication(http);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}/control`;
  }

  send(frame: object): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  /** Types of the frames, of events that of the event. */
  types(): string[] {
    return this.frames.map((frame) => (frame.type === 'event' ? frame.event.type : frame.type));
  }

  async close(): Promise<void> {
    this.#socket?.terminate();
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, 'close');
  }
}

/** Which of the tones a party hears now: in its last second. */
function heard(packets: readonly { readonly payloadType: number; readonly payload: Buffer }[]): number[] {
  const last = packets.filter(({ payloadType }) => payloadType === 0).slice(-10);
  const samples = Int16Array.from(last.flatMap(({ payload }) => [...payload].map(linearOfMuLaw)));
  return TONES.filter((hz) => amplitudeAt(samples, 8000, hz) > 0.1);
}

async function putDelegates(server: TestServer, applicationSid: string, delegates: readonly object[]): Promise<void> {
  const { account, authToken } = await server.credentials();
  const url = new URL(
    `/v1/accounts/${account}/applications/${applicationSid}/delegates`,
    (await server.state()).pageUrl,
  );
  const authorization = `Basic ${Buffer.from(`${account}:${authToken}`).toString('base64')}`;
  const headers = { authorization, 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'PUT', headers, body: JSON.stringify({ delegates }) });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}

test('CR-7 CR-8 delegates are asked in order; one that stays connected runs the call and changes it in mid-play', async ({
  server,
  application,
}) => {
  const client = await restClient(server);
  const { sip } = await server.state();
  const connected = await ConnectedApplication.open();
  const number = '+15550118';
  const own = await client.applications.create({ friendlyName: 'delegating', voiceUrl: `${application.url}/voice` });
  const made = await client.incomingPhoneNumbers.create({ phoneNumber: number, voiceApplicationSid: own.sid });
  application.answer(({ path }) =>
    path === '/declines' ? { status: 204, type: 'text/plain', body: '' } : '<Reject reason="busy"/>',
  );
  connected.onRequest = () => ({ type: 'instructions', instructions: [{ verb: 'play', text: `/${TONES[0]}.wav` }] });
  try {
    const attributes = [
      { name: 'language', value: 'en' },
      { name: 'queue', value: 'sales' },
    ];
    await putDelegates(server, own.sid, [
      { url: `${application.url}/declines#rc=0`, attributes },
      { url: connected.url, attributes: [{ name: 'plan', value: 'b' }] },
    ]);
    const phone = await callWithPhone({ server: sip, number, toneHz: 420 });
    await phone.answered;
    await expect.poll(() => heard(phone.media.received), { timeout: 20_000 }).toEqual([TONES[0]]);
    const declined = application.requests.find(({ path }) => path === '/declines');
    expect(declined?.params).toMatchObject({ Config_language: 'en', Config_queue: 'sales' });
    expect(
      application.requests.some(({ path }) => path === '/voice'),
      'the application itself',
    ).toBe(false);
    const asked = connected.frames.find((frame) => frame.type === 'request');
    expect(asked?.params).toMatchObject({ To: number, Config_plan: 'b' });
    expect(connected.types().slice(0, 2)).toEqual(['hello', 'request']);
    await expect.poll(() => connected.types()).toContain('call.answered');

    connected.send({ type: 'run', id: 'c1', twiml: `<Response><Play>/${TONES[1]}.wav</Play></Response>` });
    await expect.poll(() => heard(phone.media.received), { timeout: 20_000 }).toEqual([TONES[1]]);
    expect(connected.frames.find((frame) => frame.type === 'result')).toMatchObject({ id: 'c1', ok: true });
    connected.send({ type: 'hangup', id: 'c2' });
    await expect.poll(() => connected.types().at(-1), { timeout: 20_000 }).toBe('call.ended');
    phone.media.close();

    // Without its application there are no delegates either: one of that name would not be asked.
    await client.incomingPhoneNumbers(made.sid).remove();
    await client.applications(own.sid).remove();
    await expect(putDelegates(server, own.sid, [])).rejects.toThrow('404');
  } finally {
    await connected.close();
  }
});
