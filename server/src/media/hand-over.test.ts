import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { delay, silentLog, systemClock } from '../kernel/index.ts';
import { decodeG711 } from './audio/g711.ts';
import { dominantTone } from './audio/goertzel.ts';
import { toneSource } from './audio/tones.ts';
import { createMediaEngine } from './engine.mediasoup.ts';
import type { ClientLegMedia, MediaEngine, SipLegMedia } from './ports.ts';
import { parseRtcp } from './rtp/rtcp-packet.ts';
import { serializeTelephoneEvent } from './rtp/rfc4733.ts';
import { Bridged, numbered } from './testing/bridged.ts';
import { RtpPeer } from './testing/rtp-peer.ts';
import type { WebRtcPeer } from './testing/webrtc-peer.ts';
import { requireWorkerBin } from './testing/worker-bin.ts';

const TONES = [300, 440, 480, 620, 700, 1000, 1400];
const SETTLE_MS = 60;
let engine: MediaEngine;

beforeAll(async () => {
  const handOver = { settleMs: SETTLE_MS, calmMs: 0, pollMs: 100 };
  engine = await createMediaEngine({ log: silentLog, workers: 1, workerBin: requireWorkerBin(), handOver });
});
afterEach(() => Bridged.closeAll());
afterAll(async () => {
  await engine.close();
});

/** Which of the numbered payloads from the first that was heard to the `end`-th never came, came twice, or came late. */
function tally(packets: readonly { readonly payload: Uint8Array }[], end: number) {
  const numbers = packets
    .filter(({ payload }) => payload[159] === 0x55)
    .map(({ payload }) => Buffer.from(payload).readUInt32BE());
  const first = numbers[0] ?? 0;
  const distinct = new Set(numbers);
  const lost = Array.from({ length: end - first }, (_, at) => first + at).filter((n) => !distinct.has(n)).length;
  const late = numbers.filter((n, at) => n < (numbers[at - 1] ?? 0)).length;
  return { lost, twice: numbers.length - distinct.size, late };
}

const heardBy = (ear: RtpPeer | WebRtcPeer, from: number): Int16Array =>
  ear instanceof RtpPeer ? ear.heard('PCMU', from) : ear.heard(from);

/** Longest time between two arrivals. */
function longestGap(arrivals: readonly number[]): number {
  return Math.max(...arrivals.slice(1).map((at, index) => at - (arrivals[index] ?? 0)));
}

/** Notes from now on when a packet with one of the tones comes, and how many numbers are missing. */
function listenTo(ear: RtpPeer | WebRtcPeer, tones: readonly number[]) {
  const arrivals: number[] = [];
  if (ear instanceof RtpPeer) ear.socket.on('message', () => arrivals.push(systemClock.monotonic()));
  return (from: number): { readonly arrivals: readonly number[]; readonly lost: number } => {
    const at = (index: number): number => (ear instanceof RtpPeer ? arrivals[index] : ear.packets[index]?.at) ?? 0;
    const heard = ear.packets.map((packet, index) => ({ ...packet, at: at(index) })).filter((one) => one.at > from);
    const hasTone = ({ payload }: { readonly payload: Uint8Array }): boolean =>
      tones.includes(dominantTone(decodeG711('PCMU', payload), TONES, 0.5) ?? 0);
    const bySource = Map.groupBy(heard, ({ ssrc }) => ssrc).values();
    const steps = [...bySource].flatMap((own) =>
      own.slice(1).map(({ sequence }, index) => (sequence - (own[index]?.sequence ?? 0)) & 0xffff),
    );
    return {
      arrivals: heard.filter(hasTone).map((one) => one.at),
      lost: steps.reduce((sum, step) => sum + Math.abs(step - 1), 0),
    };
  };
}

/** A gap of so many milliseconds is allowed, and more when the loop in which both talk was late: then the worker was too. */
const gapOf = (ms: number, saidAt: readonly number[]): number => ms + 1.5 * Math.max(0, longestGap(saidAt) - 20);

