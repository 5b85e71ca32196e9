import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import type { AudioFrame } from '../ports.ts';
import { LegAudio } from '../rooms/leg-audio.ts';
import { Pacer } from './pacer.ts';
import { streamSource } from './stream-source.ts';

/** A leg that plays what arrives: each frame by its first byte, `silence` for none. */
function playing(options: { readonly loop?: boolean } = {}) {
  const clock = new FakeClock();
  const heard: (number | 'silence')[] = [];
  const arrived: number[] = [];
  let [at, state, closed] = [0, 'growing' as 'growing' | 'ended' | 'failed', 0];
  const audio = new LegAudio({
    pacer: new Pacer(clock, (error) => {
      throw error as Error;
    }),
    log: silentLog,
    output: {
      codec: 'PCMU',
      forward: () => undefined,
      skip: () => undefined,
      play: (frame: AudioFrame) => {
        heard.push(frame.format === 'linear16' ? 'silence' : (frame.bytes[0] ?? 0));
        return undefined;
      },
    },
  });
  const source = streamSource('PCMU', {
    take: (bytes) => {
      const value = arrived[at];
      if (value === undefined) {
        if (state === 'failed') throw new Error('the origin broke off');
        return state === 'ended' ? undefined : new Uint8Array();
      }
      at += 1;
      return new Uint8Array(bytes).fill(value);
    },
    rewind: () => (at = 0),
    close: () => (closed += 1),
  });
  return {
    ...{ clock, heard, arrived, playback: audio.play(source, options) },
    turn: (to: 'ended' | 'failed') => (state = to),
    closed: () => closed,
  };
}

describe('a stream that is played while it arrives', () => {
  it('MC-8 is silent where it stalls, and goes on where it was', async () => {
    const { clock, heard, arrived, playback, turn, closed } = playing();
    arrived.push(1, 2);
    clock.advance(80);
    arrived.push(3);
    clock.advance(20);
    turn('ended');
    clock.advance(20);
    expect(await playback.done).toBe('finished');
    expect([heard, closed(), clock.pendingTimers]).toEqual([[1, 2, 'silence', 'silence', 3], 1, 0]);
  });

  it('MC-8 ends with the reason when it breaks off in the middle', async () => {
    const { clock, heard, arrived, playback, turn, closed } = playing();
    arrived.push(1);
    turn('failed');
    clock.advance(40);
    expect([await playback.done, playback.failure]).toEqual(['failed', 'the origin broke off']);
    expect([heard, closed(), clock.pendingTimers]).toEqual([[1], 1, 0]);
  });

  it('MC-8 is given up after 15 s that bring nothing', async () => {
    const { clock, heard, playback } = playing();
    for (let second = 0; second < 15; second++) for (let tick = 0; tick < 50; tick++) clock.advance(20);
    expect([heard.length, playback.failure]).toEqual([750, undefined]);
    clock.advance(20);
    expect([await playback.done, playback.failure]).toEqual(['failed', 'the audio stopped coming for 15 s']);
  });

  it('MC-8 loops over what has come, and stops in the middle', async () => {
    const { clock, heard, arrived, playback, turn, closed } = playing({ loop: true });
    arrived.push(1, 2);
    turn('ended');
    clock.advance(100);
    playback.stop();
    playback.stop();
    expect([await playback.done, heard, closed()]).toEqual(['stopped', [1, 2, 1, 2, 1], 1]);
  });
});
