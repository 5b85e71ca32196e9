import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import twilio from 'twilio';
import { requestSignature } from '../app-server/signature.ts';
import { createMetrics, delay, silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { createStandaloneLeg, decodeG711, encodeG711, toneShare } from '../media/index.ts';
import type { SipLegMedia } from '../media/ports.ts';
import { renderTone } from '../media/audio/tones.ts';
import { RtpPeer } from '../media/testing/rtp-peer.ts';
import { NodeMediaStreams } from './index.ts';
import type { MediaStream, StreamEnd, StreamProblem, StreamRequest } from './ports.ts';
import { WsStreamSockets } from './stream-socket.ws.ts';
import { StreamApp } from './testing/stream-app.ts';
import type { StreamPeer } from './testing/stream-app.ts';

const AUTH_TOKEN = 'the-auth-token-of-the-account-00';
const sid = (prefix: string, n: number): string => `${prefix}${String(n).padStart(32, '0')}`;
const tone = (hertz: number, frames: number): Uint8Array =>
  encodeG711('PCMU', renderTone({ frequencies: [hertz], cadenceMs: [], levelDbm0: -10 }, 0, frames * 160));
const silence = (frames: number): Uint8Array => new Uint8Array(frames * 160).fill(0xff);

/** A phone, its leg, and a stream of the leg. */
class Call {
  readonly ended = Promise.withResolvers<StreamEnd>();
  readonly warnings: StreamProblem[] = [];
  started = false;
  readonly leg: SipLegMedia;
  readonly phone: RtpPeer;
  readonly stream: MediaStream;
  /** When each packet was said. */
  readonly talkedAt: number[] = [];
  #talk: { stop: boolean; done: Promise<void> } | undefined;

  private constructor(streams: NodeMediaStreams, request: StreamRequest, ends: { leg: SipLegMedia; phone: RtpPeer }) {
    this.leg = ends.leg;
    this.phone = ends.phone;
    this.stream = streams.open(request, this.leg, {
      started: () => (this.started = true),
      warning: (problem) => this.warnings.push(problem),
      ended: (end) => {
        this.ended.resolve(end);
      },
    });
  }

  static async open(streams: NodeMediaStreams, url: string, change: Partial<StreamRequest> = {}, n = 1): Promise<Call> {
    const shared = { address: '127.0.0.1', clock: systemClock, random: systemRandom, log: silentLog };
    const leg = await createStandaloneLeg({ ...shared, id: `leg-${n}` });
    const phone = await RtpPeer.open();
    phone.target = leg.local;
    leg.update(phone.remote());
    const request: StreamRequest = {
      accountSid: sid('AC', 1),
      callSid: sid('CA', n),
      streamSid: sid('MZ', n),
      url,
      tracks: ['inbound'],
      bidirectional: true,
      parameters: { n: String(n) },
      ...change,
    };
    return new Call(streams, request, { leg, phone });
  }

  /** The phone says a tone, 20 ms a packet, from now on. */
  talk(hertz: number): void {
    const talk = { stop: false, done: Promise.resolve() };
    talk.done = (async () => {
      for (let n = 0, due = systemClock.monotonic(); !talk.stop; n++) {
        this.phone.sendTone(hertz, n);
        this.talkedAt.push(systemClock.monotonic());
        due += 20;
        await delay(systemClock, Math.max(0, due - systemClock.monotonic()));
      }
    })();
    this.#talk = talk;
  }

  async close(): Promise<void> {
    if (this.#talk !== undefined) this.#talk.stop = true;
    await this.#talk?.done;
    this.stream.stop();
    await this.leg.close();
    await this.phone.close();
  }
}

const kept: string[] = [];
let streams: NodeMediaStreams;
let app: StreamApp;
const calls: Call[] = [];
beforeEach(async () => {
  app = await StreamApp.open();
  streams = new NodeMediaStreams({
    clock: systemClock,
    log: silentLog,
    metrics: createMetrics(),
    sockets: new WsStreamSockets({ clock: systemClock }),
    handshake: {
      begin: ({ url }) =>
        Promise.resolve({
          url,
          headers: { 'x-twilio-signature': requestSignature(AUTH_TOKEN, url), cookie: 'a=1' },
          keep: (values) => kept.push(...values),
        }),
    },
  });
});
afterEach(async () => {
  for (const call of calls.splice(0)) await call.close();
  await app[Symbol.asyncDispose]();
  expect(streams.size).toBe(0);
});

async function open(change: Partial<StreamRequest> = {}, n = 1): Promise<{ call: Call; peer: StreamPeer }> {
  const call = await Call.open(streams, app.url, change, n);
  calls.push(call);
  const peer = await app.peer(app.peers.length);
  await peer.until(() => peer.of('start').length > 0);
  return { call, peer };
}

const samplesOf = (peer: StreamPeer, track: string): Int16Array =>
  decodeG711(
    'PCMU',
    Buffer.concat(peer.of('media', track).map(({ media }) => Buffer.from(media?.payload ?? '', 'base64'))),
  );

describe('CR-7 a stream of real RTP to a real WebSocket server', () => {
  it('the upgrade request is signed, so that the official library takes it', async () => {
    const { peer } = await open();
    const signature = String(peer.headers['x-twilio-signature']);
    expect(twilio.validateRequest(AUTH_TOKEN, signature, app.url, {})).toBe(true);
    expect(peer.headers['sec-websocket-extensions']).toBeUndefined();
    expect(peer.headers.cookie).toBe('a=1');
    expect(kept.splice(0)).toEqual(['b=2; Path=/']);
  });

  it('what the party says comes every 20 ms, numbered, as mu-law', async () => {
    const { call, peer } = await open();
    call.talk(1000);
    await peer.until(() => peer.of('media').length >= 100);
    const media = peer.of('media').slice(0, 100);
    media.forEach((message, n) => {
      expect(message.media?.chunk).toBe(String(n + 1));
      expect(message.sequenceNumber).toBe(String(n + 2));
      expect(Buffer.from(message.media?.payload ?? '', 'base64')).toHaveLength(160);
      const before = Number(media[n - 1]?.media?.timestamp ?? Number(message.media?.timestamp) - 20);
      expect(Number(message.media?.timestamp) - before).toBe(20);
    });
    expect(toneShare(samplesOf(peer, 'inbound'), 1000)).toBeGreaterThan(0.9);
    const first = peer.messages.findIndex(({ event }) => event === 'media');
    const cameAt = peer.cameAt.slice(first, first + 100);
    const mean = ((cameAt.at(-1) ?? 0) - (cameAt[0] ?? 0)) / (cameAt.length - 1);
    expect(mean).toBeGreaterThan(19);
    expect(mean).toBeLessThan(21);
  });

  it('what the application sends is heard at the pace of 20 ms, marks come when it was played', async () => {
    const { call, peer } = await open();
    call.talk(1000);
    const from = systemClock.monotonic();
    peer.play(tone(700, 50));
    peer.mark('half');
    peer.play(tone(700, 50));
    peer.mark('all');
    await peer.until(() => peer.of('mark').length === 2);
    const took = systemClock.monotonic() - from;
    expect(peer.of('mark').map(({ mark }) => mark?.name)).toEqual(['half', 'all']);
    expect(took).toBeGreaterThan(1960);
    expect(took).toBeLessThan(2400);
    const halfAt = peer.cameAt[peer.messages.indexOf(peer.of('mark')[0] as never)] ?? 0;
    expect(halfAt - from).toBeGreaterThan(980);
    expect(halfAt - from).toBeLessThan(1300);
    await call.phone.until(() => call.phone.packets.length >= 100);
    expect(toneShare(call.phone.heard('PCMU', 5).subarray(0, 80 * 160), 700)).toBeGreaterThan(0.9);
  });

  it('clear empties at once: the party hears silence, and the marks come', async () => {
    const { call, peer } = await open();
    call.talk(1000);
    peer.play(tone(700, 1500));
    peer.mark('never played');
    await call.phone.until(() => toneShare(call.phone.heard().subarray(-160 * 10), 700) > 0.9);
    peer.clear();
    const sentAt = systemClock.monotonic();
    await peer.until(() => peer.of('mark').length === 1);
    expect(systemClock.monotonic() - sentAt).toBeLessThan(100);
    const packets = call.phone.packets.length;
    await call.phone.until(() => call.phone.packets.length >= packets + 20);
    const after = call.phone.heard('PCMU', packets + 3);
    expect(Math.max(...after.map(Math.abs))).toBeLessThan(10);
    // It goes on with what comes next.
    peer.play(tone(500, 25));
    await call.phone.until(() => toneShare(call.phone.heard().subarray(-160 * 10), 500) > 0.9);
  });

  it('both tracks of a <Start>ed stream: what the party says and what it hears', async () => {
    const { call, peer } = await open({ tracks: ['inbound', 'outbound'], bidirectional: false });
    call.talk(1000);
    const source = tone(700, 400);
    let at = 0;
    const playback = call.leg.play({
      next: () => (at < source.length ? { format: 'PCMU', bytes: source.subarray(at, (at += 160)) } : undefined),
    });
    await peer.until(() => peer.of('media', 'outbound').length > 60 && peer.of('media', 'inbound').length > 60);
    playback.stop();
    expect(toneShare(samplesOf(peer, 'inbound'), 1000)).toBeGreaterThan(0.9);
    expect(toneShare(samplesOf(peer, 'outbound'), 700)).toBeGreaterThan(0.9);
    expect(peer.of('start')[0]?.start?.tracks).toEqual(['inbound', 'outbound']);
  });

  it('keys come as dtmf; the stop is the last message, then the connection is closed with 1000', async () => {
    const { call, peer } = await open();
    call.stream.digit('5');
    await peer.until(() => peer.of('dtmf').length === 1);
    expect(peer.of('dtmf')[0]).toMatchObject({ dtmf: { track: 'inbound_track', digit: '5' } });
    call.stream.stop();
    expect(await call.ended.promise).toEqual({ by: 'call' });
    await peer.until(() => peer.closeCode !== undefined);
    expect([peer.messages.at(-1)?.event, peer.closeCode]).toEqual(['stop', 1000]);
  });

  it('the application ends it by closing; the leg plays on what it is told then', async () => {
    const { call, peer } = await open();
    peer.socket.close(1000);
    expect(await call.ended.promise).toEqual({ by: 'application', problem: undefined });
  });

  it('nonsense of all kinds is ignored: binary, garbage, another stream', async () => {
    const { call, peer } = await open();
    peer.socket.send(Buffer.from([1, 2, 3]));
    peer.socket.send('garbage');
    peer.send({ event: 'media', streamSid: sid('MZ', 9), media: { payload: '' } });
    peer.mark('still there');
    await peer.until(() => peer.of('mark').length === 1);
    expect(call.warnings.map(({ code }) => code)).toEqual([31_951]);
  });

  it('an application that reads nothing costs its own audio only, and is told', async () => {
    const { call, peer } = await open();
    peer.socket.pause();
    call.talk(1000);
    // The socket takes megabytes before it is full: as fast as the leg can be made to hear.
    const frame = { format: 'PCMU', bytes: silence(1) } as const;
    const sink = call.stream as unknown as { write(direction: 'received', of: typeof frame, samples: number): void };
    for (let n = 0; n < 200_000 && call.warnings.length === 0; n++) {
      sink.write('received', frame, n * 160);
      if (n % 500 === 0) await delay(systemClock, 0);
    }
    expect(call.warnings).toHaveLength(1);
    peer.socket.resume();
  });

  it('100 streams at a time: each its own audio both ways, 20 ms a frame', async () => {
    const count = 100;
    const all = await Promise.all(Array.from({ length: count }, (_, n) => Call.open(streams, app.url, {}, n + 1)));
    calls.push(...all);
    await app.peer(count - 1);
    for (const peer of app.peers) {
      await peer.until(() => peer.of('start').length > 0);
      // The application echoes what it hears.
      peer.socket.on('message', (data: Buffer) => {
        const message = JSON.parse(data.toString('utf8')) as { event: string; streamSid: string; media: object };
        if (message.event === 'media') peer.send(message);
      });
    }
    const hertzOf = (n: number): number => 500 + 100 * (n % 10);
    all.forEach((call, n) => {
      call.talk(hertzOf(n));
    });
    await Promise.all(all.map((call) => call.phone.until(() => call.phone.packets.length >= 180)));
    for (const [n, call] of all.entries()) {
      const heard = call.phone.heard('PCMU', 80);
      // On a machine that is busy an echo has holes; nobody ever hears another's tone.
      const own = toneShare(heard, hertzOf(n));
      const others = [...Array(10).keys()].filter((of) => of !== n % 10).map((of) => toneShare(heard, hertzOf(of)));
      expect(own, `stream ${n}`).toBeGreaterThan(4 * Math.max(...others));
    }
    // What comes keeps the pace of what was said, however busy the machine is.
    const mean = (times: readonly number[]): number => ((times.at(-1) ?? 0) - (times[0] ?? 0)) / (times.length - 1);
    const saidAt = mean(all.flatMap(({ talkedAt }) => talkedAt.slice(20, 120)).sort((a, b) => a - b));
    const cameAt = app.peers.flatMap((peer) =>
      peer.cameAt.filter((_, at) => peer.messages[at]?.event === 'media').slice(20, 120),
    );
    const pace = mean(cameAt.sort((a, b) => a - b)) / saidAt;
    expect(Math.abs(pace - 1)).toBeLessThan(0.15);
    for (const peer of app.peers) {
      const media = peer.of('media').slice(0, 150);
      expect(media.map(({ media: one }) => one?.chunk)).toEqual(media.map((_, n) => String(n + 1)));
    }
  }, 60_000);
});

describe('a server that does not take the stream', () => {
  async function refused(url: string): Promise<StreamEnd> {
    const call = await Call.open(streams, url);
    calls.push(call);
    const end = await call.ended.promise;
    expect(call.started).toBe(false);
    return end;
  }

  it('answers something else than 101: 31920', async () => {
    const server = createServer((_request, response) => response.writeHead(404).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const end = await refused(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(end).toMatchObject({ by: 'application', problem: { code: 31_920 } });
    server.close();
  });

  it('is not there: 31902; its name is unknown: 31902', async () => {
    expect(await refused('ws://127.0.0.1:1/?token=secret')).toMatchObject({ problem: { code: 31_902 } });
    const end = await refused('ws://no-such-host.invalid/?token=secret');
    expect(end.problem?.code).toBe(31_902);
    expect(end.problem?.message).not.toContain('secret');
  });

  it('speaks no TLS where it should: 31910', async () => {
    const server = createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const end = await refused(`wss://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(end.problem?.code).toBe(31_910);
    server.close();
  });

  it('is no address: 31920', async () => {
    expect(await refused('http://127.0.0.1:1/#x')).toMatchObject({ problem: { code: 31_920 } });
  });
});
