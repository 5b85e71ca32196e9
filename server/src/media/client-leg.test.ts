import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { delay, silentLog, systemClock } from '../kernel/index.ts';
import { dominantTone } from './audio/goertzel.ts';
import { toneSource } from './audio/tones.ts';
import { createMediaEngine } from './engine.mediasoup.ts';
import type { ClientLegEvents, ClientLegMedia, MediaEngine } from './ports.ts';
import { RtpPeer } from './testing/rtp-peer.ts';
import { OPUS, PCMU, WebRtcPeer } from './testing/webrtc-peer.ts';
import { requireWorkerBin } from './testing/worker-bin.ts';

const TONES = [300, 440, 480, 620, 700, 1000, 1400];
let engine: MediaEngine;

beforeAll(async () => {
  engine = await createMediaEngine({ log: silentLog, workers: 1, workerBin: requireWorkerBin() });
});
afterAll(async () => {
  await engine.close();
});

function next<K extends keyof ClientLegEvents>(leg: ClientLegMedia, event: K): Promise<ClientLegEvents[K]> {
  return new Promise((resolve) => {
    const off = leg.on(event, (payload) => {
      off();
      resolve(payload);
    });
  });
}
const tick = (): Promise<void> => delay(systemClock, 20);

describe('a WebRTC client and a phone', () => {
  it.each(['PCMU', 'PCMA'] as const)(
    'BR-4 hear each other in %s over ICE, DTLS and SRTP; announcements come on the same stream',
    async (codec) => {
      const room = await engine.createRoom({ id: 'web' });
      const [leg, phoneLeg] = [await room.createClientLeg({ id: 'c', codec }), await room.createSipLeg({ id: 's' })];
      const [client, phone] = [new WebRtcPeer(), await RtpPeer.open()];
      phone.target = phoneLeg.local;
      phoneLeg.update(phone.remote({ codec }));
      const flowing = next(leg, 'flowing');
      const connected = new Promise<void>((resolve) => {
        const up = new Set<string>();
        leg.on('transport', ({ side, state }) => {
          if (state === 'connected' && up.add(side).size === 2) resolve();
        });
      });
      await client.join(leg, codec);
      await connected;
      expect(leg.isFlowing).toBe(false);
      const ringback = leg.play(toneSource({ frequencies: [440], cadenceMs: [] }), { loop: true });
      await client.until(() => client.packets.length >= 20);
      ringback.stop();
      room.connect(leg, phoneLeg);
      const before = client.packets.length;
      for (let n = 0; n < 40; n++) {
        phone.sendTone(1000, n, codec);
        client.sendTone(700, n);
        await tick();
      }
      await flowing;
      await client.until(() => client.packets.length >= before + 40);
      await phone.until(() => phone.packets.length >= 40);
      expect(dominantTone(client.heard().subarray(0, 20 * 160), TONES, 0.9)).toBe(440);
      expect(dominantTone(client.heard(before + 1), TONES, 0.9)).toBe(1000);
      expect(dominantTone(phone.heard(codec), TONES, 0.9)).toBe(700);
      expect(new Set(client.packets.map((packet) => packet.ssrc)).size).toBe(1);
      expect(client.packets.every((packet) => packet.payloadType === (codec === 'PCMU' ? 0 : 8))).toBe(true);
      const statistics = await leg.statistics();
      expect(statistics.received.packets).toBeGreaterThanOrEqual(40);
      expect(statistics.sent.packets).toBeGreaterThanOrEqual(60);
      await room.close();
      await client.close();
      await phone.close();
    },
  );

  it('BR-8 an ICE restart gives new parameters for a known transport only', async () => {
    const room = await engine.createRoom({ id: 'ice' });
    const leg = await room.createClientLeg({ id: 'c' });
    const { send } = await leg.createTransports();
    expect((await leg.createTransports()).send.id).toBe(send.id);
    const restarted = await leg.restartIce(send.id);
    expect(restarted).not.toEqual(send.iceParameters);
    await expect(leg.restartIce('other')).rejects.toMatchObject({ reason: 'unknown-transport' });
    await room.close();
  });

  it('what a client sends is checked: nothing odd throws anything but a reason', async () => {
    const room = await engine.createRoom({ id: 'odd' });
    const leg = await room.createClientLeg({ id: 'c' });
    await expect(leg.produce('x', {})).rejects.toMatchObject({ reason: 'unknown-transport' });
    const { send } = await leg.createTransports();
    const odd: object[] = [
      {},
      { codecs: 'x' },
      { codecs: [{ mimeType: 5 }] },
      { codecs: [PCMU], encodings: [{ ssrc: 'x' }] },
    ];
    for (const parameters of odd) {
      await expect(leg.produce(send.id, parameters)).rejects.toMatchObject({ reason: 'bad-parameters' });
      await expect(leg.connectTransport(send.id, parameters)).rejects.toMatchObject({ reason: 'bad-parameters' });
    }
    await expect(leg.consume({ codecs: 'x' })).rejects.toMatchObject({ reason: 'incompatible-capabilities' });
    await expect(leg.consume({ codecs: [OPUS] })).rejects.toMatchObject({ reason: 'incompatible-capabilities' });
    await expect(leg.consume(engine.rtpCapabilities)).resolves.toMatchObject({ kind: 'audio' });
    await leg.close();
    await expect(leg.createTransports()).rejects.toMatchObject({ reason: 'closed' });
    await expect(leg.consume(engine.rtpCapabilities)).rejects.toMatchObject({ reason: 'closed' });
    await room.close();
  });
});

