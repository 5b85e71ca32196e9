import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeG711, encodeWav } from '../../media/index.ts';
import type { AudioForm } from '../resources/forms.ts';
import { createConverter } from './converter.child.ts';

const directory = mkdtempSync(join(tmpdir(), 'hookswitch-quality-'));
const path = (name: string): string => join(directory, name);
afterAll(() => {
  rmSync(directory, { recursive: true });
});
const converter = createConverter({ timeoutMs: 60_000 });

async function convert(name: string, form: AudioForm, contentType = ''): Promise<Buffer> {
  const [body, chunks]: [Buffer, Uint8Array[]] = [readFileSync(path(name)), []];
  const accountSid = `AC${'a'.repeat(32)}`;
  for await (const chunk of converter.convert({ accountSid, body, contentType, form })) chunks.push(chunk);
  return Buffer.concat(chunks);
}
const samplesOf = (bytes: Buffer): Int16Array =>
  Int16Array.from({ length: bytes.length >> 1 }, (_, at) => bytes.readInt16LE(at * 2));
const sox = (...args: string[]): void => {
  execFileSync('sox', ['-D', ...args]);
};

/** A tone after the other, at -6 dB. */
const BAND = [200, 300, 700, 1000, 2000, 2700, 3300];
const BEYOND = [4700, 5300, 6100, 7300, 7900, 9100, 12_700, 15_100, 19_000, 21_000];
/** Seconds of each. */
const STEP = 0.3;
/** Level of the tone and of everything else in its time, dB of full scale, by a least-squares fit; edges are left out. */
function measure(samples: Int16Array, { at, hertz, rate }: { at: number; hertz: number; rate: number }) {
  const part = samples.subarray(Math.round((at + 0.25) * STEP * rate), Math.round((at + 0.75) * STEP * rate));
  const turn = (2 * Math.PI * hertz) / rate;
  let [cc, cs, ss, xc, xs, xx] = [0, 0, 0, 0, 0, 0];
  for (const [n, x] of part.entries()) {
    const [c, s] = [Math.cos(turn * n), Math.sin(turn * n)];
    [cc, cs, ss, xc, xs, xx] = [cc + c * c, cs + c * s, ss + s * s, xc + x * c, xs + x * s, xx + x * x];
  }
  const determinant = cc * ss - cs * cs;
  const [a, b] = [(xc * ss - xs * cs) / determinant, (xs * cc - xc * cs) / determinant];
  const tone = a * xc + b * xs;
  const dB = (energy: number): number => 10 * Math.log10((2 * Math.max(energy, 1e-9)) / part.length / 32_768 ** 2);
  return { level: dB(tone), rest: dB(xx - tone) };
}
/** Signal to noise at the best of a few delays, dB: decoders start differently. */
function snr(wanted: Int16Array, got: Int16Array): number {
  let best = -Infinity;
  for (let delay = -2; delay <= 2; delay++) {
    let [signal, noise] = [0, 1e-9];
    for (let at = 800; at < wanted.length - 800; at++) {
      signal += (wanted[at] ?? 0) ** 2;
      noise += ((wanted[at] ?? 0) - (got[at + delay] ?? 0)) ** 2;
    }
    best = Math.max(best, 10 * Math.log10(signal / noise));
  }
  return best;
}
const levelOf = (samples: Int16Array): number =>
  10 * Math.log10(samples.reduce((sum, value) => sum + value ** 2, 0) / samples.length);

const INPUTS: readonly (readonly [name: string, contentType: string, made: readonly string[]])[] = [
  ['x.wav', 'audio/wav', []],
  ['x.flac', 'audio/flac', ['sox']],
  ['x.aiff', 'audio/aiff', ['sox']],
  ['x.mp3', 'audio/mpeg', ['ffmpeg', '-c:a', 'libmp3lame', '-b:a', '128k']],
  ['x.ogg', 'audio/ogg', ['sox']],
  ['x.opus', 'audio/ogg', ['ffmpeg', '-c:a', 'libopus', '-b:a', '128k']],
  ['x.gsm', 'audio/gsm', ['sox', '-r', '8000']],
  ['x.ul', 'audio/basic', ['sox', '-r', '8000']],
  ['x.al', 'audio/x-alaw', ['sox', '-r', '8000']],
];

beforeAll(() => {
  const hertz = [...BAND, ...BEYOND];
  const length = Math.round(hertz.length * STEP * 44_100);
  const samples = Int16Array.from({ length }, (_, at) =>
    Math.round(16_423 * Math.sin((2 * Math.PI * (hertz[Math.floor(at / (STEP * 44_100))] ?? 0) * at) / 44_100)),
  );
  writeFileSync(path('sweep-x.wav'), encodeWav(samples, 44_100));
  const text = 'Thank you for calling. For sales, press one. For support, press two.';
  execFileSync('flite', ['-voice', 'slt', '-t', text, '-o', path('flite.wav')]);
  sox(path('flite.wav'), '-r', '44100', path('speech-x.wav'), 'gain', '-3');
  for (const of of ['sweep', 'speech']) {
    for (const [name, , [program, ...args]] of INPUTS) {
      const [from, to] = [path(`${of}-x.wav`), path(`${of}-${name}`)];
      if (program === 'sox') sox(from, ...args, to);
      if (program === 'ffmpeg') execFileSync('ffmpeg', ['-v', 'error', '-i', from, ...args, to]);
    }
  }
}, 120_000);

