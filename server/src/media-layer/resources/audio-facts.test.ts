import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { audioFacts } from './audio-facts.ts';
import type { AudioForm } from './forms.ts';

/** A sine of 1 kHz, 2.5 s, by sox or ffmpeg. */
const made = (program: string, line: string): Uint8Array =>
  execFileSync(program, line.split(' '), { stdio: ['ignore', 'pipe', 'ignore'] });
const sox = (level: string, form: string): Uint8Array =>
  made('sox', `-n -D -c 1 ${form} - synth 2.5 sine 1000 gain ${level}`);

describe('MC-1 facts of audio', () => {
  it.each<[string, AudioForm, Uint8Array, number]>([
    ['mu-law', { codec: 'pcmu', rate: 8000 }, sox('-6', '-r 8000 -t ul'), 0.3],
    ['A-law', { codec: 'pcma', rate: 8000 }, sox('-6', '-r 8000 -t al'), 0.3],
    ['linear, 16 kHz', { codec: 'l16', rate: 16_000 }, sox('-6', '-r 16000 -b 16 -e signed -L -t raw'), 0.05],
  ])('%s: length, peak and mean level', (_name, form, audio, within) => {
    const { durationMs, peakDb = 0, rmsDb = 0 } = audioFacts(audio, form);
    expect(durationMs).toBe(2500);
    expect(Math.abs(peakDb - -6)).toBeLessThan(within);
    expect(Math.abs(rmsDb - -9.01)).toBeLessThan(within);
  });

  it('every code of G.711 is what sox says it is', () => {
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
    for (const [codec, type] of [
      ['pcmu', 'ul'],
      ['pcma', 'al'],
    ] as const) {
      const convert = `-r 8000 -c 1 -t ${type} - -b 16 -e signed -L -t raw -`.split(' ');
      const samples = execFileSync('sox', ['-D', ...convert], { input: codes });
      for (const code of codes) {
        const linear = audioFacts(samples.subarray(code * 2, code * 2 + 2), { codec: 'l16', rate: 8000 });
        expect(audioFacts(Uint8Array.of(code), { codec, rate: 8000 }).peakDb, String(code)).toBe(linear.peakDb);
      }
    }
  });

  it('of Opus the length; of silence and of nothing a level that is a number', () => {
    const opus = made('ffmpeg', '-v error -f lavfi -i sine=1000:d=2.5:r=48000 -c:a libopus -f ogg -');
    expect(audioFacts(opus, { codec: 'opus', rate: 48_000 })).toEqual({ durationMs: 2500 });
    const silence = new Uint8Array(8000).fill(0xff);
    expect(audioFacts(silence, { codec: 'pcmu', rate: 8000 })).toEqual({ durationMs: 1000, peakDb: -100, rmsDb: -100 });
    expect(audioFacts(new Uint8Array(), { codec: 'opus', rate: 48_000 })).toEqual({ durationMs: 0 });
    expect(audioFacts(new Uint8Array(), { codec: 'l16', rate: 8000 }).durationMs).toBe(0);
  });
});
