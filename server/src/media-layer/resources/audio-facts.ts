import type { AudioForm } from './forms.ts';

/** What audio is, measured on its samples. */
export interface AudioFacts {
  readonly durationMs: number;
  /** Of the highest sample, dB below full scale; of silence -100. Undefined: the form is compressed (Opus). */
  readonly peakDb?: number | undefined;
  /** Of the whole, dB below full scale: a sine at full scale has -3.01. */
  readonly rmsDb?: number | undefined;
}

const SILENCE_DB = -100;

/** Reads all of it. @param audio whole */
export function audioFacts(audio: Uint8Array, { codec, rate }: AudioForm): AudioFacts {
  switch (codec) {
    case 'opus':
      return { durationMs: oggDurationMs(audio) };
    case 'l16': {
      const view = new DataView(audio.buffer, audio.byteOffset, audio.byteLength);
      const samples = audio.length >> 1;
      return { durationMs: (samples / rate) * 1000, ...levels(samples, (at) => view.getInt16(at * 2, true)) };
    }
    case 'pcmu':
    case 'pcma': {
      const table = codec === 'pcmu' ? MU_LAW : A_LAW;
      const { length } = audio;
      return { durationMs: (length / rate) * 1000, ...levels(length, (at) => table[audio[at] ?? 0] ?? 0) };
    }
  }
}

function levels(count: number, sample: (at: number) => number): { peakDb: number; rmsDb: number } {
  let [peak, power] = [0, 0];
  for (let at = 0; at < count; at++) {
    const value = sample(at);
    peak = Math.max(peak, Math.abs(value));
    power += value * value;
  }
  return { peakDb: decibels(peak), rmsDb: decibels(Math.sqrt(power / Math.max(1, count))) };
}

/** To a hundredth. */
function decibels(amplitude: number): number {
  const db = amplitude === 0 ? SILENCE_DB : 20 * Math.log10(amplitude / 32_768);
  return Math.round(Math.max(SILENCE_DB, db) * 100) / 100;
}

/** ITU-T G.711, as 16-bit samples. */
const MU_LAW = Int16Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84;
  return (code & 0x80) === 0 ? magnitude : -magnitude;
});
const A_LAW = Int16Array.from({ length: 256 }, (_, byte) => {
  const code = byte ^ 0x55;
  const [segment, step] = [(code & 0x70) >> 4, ((code & 0x0f) << 4) + 8];
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return (code & 0x80) === 0 ? -magnitude : magnitude;
});

/** RFC 7845 sections 4 and 5.1: the position of the last page, in samples of 48 kHz, less what is skipped at the start. */
function oggDurationMs(audio: Uint8Array): number {
  const view = new DataView(audio.buffer, audio.byteOffset, audio.byteLength);
  const bytes = Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength);
  const [head, page] = [bytes.indexOf('OpusHead'), bytes.lastIndexOf('OggS')];
  if (head < 0 || page < 0 || head + 12 > audio.length || page + 14 > audio.length) return 0;
  const skipped = view.getUint16(head + 10, true);
  return Math.max(0, (Number(view.getBigInt64(page + 6, true)) - skipped) / 48);
}
