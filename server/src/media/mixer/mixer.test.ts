import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import { decodeG711, encodeG711, frameToG711 } from '../audio/g711.ts';
import { toneShare } from '../audio/goertzel.ts';
import { pcmSource } from '../audio/pcm-source.ts';
import { renderTone } from '../audio/tones.ts';
import { Pacer } from '../playout/pacer.ts';
import type { AudioFrame } from '../ports.ts';
import { LegAudio } from '../rooms/leg-audio.ts';
import type { AudioPacket } from '../rtp/rtp-sender.ts';
import { MixMinus } from './mix-minus.ts';
import { PacedMixer } from './mixer.ts';
import { PlayoutBuffer } from './playout-buffer.ts';
import { TalkDetector } from './talk-detector.ts';

/** A party whose leg is connected with a place in the mix: says a tone and keeps what it hears. */
class Party {
  readonly heard: Int16Array[] = [];
  readonly audio: LegAudio;
  #frame = 0;

  constructor(pacer: Pacer) {
    const keep = (bytes: Uint8Array): number => {
      this.heard.push(decodeG711('PCMU', bytes));
      return this.heard.length;
    };
    this.audio = new LegAudio({
      pacer,
      log: silentLog,
      output: {
        codec: 'PCMU',
        forward: ({ payload }: AudioPacket) => keep(payload),
        skip: () => undefined,
        play: (frame: AudioFrame) => keep(frameToG711(frame, 'PCMU')),
      },
    });
  }