describe('hand-over of the phone to the worker', () => {
  it('BR-4 once bridged and both are heard, the worker carries the audio, and both go on hearing each other', async () => {
    const call = await Bridged.open(engine);
    await call.onPlain();
    const [before, from] = [call.client.packets.length, call.phone.packets.length];
    await call.phone.until(() => call.phone.packets.length > from + 30);
    await call.client.until(() => call.client.packets.length > before + 30);
    expect(call.path).toEqual([{ owner: 'plain', reason: 'bridged' }]);
    expect(dominantTone(call.client.heard(before + 1), TONES, 0.9)).toBe(1000);
    expect(dominantTone(call.phone.heard('PCMU', from + 1), TONES, 0.9)).toBe(700);
    expect(call.phone.packets.every(({ payloadType }) => payloadType === 0)).toBe(true);
    await call.close();
  });

  it.each([
    { everyMs: 20, rounds: 40 },
    { everyMs: 1, rounds: 40 },
  ])('BR-4 $rounds hand-overs and returns at a packet every $everyMs ms lose nothing either way', async (run) => {
    const call = await Bridged.open(engine);
    const arrivals: number[] = [];
    call.phone.socket.on('message', () => arrivals.push(systemClock.monotonic()));
    call.isNumbered = true;
    call.talk(run.everyMs);
    for (let round = 0; round < run.rounds; round++) {
      await call.until('plain');
      await delay(systemClock, 40);
      // Both talk in this process, which may be late: the worker has to have had something to send.
      await call.phone.until(() => call.phone.packets.at(-1)?.ssrc !== call.phone.packets[0]?.ssrc);
      // Needed and at once not any more: the shortest return there is.
      call.phoneLeg.addSink({ write: () => undefined })();
    }
    await call.hush();
    const [toClient, toPhone] = [tally(call.client.packets, call.sent), tally(call.phone.packets, call.sent)];
    // A packet or two of thousands when the machine stalls at the wrong moment.
    const most = run.everyMs === 20 ? 1 : 3;
    for (const { lost, twice } of [toClient, toPhone]) {
      expect(lost).toBeLessThanOrEqual(most);
      expect(twice).toBeLessThanOrEqual(most);
    }
    const longest = gapOf(80, call.saidAt);
    expect(longestGap(arrivals)).toBeLessThan(longest);
    expect(longestGap(call.client.packets.map(({ at }) => at))).toBeLessThan(longest);
    expect(call.path.filter(({ owner }) => owner === 'plain')).toHaveLength(run.rounds);
    // Node speaks with one SSRC however often it comes back; each stay of the worker has another.
    expect(new Set(call.phone.packets.map(({ ssrc }) => ssrc)).size).toBe(run.rounds + 1);
    await call.close();
  });

  it('the keys of the phone are heard, 7 of 7, a press across the return once; nothing is to be heard of them', async () => {
    const call = await Bridged.open(engine);
    await call.onPlain();
    const press = async (digit: string, packets = 7): Promise<void> => {
      const event = '0123456789*#ABCD'.indexOf(digit);
      const { timestamp } = call.phone;
      for (let n = 1; n <= packets; n++) {
        const payload = serializeTelephoneEvent({ event, end: n > packets - 3, volume: 10, duration: n * 160 });
        call.phone.send({ payloadType: 101, marker: n === 1, timestamp, payload });
        await delay(systemClock, 20);
      }
      await delay(systemClock, 40);
    };
    for (const digit of '159*0#D') await press(digit);
    expect(call.dtmf.join('')).toBe('159*0#D');
    expect(call.path).toHaveLength(1);
    const pressing = press('7', 12);
    await delay(systemClock, 100);
    call.phoneLeg.addSink({ write: () => undefined })();
    await pressing;
    expect(call.dtmf.join('')).toBe('159*0#D7');
    await call.hush();
    expect(call.client.packets.every(({ payloadType }) => payloadType === 0)).toBe(true);
    await call.close();
  });

  it('an announcement to either party is heard at once and whole, and the parties after it', async () => {
    const call = await Bridged.open(engine);
    for (const [leg, ear] of [
      [call.phoneLeg, call.phone],
      [call.leg, call.client],
    ] as const) {
      await call.onPlain();
      const [from, at] = [ear.packets.length, systemClock.monotonic()];
      const playback = leg.play(toneSource({ frequencies: [440], cadenceMs: [] }, 400));
      expect(call.path.at(-1)).toEqual({ owner: 'node', reason: 'playback' });
      await ear.until(() => ear.packets.length >= from + 2);
      expect(systemClock.monotonic() - at).toBeLessThan(100);
      const plain = call.until('plain');
      await expect(playback.done).resolves.toBe('finished');
      await ear.until(() => ear.packets.length >= from + 19);
      expect(dominantTone(heardBy(ear, from + 3).subarray(0, 2400), TONES, 0.9)).toBe(440);
      await plain;
      const after = ear.packets.length;
      await ear.until(() => ear.packets.length >= after + 15);
      expect(dominantTone(heardBy(ear, after + 1), TONES, 0.9)).toBe(leg === call.phoneLeg ? 700 : 1000);
      await call.hush();
      call.phoneLeg.addSink({ write: () => undefined })();
    }
    await call.close();
  });

  const announcement = () => toneSource({ frequencies: [440], cadenceMs: [] }, 400);
  const record = async (leg: SipLegMedia | ClientLegMedia): Promise<void> => {
    const stop = leg.addSink({ write: () => undefined });
    await delay(systemClock, 300);
    stop();
  };
  it.each<[string, 'sink' | 'playback', (call: Bridged) => Promise<unknown>]>([
    ['a recording of the phone, begun and ended,', 'sink', (call) => record(call.phoneLeg)],
    ['a recording of the browser, begun and ended,', 'sink', (call) => record(call.leg)],
    ['an announcement to the phone', 'playback', (call) => call.phoneLeg.play(announcement()).done],
    ['an announcement to the browser', 'playback', (call) => call.leg.play(announcement()).done],
    [
      'an announcement to both',
      'playback',
      (call) => Promise.all([call.phoneLeg, call.leg].map((leg) => leg.play(announcement(), { over: true }).done)),
    ],
  ])('Hand-over: %s leaves both tones audible within 100 ms, and loses nothing', async (_, reason, change) => {
    const call = await Bridged.open(engine);
    const ears = [listenTo(call.phone, [700, 440]), listenTo(call.client, [1000, 440])];
    await call.onPlain();
    await delay(systemClock, 200);
    const from = systemClock.monotonic() - 100;
    const again = call.until('plain');
    await change(call);
    await again;
    await delay(systemClock, 300);
    expect(call.path.map(({ owner, reason: why }) => `${owner} ${why}`)).toEqual([
      'plain bridged',
      `node ${reason}`,
      'plain bridged',
    ]);
    // What is announced is heard in place of the other party.
    const allowed = gapOf(
      100,
      call.saidAt.filter((at) => at > from),
    );
    for (const ear of ears) {
      const { arrivals, lost } = ear(from);
      expect(longestGap(arrivals)).toBeLessThan(allowed);
      expect(lost).toBe(0);
    }
    await call.close();
  });

  it('a recording gets every frame of both from the moment it begins; the keys we send are sent', async () => {
    const call = await Bridged.open(engine);
    await call.onPlain();
    const frames = { received: 0, sent: 0 };
    const stop = call.phoneLeg.addSink({ write: (direction) => frames[direction]++ });
    expect(call.path.at(-1)).toEqual({ owner: 'node', reason: 'sink' });
    const from = call.sent;
    await delay(systemClock, 500);
    const said = call.sent - from;
    expect(frames.received).toBeGreaterThanOrEqual(said - 2);
    expect(frames.sent).toBeGreaterThanOrEqual(said - 2);
    const plain = call.until('plain');
    stop();
    await plain;
    const sending = call.phoneLeg.sendDtmf('12');
    expect(call.path.at(-1)).toEqual({ owner: 'node', reason: 'dtmf' });
    const again = call.until('plain');
    await expect(sending).resolves.toBe('sent');
    await again;
    const events = call.phone.packets.filter(({ payloadType }) => payloadType === 101);
    expect(new Set(events.map(({ timestamp }) => timestamp)).size).toBe(2);
    await call.close();
  });

  it('another SSRC of the phone is found out, heard by Node at once, and handed over in its turn', async () => {
    const call = await Bridged.open(engine);
    await call.onPlain();
    const node = call.until('node');
    const heard = call.client.packets.length - 1;
    const at = systemClock.monotonic();
    const [plain, from] = [call.until('plain'), call.client.packets.length];
    call.phone.ssrc = 0x0bad_cafe;
    call.phone.sequence = 7;
    await expect(node).resolves.toBe('source-changed');
    await call.client.until(() => call.client.packets.length > from + 10);
    await plain;
    const around = call.saidAt.filter((time) => time >= at - 100);
    expect(longestGap(call.client.packets.slice(heard).map((packet) => packet.at))).toBeLessThan(gapOf(100, around));
    const after = call.client.packets.length;
    await call.client.until(() => call.client.packets.length > after + 15);
    expect(dominantTone(call.client.heard(after + 1), TONES, 0.9)).toBe(1000);
    await call.close();
  });

  it('another SSRC is known of with its first packets, without the examinations and whatever else strays', async () => {
    await using lazy = await createMediaEngine({
      log: silentLog,
      workers: 1,
      workerBin: requireWorkerBin(),
      handOver: { settleMs: SETTLE_MS, calmMs: 0, pollMs: 3_600_000 },
    });
    const [call, other] = [await Bridged.open(lazy), await Bridged.open(lazy)];
    await call.onPlain();
    await other.onPlain();
    // Its browser goes on sending what nobody takes any more.
    other.leg.closeProducer(other.client.producerId);
    await delay(systemClock, 300);
    expect(call.path).toHaveLength(1);
    const node = call.until('node');
    const from = call.sent;
    call.phone.ssrc = 0x0bad_cafe;
    await expect(node).resolves.toBe('source-changed');
    // Packets, not milliseconds: they come when the machine lets them.
    expect(call.sent - from).toBeLessThanOrEqual(4);
    await call.close();
    await other.close();
  });

  it('comfort noise leaves no hole at the browser; its silence lasts as long as it likes, and talk goes on at once', async () => {
    const call = await Bridged.open(engine);
    await call.onPlain();
    await delay(systemClock, 100);
    const from = call.client.packets.length;
    for (let spurt = 0; spurt < 3; spurt++) {
      call.isPhoneMuted = true;
      await delay(systemClock, 20);
      for (let n = 0; n < 3; n++) {
        call.phone.send({ payloadType: 13, payload: Uint8Array.of(60) });
        await delay(systemClock, 20);
      }
      // The worker is asked every 100 ms whether the phone is there.
      if (spurt === 0) await delay(systemClock, 1500);
      call.phone.timestamp += 8 * 1500;
      call.isPhoneMuted = false;
      const spoken = call.client.packets.length;
      await call.client.until(() => call.client.packets.length >= spoken + 10);
    }
    await call.hush();
    expect(call.path).toHaveLength(1);
    const heard = call.client.packets.slice(from);
    expect(heard.every(({ payloadType }) => payloadType === 0)).toBe(true);
    const steps = heard.slice(1).map(({ sequence }, at) => (sequence - (heard[at]?.sequence ?? 0)) & 0xffff);
    expect(new Set(steps)).toEqual(new Set([1]));
    expect((await call.phoneLeg.statistics()).received.lost).toBe(0);
    await call.close();
  });

  it('bursts, and pauses without a word, pass through as they are', async () => {
    const call = await Bridged.open(engine);
    call.isNumbered = true;
    await call.onPlain();
    await call.client.until(() => call.client.packets.length > 10);
    call.isPhoneMuted = true;
    await delay(systemClock, 40);
    const from = call.client.packets.length;
    const said = 10_000;
    for (let burst = 0; burst < 4; burst++) {
      for (let n = 0; n < 25; n++) {
        call.phone.send({ payloadType: 0, payload: numbered(said + burst * 25 + n) });
        call.phone.timestamp = (call.phone.timestamp + 160) >>> 0;
      }
      await delay(systemClock, 500);
    }
    await call.client.until(() => call.client.packets.length >= from + 100);
    expect(tally(call.client.packets.slice(from), said + 100)).toEqual({ lost: 0, twice: 0, late: 0 });
    expect(call.path).toHaveLength(1);
    await call.close();
  });

  it('a stream that begins anew with the same SSRC goes on being heard', async () => {
    const call = await Bridged.open(engine);
    await call.onPlain();
    await delay(systemClock, 100);
    call.phone.sequence = (call.phone.sequence + 20_000) & 0xffff;
    call.phone.timestamp = 5;
    await delay(systemClock, 60);
    const from = call.client.packets.length;
    await call.client.until(() => call.client.packets.length > from + 15);
    expect(dominantTone(call.client.heard(from + 1), TONES, 0.9)).toBe(1000);
    expect(call.path).toHaveLength(1);
    await call.close();
  });

  it('a re-INVITE to another port, hold and resume take effect at once; a refresh that changes nothing, not at all', async () => {
    const call = await Bridged.open(engine);
    await call.onPlain();
    call.phoneLeg.update(call.phone.remote());
    expect(call.path).toHaveLength(1);
    const moved = await RtpPeer.open();
    call.isPhoneMuted = true;
    call.phoneLeg.update(moved.remote());
    expect(call.path.at(-1)).toEqual({ owner: 'node', reason: 'update' });
    moved.target = call.phone.target;
    moved.sequence = call.phone.sequence;
    await moved.until(() => moved.packets.length > 5);
    const plain = call.until('plain');
    const talking = { on: true };
    void (async () => {
      for (let n = 0; talking.on; n++) {
        moved.sendTone(1000, n);
        await delay(systemClock, 20);
      }
    })();
    await plain;
    const from = moved.packets.length;
    await moved.until(() => moved.packets.length > from + 20);
    expect(dominantTone(moved.heard('PCMU', from + 1), TONES, 0.9)).toBe(700);
    call.phoneLeg.update(moved.remote({ direction: 'recvonly' }));
    expect(call.path.at(-1)).toEqual({ owner: 'node', reason: 'update' });
    await delay(systemClock, 60);
    const held = moved.packets.length;
    await delay(systemClock, 200);
    expect(moved.packets).toHaveLength(held);
    const resumed = call.until('plain');
    call.phoneLeg.update(moved.remote());
    await resumed;
    talking.on = false;
    await expect(call.until('node')).resolves.toBe('silent');
    await moved.close();
    await call.close();
  }, 60_000);

  it('a browser that falls silent does not let the stream to the phone stop', async () => {
    const call = await Bridged.open(engine);
    await call.onPlain();
    const node = call.until('node');
    call.isMuted = true;
    await expect(node).resolves.toBe('peer-silent');
    const from = call.phone.packets.length;
    await call.phone.until(() => call.phone.packets.length > from + 10);
    await call.close();
  });

  it('silence and a dead phone are told while the worker carries the audio as at any other time, and nothing is while both talk', async () => {
    await using watching = await createMediaEngine({
      log: silentLog,
      workers: 1,
      workerBin: requireWorkerBin(),
      silentAfterMs: 1500,
      quietAfterMs: 3000,
      handOver: { settleMs: SETTLE_MS },
    });
    const call = await Bridged.open(watching);
    const told: string[] = [];
    const once: Promise<void>[] = [];
    for (const leg of [call.phoneLeg, call.leg]) {
      const on: SipLegMedia['on'] = leg.on.bind(leg);
      on('silent', () => told.push(`${leg.kind} silent`));
      const quiet = Promise.withResolvers<undefined>();
      once.push(quiet.promise);
      on('quiet', () => {
        told.push(`${leg.kind} quiet`);
        quiet.resolve(undefined);
      });
    }
    await call.onPlain();
    await delay(systemClock, 3500);
    expect(told).toEqual([]);
    call.isQuiet = true;
    await Promise.all(once);
    expect(told.toSorted()).toEqual(['client quiet', 'sip quiet']);
    expect(call.path).toHaveLength(1);
    const dead = new Promise<void>((resolve) => {
      call.phoneLeg.on('silent', () => {
        resolve();
      });
    });
    call.isPhoneMuted = true;
    await dead;
    await expect.poll(() => call.path.at(-1)).toEqual({ owner: 'node', reason: 'silent' });
    await call.close();
  });

  it('the phone gets RTCP reports of the stream it hears and of the one it sends', async () => {
    const call = await Bridged.open(engine);
    const rtcp = await RtpPeer.open();
    call.phoneLeg.update(call.phone.remote({ rtcpPort: rtcp.port }));
    await call.onPlain();
    const ssrc = async (): Promise<number> => {
      const from = call.phone.packets.length;
      await call.phone.until(() => call.phone.packets.length > from + 5);
      return call.phone.packets.at(-1)?.ssrc ?? 0;
    };
    const heard = await ssrc();
    const reports = () => rtcp.rtcp.flatMap((datagram) => parseRtcp(datagram));
    await rtcp.until(() => reports().some((one) => one.type === 'sr' && one.ssrc === heard));
    const blocks = () => reports().flatMap((one) => (one.type === 'sr' || one.type === 'rr' ? one.reports : []));
    await rtcp.until(() => blocks().some((block) => block.ssrc === call.phone.ssrc));
    await rtcp.close();
    await call.close();
  });

  it('statistics count the whole call', async () => {
    const call = await Bridged.open(engine);
    for (let round = 0; round < 3; round++) {
      await call.onPlain();
      await delay(systemClock, 300);
      call.phoneLeg.addSink({ write: () => undefined })();
      await call.hush();
    }
    const [phone, client] = [await call.phoneLeg.statistics(), await call.leg.statistics()];
    expect(phone.received).toMatchObject({ packets: call.sent, bytes: call.sent * 160, lost: 0 });
    expect(phone.sent.packets).toBeGreaterThanOrEqual(call.phone.packets.length - 2);
    expect(phone.sent.packets).toBeLessThanOrEqual(call.phone.packets.length);
    expect([phone.sent.bytes, client.sent.bytes]).toEqual([phone.sent.packets * 160, client.sent.packets * 160]);
    expect(client.sent.packets).toBe(call.client.packets.length);
    expect(client.received.lost).toBe(0);
    await call.close();
  });

  it('leaves no port, transport or consumer behind, however it ends, and nothing happens after', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    for (const end of ['phone', 'client', 'disconnect', 'room'] as const) {
      const before = open();
      const call = await Bridged.open(engine);
      await call.onPlain();
      if (end === 'phone') await call.phoneLeg.close();
      if (end === 'client') await call.leg.close();
      if (end === 'disconnect') call.room.disconnect(call.phoneLeg, call.leg);
      if (end === 'disconnect' || end === 'client')
        expect(call.path.at(-1)).toEqual({ owner: 'node', reason: 'closed' });
      await call.close();
      expect(open()).toBe(before);
    }
    expect(engine.workers[0]?.rooms).toBe(0);
  });

  it('can be switched off', async () => {
    await using off = await createMediaEngine({
      log: silentLog,
      workers: 1,
      workerBin: requireWorkerBin(),
      handOver: false,
    });
    const call = await Bridged.open(off);
    call.talk();
    await delay(systemClock, 1500);
    expect(call.path).toEqual([]);
    await call.close();
  });
});
