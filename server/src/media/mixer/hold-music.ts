import { FRAME_SAMPLES, SAMPLE_RATE } from '../audio/g711.ts';
import { pcmSource } from '../audio/pcm-source.ts';
import { renderTone } from '../audio/tones.ts';
import type { AudioFrame, FrameSource } from '../ports.ts';

/** Beats a minute, and beats of one bar. */
const BEATS_PER_MINUTE = 84;
const BEATS_PER_BAR = 4;
/** Chords of the loop as semitones above A3 (220 Hz): A major, F sharp minor, D major, E major. */
const CHORDS = [
  [0, 4, 7, 12],
  [-3, 0, 4, 9],
  [-7, -3, 0, 5],
  [-5, -1, 2, 7],
] as const;
/** The order in which the notes of a chord are played, one a half beat. */
const PATTERN = [0, 2, 1, 3, 2, 1, 3, 2] as const;
const A3 = 220;
/** Peak of one note, in 16-bit units: the sum stays 15 dB below full scale. */
const PEAK = 2800;
const DECAY_SECONDS = 0.9;

let music: Int16Array | undefined;

/** Quiet broken chords, made here once for each process: about eleven seconds that repeat without end. */
export function holdMusic(): FrameSource {
  music ??= compose();
  const samples = music;
  let position = 0;
  return {
    next(): AudioFrame {
      const frame = new Int16Array(FRAME_SAMPLES);
      for (let at = 0; at < FRAME_SAMPLES; at++) {
        frame[at] = samples[position] ?? 0;
        position = position + 1 === samples.length ? 0 : position + 1;
      }
      return { format: 'linear16', samples: frame };
    },
  };
}

function compose(): Int16Array {
  const step = Math.round((SAMPLE_RATE * 60) / BEATS_PER_MINUTE / 2);
  const steps = CHORDS.length * BEATS_PER_BAR * 2;
  const sum = new Float64Array(steps * step);
  for (let at = 0; at < steps; at++) {
    const chord = CHORDS[Math.floor(at / (BEATS_PER_BAR * 2))] ?? CHORDS[0];
    const semitones = chord[PATTERN[at % PATTERN.length] ?? 0];
    pluck(sum, at * step, A3 * 2 ** (semitones / 12));
  }
  return Int16Array.from(sum, (value) => Math.round(Math.max(-32_768, Math.min(32_767, value))));
}

/** A note with two overtones that dies away; what is left of it at the end sounds on at the beginning. */
function pluck(sum: Float64Array, from: number, hertz: number): void {
  const length = Math.min(sum.length, Math.round(SAMPLE_RATE * DECAY_SECONDS * 3));
  for (let at = 0; at < length; at++) {
    const seconds = at / SAMPLE_RATE;
    const attack = Math.min(1, seconds / 0.01);
    const level = PEAK * attack * Math.exp(-seconds / DECAY_SECONDS);
    const phase = 2 * Math.PI * hertz * seconds;
    const value = level * (Math.sin(phase) + 0.3 * Math.sin(2 * phase) + 0.1 * Math.sin(3 * phase));
    const to = (from + at) % sum.length;
    sum[to] = (sum[to] ?? 0) + value;
  }
}

/** Two short tones: rising when somebody enters, falling when somebody leaves. */
export function beep(which: 'enter' | 'exit'): FrameSource {
  const [first, second] = which === 'enter' ? [480, 620] : [620, 480];
  const count = SAMPLE_RATE / 8;
  const samples = new Int16Array(2 * count);
  samples.set(renderTone({ frequencies: [first], cadenceMs: [], levelDbm0: -20 }, 0, count));
  samples.set(renderTone({ frequencies: [second], cadenceMs: [], levelDbm0: -20 }, 0, count), count);
  return pcmSource(samples);
}