  say(hertz: number, levelDbm0 = -16): void {
    const samples = renderTone({ frequencies: [hertz], cadenceMs: [], levelDbm0 }, this.#frame * 160, 160);
    const packet = { key: this, codec: 'PCMU', sequence: this.#frame, timestamp: this.#frame * 160 } as const;
    this.#frame++;
    this.audio.said({ ...packet, marker: false, payload: encodeG711('PCMU', samples) }, 0);
  }

  /** What it heard from the n-th frame on, as one block. */
  since(frame: number): Int16Array {
    return Int16Array.from(this.heard.slice(frame).flatMap((each) => [...each]));
  }
}

class World {
  readonly clock = new FakeClock();
  readonly pacer = new Pacer(this.clock, (error) => {
    throw error;
  });
  readonly mixer = new PacedMixer({ id: 'mix', pacer: this.pacer, log: silentLog });
  readonly parties: Party[] = [];

  join(id = String(this.parties.length)) {
    const party = new Party(this.pacer);
    this.parties.push(party);
    const leg = this.mixer.join(id);
    party.audio.setPeer(leg.audio);
    leg.audio.setPeer(party.audio);
    return { party, leg };
  }

  /** 20 ms in which each says its tone; undefined says nothing. */
  tick(tones: readonly (number | undefined)[]): void {
    for (const [at, hertz] of tones.entries()) if (hertz !== undefined) this.parties[at]?.say(hertz);
    this.clock.advance(20);
  }
}

describe('mixer', () => {
  it('CR-5 each of five parties hears exactly the tones of the four others', () => {
    const world = new World();
    const tones = [400, 700, 1000, 1300, 1600];
    for (let at = 0; at < tones.length; at++) world.join();
    for (let frame = 0; frame < 110; frame++) world.tick(tones);
    for (const [me, party] of world.parties.entries()) {
      const block = party.since(10);
      for (const [who, hertz] of tones.entries()) {
        const share = toneShare(block, hertz);
        if (who === me) expect(share).toBeLessThan(0.001);
        else expect(share).toBeGreaterThan(0.2);
      }
    }
  });

  it('CR-5 a muted party hears and is not heard; a held one neither; one that coaches is heard by one alone', () => {
    const world = new World();
    const tones = [400, 700, 1000, 1300];
    const legs = tones.map((_, at) => world.join(String(at)).leg);
    legs[1]!.set({ muted: true });
    legs[2]!.set({ held: true });
    legs[3]!.set({ audience: '0' });
    for (let frame = 0; frame < 60; frame++) world.tick(tones);
    const hears = world.parties.map((party) => tones.filter((hertz) => toneShare(party.since(10), hertz) > 0.1));
    expect(hears).toEqual([[1300], [400], [], [400]]);
  });

  it('CR-5 an announcement is heard by everybody beside the others, and its end is told', async () => {
    const world = new World();
    world.join();
    world.join();
    for (let frame = 0; frame < 5; frame++) world.tick([400, undefined]);
    const playback = world.mixer.play(pcmSource(renderTone({ frequencies: [1000], cadenceMs: [] }, 0, 8000)));
    for (let frame = 0; frame < 55; frame++) world.tick([400, undefined]);
    await expect(playback.done).resolves.toBe('finished');
    expect(toneShare(world.parties[0]!.since(10).subarray(0, 6400), 1000)).toBeGreaterThan(0.9);
    expect(toneShare(world.parties[1]!.since(10).subarray(0, 6400), 1000)).toBeGreaterThan(0.2);
    expect(toneShare(world.parties[1]!.since(10).subarray(0, 6400), 400)).toBeGreaterThan(0.2);
  });

  it('CR-5 who says nothing gets the same encoded frame as all who say nothing', () => {
    const world = new World();
    for (let at = 0; at < 50; at++) world.join();
    const payloads = new Set<Uint8Array>();
    for (const party of world.parties.slice(1)) {
      party.audio.hear = ({ payload }) => {
        payloads.add(payload);
      };
    }
    for (let frame = 0; frame < 10; frame++) world.tick([500]);
    expect(payloads.size).toBeLessThanOrEqual(10);
  });

  it('CR-5 talk is told when it begins and when it has ended for 800 ms', () => {
    const world = new World();
    const { leg } = world.join();
    const told: string[] = [];
    let at = 0;
    leg.on('talking', ({ talking }) => told.push(`${at} ${String(talking)}`));
    for (; at < 20; at++) world.tick([500]);
    for (; at < 80; at++) world.tick([undefined]);
    expect(told.map((line) => line.split(' ')[1])).toEqual(['true', 'false']);
    const [began, ended] = told.map((line) => Number(line.split(' ')[0]));
    expect(began).toBeLessThan(6);
    expect(ended).toBeGreaterThan(58);
  });

  it('CR-5 nothing runs once the last one has left; the 251st is refused', async () => {
    const world = new World();
    for (let at = 0; at < 250; at++) world.join();
    expect(() => world.mixer.join('x')).toThrow(/250 participants/);
    expect(world.pacer.size).toBe(1);
    await world.mixer.close();
    expect([world.mixer.size, world.pacer.size, world.clock.pendingTimers]).toEqual([0, 0, 0]);
    expect(() => world.mixer.join('x')).toThrow(/closed/);
  });
});

describe('mix-minus', () => {
  const frame = fc.int16Array({ minLength: 160, maxLength: 160 });

  it('CR-5 everybody hears the saturated sum of the others, whatever they say', () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 6 }), (frames) => {
        const mix = new MixMinus();
        mix.clear();
        for (const each of frames) mix.add(each);
        for (const own of frames) {
          const heard = mix.hear(new Int16Array(160), own);
          for (let at = 0; at < 160; at++) {
            const sum = frames.reduce((total, each) => total + each[at]!, 0) - own[at]!;
            expect(heard[at]).toBe(Math.max(-32_768, Math.min(32_767, sum)));
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('playout buffer', () => {
  it('CR-5 packets of any size come out in order, a frame at a time, with bounded delay', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(80, 160, 240, 480), { minLength: 20, maxLength: 100 }), (sizes) => {
        const buffer = new PlayoutBuffer();
        const out = new Int16Array(160);
        let [said, heard] = [0, 0];
        for (const size of sizes) {
          buffer.write(Int16Array.from({ length: size }, () => (said = (said + 1) % 30_000)));
          expect(buffer.held).toBeLessThanOrEqual(1600);
          if (!buffer.read(out)) continue;
          // Dropping may skip, nothing is repeated or turned round.
          const steps = [...out].map((sample, at) => (sample - (at === 0 ? heard : out[at - 1]!) + 30_000) % 30_000);
          expect(Math.min(...steps)).toBeGreaterThan(0);
          heard = out[159]!;
        }
      }),
      { numRuns: 50 },
    );
  });

  it('CR-5 a burst is worked off, a buffer that ran dry fills up again first', () => {
    const buffer = new PlayoutBuffer();
    const out = new Int16Array(160);
    buffer.write(new Int16Array(160));
    expect(buffer.read(out)).toBe(false);
    buffer.write(new Int16Array(1440));
    for (let tick = 0; tick < 600; tick++) {
      expect(buffer.read(out)).toBe(true);
      buffer.write(new Int16Array(160));
    }
    expect(buffer.held).toBeLessThanOrEqual(4 * 160);
    while (buffer.read(out));
    buffer.write(new Int16Array(160));
    expect(buffer.read(out)).toBe(false);
  });
});

describe('talk detector', () => {
  it('CR-5 a click is no talk, and a pause between words does not end it', () => {
    const detector = new TalkDetector();
    const loud = new Int16Array(160).fill(3000);
    const feed = (frames: number, samples: Int16Array | undefined): boolean[] =>
      Array.from({ length: frames }, () => detector.frame(samples)).filter(Boolean);
    feed(2, loud);
    feed(5, undefined);
    expect(detector.isTalking).toBe(false);
    expect(feed(10, loud)).toHaveLength(1);
    expect(feed(30, undefined)).toHaveLength(0);
    expect(feed(5, loud)).toHaveLength(0);
    expect(feed(40, undefined)).toHaveLength(1);
    expect(detector.isTalking).toBe(false);
  });
});