/** At 8 kHz by other programs: sox, and ffmpeg for the decoding of what this sox may not read. */
function byOthers(name: string): Int16Array {
  let from = path(name);
  if (/mp3|opus/.test(name)) {
    from = path('decoded.wav');
    execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', path(name), from]);
  }
  const raw = /\.(ul|al)$/.test(name) ? ['-r', '8000', '-c', '1'] : [];
  sox(...raw, from, '-t', 's16', path('read.raw'), 'rate', '-v', '8000');
  return samplesOf(readFileSync(path('read.raw')));
}

describe('quality of every input, as 8 kHz linear', () => {
  it.each(INPUTS)(
    'MC-3 %s: level within 0.5 dB, noise of sox within 1 dB, length to one frame',
    async (name, type) => {
      const form = { codec: 'l16', rate: 8000 } as const;
      const [sweep, speech] = [`sweep-${name}`, `speech-${name}`];
      const [tones, words] = [
        samplesOf(await convert(sweep, form, type)),
        samplesOf(await convert(speech, form, type)),
      ];
      const reference = byOthers('speech-x.wav');
      const levels = BAND.map((hertz, at) => measure(tones, { at, hertz, rate: 8000 }));
      // Encoders of GSM and mp3 change tones and their level: what another decoder hears counts.
      const others = byOthers(sweep);
      for (const [at, { level }] of levels.entries()) {
        const expected = /gsm|mp3/.test(name) ? measure(others, { at, hertz: BAND[at] ?? 0, rate: 8000 }).level : -6;
        expect(Math.abs(level - expected), `${String(BAND[at])} Hz`).toBeLessThan(0.5);
      }
      if (/wav|flac|aiff/.test(name)) {
        for (const [at, { rest }] of levels.entries()) expect(rest, `${String(BAND[at])} Hz`).toBeLessThan(-80);
        for (const [at, hertz] of BEYOND.entries()) {
          const { level, rest } = measure(tones, { at: BAND.length + at, hertz: 1000, rate: 8000 });
          expect(Math.max(level, rest), `${String(hertz)} Hz`).toBeLessThan(-80);
        }
      }
      const theirs = byOthers(speech);
      expect(Math.abs(levelOf(words) - levelOf(name.endsWith('mp3') ? theirs : reference))).toBeLessThan(0.5);
      // Sox against itself has no noise: of what loses nothing, the filters' edges are left.
      const least = /wav|flac|aiff/.test(name) ? 45 : snr(reference, theirs) - 1;
      expect(snr(reference, words)).toBeGreaterThan(least);
      // The end of an mp3 is that of its own frame, which has 1152 samples.
      const frame = name.endsWith('mp3') ? Math.ceil((1152 * 8000) / 44_100) : 160;
      expect(Math.abs(words.length - reference.length)).toBeLessThanOrEqual(frame);
      expect(Math.abs(tones.length - (BAND.length + BEYOND.length) * STEP * 8000)).toBeLessThanOrEqual(frame);
    },
    60_000,
  );
});

describe('quality of every output, of 44.1 kHz', () => {
  const FORMS: readonly AudioForm[] = [
    { codec: 'pcmu', rate: 8000 },
    { codec: 'pcma', rate: 8000 },
    { codec: 'l16', rate: 8000 },
    { codec: 'l16', rate: 16_000 },
    { codec: 'l16', rate: 48_000 },
    { codec: 'opus', rate: 48_000 },
  ];
  const LAWS = { pcmu: 'PCMU', pcma: 'PCMA' } as const;

  it.each(FORMS)(
    'MC-3 $codec at $rate Hz',
    async (form) => {
      const { codec } = form;
      const bytes = await convert('sweep-x.wav', form);
      let [samples, rate]: [Int16Array, number] = [new Int16Array(), form.rate];
      if (codec === 'opus') {
        writeFileSync(path('out.opus'), bytes);
        execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', path('out.opus'), '-ar', '48000', path('out.wav')]);
        samples = samplesOf(readFileSync(path('out.wav')).subarray(44));
        rate = 48_000;
      } else samples = codec === 'l16' ? samplesOf(bytes) : decodeG711(LAWS[codec], bytes);
      const all = [...BAND, ...BEYOND];
      expect(Math.abs(samples.length / rate - all.length * STEP)).toBeLessThanOrEqual(0.02);
      for (const [at, hertz] of all.entries()) {
        const heard = hertz < rate * 0.425;
        const { level, rest } = measure(samples, { at, hertz: heard ? hertz : 1000, rate });
        const audible = heard && hertz < (codec === 'opus' ? 7500 : 20_500);
        if (audible) expect(Math.abs(level + 6), `${String(hertz)} Hz`).toBeLessThan(0.5);
        // G.711 keeps 38 dB below what it carries, and its smallest step otherwise.
        const floor = codec === 'l16' ? -80 : heard ? -38 : -66;
        if (codec !== 'opus' && (heard || hertz > rate * 0.575)) {
          expect(heard ? rest : Math.max(level, rest), `beside ${String(hertz)} Hz`).toBeLessThan(floor);
        }
      }
    },
    60_000,
  );
});
