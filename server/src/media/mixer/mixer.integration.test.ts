import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { delay, silentLog, systemClock } from '../../kernel/index.ts';
import { toneShare } from '../audio/goertzel.ts';
import { createMediaEngine } from '../engine.mediasoup.ts';
import type { MediaEngine } from '../ports.ts';
import { RtpPeer } from '../testing/rtp-peer.ts';
import { WebRtcPeer } from '../testing/webrtc-peer.ts';
import { requireWorkerBin } from '../testing/worker-bin.ts';

let engine: MediaEngine;
beforeEach(async () => {
  engine = await createMediaEngine({ log: silentLog, workers: 1, workerBin: requireWorkerBin() });
});
afterEach(async () => {
  expect(engine.counts.legs).toBe(0);
  await engine.close();
});

describe('mixer over RTP', () => {
  it('CR-5 four phones and a browser, each in a room of its own, hear exactly the others', async () => {
    const tones = [400, 700, 1000, 1300, 1600];
    const mixer = engine.createMixer({ id: 'mix' });
    const rooms = await Promise.all(tones.map((hertz) => engine.createRoom({ id: `room-${String(hertz)}` })));
    const peers: (RtpPeer | WebRtcPeer)[] = [];
    for (const [at, room] of rooms.entries()) {
      const place = room.createMixLeg({ id: String(at), mixer });
      if (at === 4) {
        const client = new WebRtcPeer();
        const leg = await room.createClientLeg({ id: 'c' });
        await client.join(leg);
        room.connect(leg, place);
        peers.push(client);
        continue;
      }
      const phone = await RtpPeer.open();
      const codec = at === 3 ? 'PCMA' : 'PCMU';
      const leg = await room.createSipLeg({ id: 's', codec });
      phone.target = leg.local;
      leg.update(phone.remote({ codec }));
      room.connect(leg, place);
      peers.push(phone);
    }
    const begin = systemClock.monotonic();
    for (let n = 0; n < 150; n++) {
      for (const [at, peer] of peers.entries()) {
        if (peer instanceof RtpPeer) peer.sendTone(tones[at]!, n, at === 3 ? 'PCMA' : 'PCMU');
        else peer.sendTone(tones[at]!, n);
      }
      await delay(systemClock, Math.max(0, begin + (n + 1) * 20 - systemClock.monotonic()));
    }
    for (const [me, peer] of peers.entries()) {
      const all = peer instanceof RtpPeer ? peer.heard(me === 3 ? 'PCMA' : 'PCMU') : peer.heard();
      const block = all.subarray(Math.max(0, all.length - 12_800), all.length - 1600);
      const hears = tones.filter((hertz) => toneShare(block, hertz) > 0.15);
      expect(hears).toEqual(tones.filter((_, at) => at !== me));
      expect(toneShare(block, tones[me]!)).toBeLessThan(0.01);
    }
    await Promise.all(peers.map((peer) => peer.close()));
    await mixer.close();
    await Promise.all(rooms.map((room) => room.close()));
  }, 20_000);
});
