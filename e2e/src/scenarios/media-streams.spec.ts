import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { callWithPhone } from '../fixtures/rtp-phone.ts';
import type { RtpPhone } from '../fixtures/rtp-phone.ts';
import { expect, test } from '../fixtures/test.ts';
import { amplitudeAt, linearOfMuLaw, muLaw } from '../fixtures/tone.ts';

const PHONE_TONE = 420;
const BOT_TONE = 1370;
/** Of full scale: a phone says its tone at half of it. */
const HEARD = 0.1;
const FRAME = 160;

interface Message {
  readonly event: string;
  readonly streamSid: string;
  readonly sequenceNumber?: string;
  readonly start?: { readonly callSid: string; readonly customParameters: Readonly<Record<string, string>> };
  readonly media?: { readonly payload: string; readonly track: string };
  readonly mark?: { readonly name: string };
  readonly dtmf?: { readonly digit: string };
}

/** A voice agent as an application has it: keeps what it hears, says what it is told. */
class Bot {
  readonly url: string;
  readonly messages: Message[] = [];
  headers: IncomingHttpHeaders = {};
  socket: WebSocket | undefined;
  readonly #server: WebSocketServer;
  readonly #close: () => Promise<void>;

  private constructor(url: string, server: WebSocketServer, close: () => Promise<void>) {
    this.url = url;
    this.#server = server;
    this.#close = close;
    server.on('connection', (socket, request) => {
      this.socket = socket;
      this.headers = request.headers;
      socket.on('message', (data: Buffer) => this.messages.push(JSON.parse(data.toString('utf8')) as Message));
    });
  }

  static async open(): Promise<Bot> {
    const http = createServer();
    const server = new WebSocketServer({ server: http });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new Bot(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/agent`, server, async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    });
  }

  of(event: string): Message[] {
    return this.messages.filter((one) => one.event === event);
  }

  /** How much of a tone is in the last half second that it heard. */
  hears(hz: number): number {
    const payloads = this.of('media').slice(-25);
    const samples = payloads.flatMap(({ media }) =>
      [...Buffer.from(media?.payload ?? '', 'base64')].map(linearOfMuLaw),
    );
    return samples.length < 25 * FRAME ? 0 : amplitudeAt(Int16Array.from(samples), 8000, hz);
  }

  say(hz: number, seconds: number, mark: string): void {
    const count = 8000 * seconds;
    const tone = Uint8Array.from({ length: count }, (_, n) =>
      muLaw(Math.round(16_000 * Math.sin((2 * Math.PI * hz * n) / 8000))),
    );
    this.#send({ event: 'media', media: { payload: Buffer.from(tone).toString('base64') } });
    this.#send({ event: 'mark', mark: { name: mark } });
  }

  clear(): void {
    this.#send({ event: 'clear' });
  }

  async close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
    await this.#close();
  }

  #send(message: object): void {
    const streamSid = this.of('start')[0]?.streamSid;
    this.socket?.send(JSON.stringify({ ...message, streamSid }));
  }
}

/** How much of a tone is in the last half second that the phone heard. */
function phoneHears(phone: RtpPhone, hz: number): number {
  const packets = phone.media.received.filter(({ payloadType }) => payloadType === 0).slice(-25);
  const samples = packets.flatMap(({ payload }) => [...payload].map(linearOfMuLaw));
  return samples.length < 25 * FRAME ? 0 : amplitudeAt(Int16Array.from(samples), 8000, hz);
}

test('CR-7 a voice agent over Media Streams: hears, speaks, is interrupted, and hands the call back', async ({
  server,
  application,
  events,
}) => {
  const bot = await Bot.open();
  const seen = await events();
  const { sip } = await server.state();
  const { authToken } = await server.credentials();
  application.answer(({ path }) => {
    if (path !== '/voice') return '<Hangup/>';
    const parameter = '<Parameter name="FirstName" value="Jane"/>';
    return `<Connect action="/after"><Stream url="${bot.url}" name="agent" statusCallback="/stream">${parameter}</Stream></Connect>`;
  });
  const phone = await callWithPhone({ server: sip, number: application.number, toneHz: PHONE_TONE });
  await phone.answered;

  await expect.poll(() => bot.of('start').length).toBe(1);
  const [start] = bot.of('start');
  expect(start?.start?.customParameters).toEqual({ FirstName: 'Jane' });
  expect(bot.headers['x-twilio-signature']).toBe(createHmac('sha1', authToken).update(bot.url).digest('base64'));
  await expect.poll(() => bot.hears(PHONE_TONE)).toBeGreaterThan(HEARD);

  bot.say(BOT_TONE, 1, 'said');
  await expect.poll(() => phoneHears(phone, BOT_TONE)).toBeGreaterThan(HEARD);
  await expect.poll(() => bot.of('mark').map(({ mark }) => mark?.name)).toEqual(['said']);

  // The caller interrupts a long answer with a key.
  bot.say(BOT_TONE, 60, 'never said');
  await expect.poll(() => phoneHears(phone, BOT_TONE)).toBeGreaterThan(HEARD);
  await phone.media.press('7', 100);
  await expect.poll(() => bot.of('dtmf').map(({ dtmf }) => dtmf?.digit)).toEqual(['7']);
  bot.clear();
  await expect.poll(() => bot.of('mark').at(-1)?.mark?.name).toBe('never said');
  await expect.poll(() => phoneHears(phone, BOT_TONE)).toBeLessThan(0.01);

  bot.socket?.close(1000);
  const after = await application.waitForRequest(({ path }) => path === '/after');
  expect(after.params).toMatchObject({
    StreamSid: start?.streamSid,
    StreamEvent: 'stream-stopped',
    CallStatus: 'in-progress',
  });
  await application.waitForRequest(
    ({ path, params }) => path === '/stream' && params['StreamEvent'] === 'stream-stopped',
  );
  const types = (): string[] => seen.seen().map(({ type }) => type);
  await expect.poll(types).toContain('call.ended');
  expect(types().filter((type) => type.startsWith('stream.'))).toEqual(['stream.started', 'stream.stopped']);
  await bot.close();
});