describe('two clients', () => {
  const opusParameters = (ssrc: number): object => ({
    mid: `opus${String(ssrc)}`,
    codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 }],
    encodings: [{ ssrc }],
    rtcp: { cname: 'x' },
  });

  it('BR-4 hear each other in G.711 at once', async () => {
    const room = await engine.createRoom({ id: 'pair' });
    const [a, b] = [await room.createClientLeg({ id: 'a' }), await room.createClientLeg({ id: 'b' })];
    const [alice, bob] = [new WebRtcPeer(), new WebRtcPeer()];
    room.connect(a, b);
    await alice.join(a);
    await bob.join(b);
    for (let n = 0; alice.packets.length < 30 || bob.packets.length < 30; n++) {
      alice.sendTone(700, n);
      bob.sendTone(1000, n);
      await tick();
    }
    expect(dominantTone(bob.heard(2), TONES, 0.9)).toBe(700);
    expect(dominantTone(alice.heard(2), TONES, 0.9)).toBe(1000);
    await room.close();
    await Promise.all([alice.close(), bob.close()]);
  });

  it('are asked for Opus, change over when each sends it, and back for an announcement, a recording, a phone', async () => {
    const room = await engine.createRoom({ id: 'opus' });
    const [a, b] = [await room.createClientLeg({ id: 'a' }), await room.createClientLeg({ id: 'b' })];
    const asked: string[] = [];
    a.on('send-codec', ({ codec }) => asked.push(codec));
    const first = await a.consume(engine.rtpCapabilities);
    room.connect(a, b);
    expect(asked).toEqual([]);
    await b.consume(engine.rtpCapabilities);
    expect(asked).toEqual(['opus']);
    const { send } = await b.createTransports();
    let replaced = next(a, 'consumer');
    const { producerId } = await b.produce(send.id, opusParameters(42));
    expect(await replaced).toMatchObject({ producerId });
    replaced = next(a, 'consumer');
    const playback = a.play(toneSource({ frequencies: [440], cadenceMs: [] }), { loop: true });
    expect((await replaced).producerId).toBe(first.producerId);
    replaced = next(a, 'consumer');
    playback.stop();
    expect((await replaced).producerId).toBe(producerId);
    expect(asked).toEqual(['opus']);
    replaced = next(a, 'consumer');
    const removeSink = b.addSink({ write: () => undefined });
    expect((await replaced).producerId).toBe(first.producerId);
    expect(asked).toEqual(['opus', 'PCMU']);
    removeSink();
    expect(asked).toEqual(['opus', 'PCMU', 'opus']);
    const phone = await room.createSipLeg({ id: 's' });
    room.connect(a, phone);
    expect(asked.at(-1)).toBe('PCMU');
    await room.close();
  });
});
