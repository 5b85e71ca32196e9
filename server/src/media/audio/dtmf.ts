import type { FrameSource } from '../ports.ts';
import { SAMPLE_RATE } from './g711.ts';
import { renderTone } from './tones.ts';
import { pcmSource } from './pcm-source.ts';

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYS = ['123A', '456B', '789C', '*0#D'];

/** The two frequencies of a key in hertz, ITU-T Q.23; undefined when there is no such key. */
export function dtmfFrequencies(digit: string): readonly [number, number] | undefined {
  for (const [index, row] of KEYS.entries()) {
    const column = digit.length === 1 ? row.indexOf(digit.toUpperCase()) : -1;
    const [low, high] = [ROWS[index], COLUMNS[column]];
    if (low !== undefined && high !== undefined) return [low, high];
  }
  return undefined;
}

/** Every key, for tables and tests. */
export const DTMF_KEYS = KEYS.join('');

/** In-band tones for a string of keys; `w` pauses 500 ms, `W` 1 s, anything else is skipped. */
export function dtmfSource(digits: string, options: { toneMs?: number; gapMs?: number } = {}): FrameSource {
  const { toneMs = 100, gapMs = 100 } = options;
  const samplesOf = (ms: number): number => Math.round((ms * SAMPLE_RATE) / 1000);
  const parts: Int16Array[] = [];
  for (const digit of digits) {
    const frequencies = dtmfFrequencies(digit);
    if (frequencies !== undefined) {
      parts.push(renderTone({ frequencies, cadenceMs: [], levelDbm0: -9 }, 0, samplesOf(toneMs)));
      parts.push(new Int16Array(samplesOf(gapMs)));
    } else if (digit === 'w' || digit === 'W') {
      parts.push(new Int16Array(samplesOf(digit === 'w' ? 500 : 1000)));
    }
  }
  const samples = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    samples.set(part, at);
    at += part.length;
  }
  return pcmSource(samples);
}
