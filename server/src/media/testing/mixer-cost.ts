/**
 * What a conference costs, as a program: for each line read it prints the CPU microseconds (not those of the clock) that one
 * participant costs in one 20 ms frame, by the size of the conference: when all talk, and when three do. Taken in with what
 * is said, mixed, encoded, and handed to the leg; without RTP.
 */
import { systemClock, silentLog } from '../../kernel/index.ts';
import { answerLines } from '../../testing/answer-lines.ts';
import { encodeG711 } from '../audio/g711.ts';
import { renderTone } from '../audio/tones.ts';
import { PacedMixer } from '../mixer/mixer.ts';
import { Pacer } from '../playout/pacer.ts';
import { LegAudio } from '../rooms/leg-audio.ts';
import type { AudioPacket } from '../rtp/rtp-sender.ts';

const SIZES = [3, 50, 250] as const;
const FRAMES = 1500;

interface Party {
  readonly audio: LegAudio;
  readonly payload: Uint8Array;
}

function conference(size: number): { readonly mixer: PacedMixer; readonly parties: readonly Party[] } {
  const pacer = new Pacer(systemClock, (error) => {
    throw error instanceof Error ? error : new Error(String(error));
  });
  const mixer = new PacedMixer({ id: String(size), pacer, log: silentLog });
  const parties = Array.from({ length: size }, (_, at) => {
    const audio = new LegAudio({
      pacer,
      log: silentLog,
      output: {
        codec: 'PCMU',
        forward: ({ timestamp }: AudioPacket) => timestamp,
        skip: () => undefined,
        play: () => undefined,
      },
    });
    const leg = mixer.join(String(at));
    audio.setPeer(leg.audio);
    leg.audio.setPeer(audio);
    const samples = renderTone({ frequencies: [300 + at], cadenceMs: [], levelDbm0: -20 }, 0, 160);
    return { audio, payload: encodeG711('PCMU', samples) };
  });
  return { mixer, parties };
}

/** Nothing runs meanwhile: the pacer's own timer waits for this to return. */
function cost(size: number, talking: number): number {
  const { mixer, parties } = conference(size);
  const run = (frames: number): void => {
    for (let frame = 0; frame < frames; frame++) {
      const facts = { codec: 'PCMU', sequence: frame & 0xffff, timestamp: frame * 160, marker: false } as const;
      for (const { audio, payload } of parties.slice(0, talking))
        audio.said({ key: audio, ...facts, payload }, frame * 20);
      mixer.tick(frame * 20);
    }
  };
  run(100);
  const frames = Math.max(100, Math.round((FRAMES * 10) / size));
  const before = process.cpuUsage();
  run(frames);
  const { user, system } = process.cpuUsage(before);
  void mixer.close();
  return Math.round(((user + system) / frames / size) * 1000) / 1000;
}

const bySize = (talking: (size: number) => number): Record<string, number> =>
  Object.fromEntries(SIZES.map((size) => [size, cost(size, talking(size))]));

await answerLines({ sizes: SIZES }, () => ({ all: bySize((size) => size), three: bySize(() => 3) }));
