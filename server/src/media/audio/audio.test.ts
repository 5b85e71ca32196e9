import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MediaError } from '../media-error.ts';
import type { FrameSource, G711Codec } from '../ports.ts';
import { DTMF_KEYS, dtmfFrequencies, dtmfSource } from './dtmf.ts';
import { convertG711, decodeG711, encodeG711, frameToG711, frameToLinear, silenceByte } from './g711.ts';
import { dominantTone, toneShare } from './goertzel.ts';
import { g711Source, pcmSource, silenceSource } from './pcm-source.ts';
import { resample } from './resample.ts';
import { countryTones, isOn, renderTone, toneSource } from './tones.ts';
import { decodeWav, encodeWav, g711InWav } from './wav.ts';

const CODES = Uint8Array.from({ length: 256 }, (_, code) => code);
const CODECS: readonly G711Codec[] = ['PCMU', 'PCMA'];
const directory = mkdtempSync(join(tmpdir(), 'hookswitch-audio-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** Signal to noise in dB of `got` against `wanted`. */
function snr(wanted: Int16Array, got: Int16Array): number {
  let [signal, noise] = [0, 0];
  for (const [at, sample] of wanted.entries()) {
    signal += sample * sample;
    noise += (sample - (got[at] ?? 0)) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}
function sine(hertz: number, count: number, rate = 8000, amplitude = 10_000): Int16Array {
  return Int16Array.from({ length: count }, (_, at) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hertz * at) / rate)),
  );
}
function drain(source: FrameSource): Int16Array {
  const samples: number[] = [];
  for (let frame = source.next(); frame !== undefined; frame = source.next()) samples.push(...frameToLinear(frame));
  return Int16Array.from(samples);
}

describe('G.711', () => {
  it('decodes to the values of ITU-T G.711 tables 1 and 2', () => {
    const at = (codec: G711Codec, codes: number[]): number[] => [...decodeG711(codec, Uint8Array.from(codes))];
    // Character signals of the tables; table 2's values are 14 bits (times 4), table 1's 13 bits (times 8) with the sign.
    expect(at('PCMU', [0x80, 0x8f, 0x9f, 0xaf, 0xef, 0xfe, 0xff])).toEqual([
      8031 * 4,
      4191 * 4,
      2079 * 4,
      1023 * 4,
      33 * 4,
      2 * 4,
      0,
    ]);
    expect(at('PCMU', [0x00, 0x7e])).toEqual([-8031 * 4, -2 * 4]);
    expect(at('PCMA', [0x80 ^ 0x7f ^ 0x55, 0xf0 ^ 0x55, 0xe0 ^ 0x55, 0x81 ^ 0x55, 0x80 ^ 0x55])).toEqual([
      ...at('PCMA', [0xff ^ 0x55]),
      2112 * 8,
      1056 * 8,
      3 * 8,
      1 * 8,
    ]);
    expect(at('PCMA', [0xaa, 0x2a, 0x55])).toEqual([4032 * 8, -4032 * 8, -8]);
  });

  it('encodes at the decision values of table 2a: x(n) itself goes up, one below stays', () => {
    // 14-bit decision values 8159, 4063, 2015, 31, 3, 1 (times 4 in 16 bits) and their code words.
    const edges: [number, number, number][] = [
      [4063, 0x8f, 0x90],
      [2015, 0x9f, 0xa0],
      [31, 0xef, 0xf0],
    ];
    for (const [decision, above, below] of edges) {
      expect([...encodeG711('PCMU', Int16Array.of(decision * 4, decision * 4 - 4))]).toEqual([above, below]);
    }
    expect([...encodeG711('PCMU', Int16Array.of(32_767, -32_768, 0, -1))]).toEqual([0x80, 0x00, 0xff, 0x7f]);
    expect([...encodeG711('PCMA', Int16Array.of(32_767, -32_768, 0, -1))]).toEqual([0xaa, 0x2a, 0xd5, 0x55]);
  });

  it.each(CODECS)('%s: every code word survives a round trip, silence is silence', (codec) => {
    const back = encodeG711(codec, decodeG711(codec, CODES));
    const expected = [...CODES];
    if (codec === 'PCMU') expected[0x7f] = 0xff; // minus zero
    expect([...back]).toEqual(expected);
    expect(Math.abs(decodeG711(codec, Uint8Array.of(silenceByte(codec)))[0] ?? 99)).toBeLessThanOrEqual(8);
  });

  it.each(CODECS)('%s: as good as sox', (codec) => {
    const [type, input, output] = [codec === 'PCMU' ? 'ul' : 'al', join(directory, 'in.raw'), join(directory, 'out')];
    const second = sine(1013, 8000);
    const samples = sine(440, 8000).map((value, at) => value + (second[at] ?? 0));
    writeFileSync(input, samples);
    const raw = ['-t', 'raw', '-r', '8000', '-c', '1'];
    execFileSync('sox', ['-D', ...raw, '-e', 'signed', '-b', '16', input, ...raw, '-t', type, output]);
    const theirs = decodeG711(codec, readFileSync(output));
    const ours = decodeG711(codec, encodeG711(codec, samples));
    expect(snr(samples, ours)).toBeGreaterThan(36);
    expect(snr(samples, ours)).toBeGreaterThan(snr(samples, theirs) - 0.1);
    const decoded = execFileSync('sox', [
      ...raw,
      '-t',
      type,
      output,
      ...raw,
      '-e',
      'signed',
      '-b',
      '16',
      '-t',
      'raw',
      '-',
    ]);
    expect(decoded.equals(Buffer.from(theirs.buffer))).toBe(true);
  });

  it('converts between the laws by value, and fills and cuts frames', () => {
    const speech = encodeG711('PCMU', sine(700, 1600));
    expect(snr(decodeG711('PCMU', speech), decodeG711('PCMA', convertG711('PCMU', 'PCMA', speech)))).toBeGreaterThan(
      33,
    );
    expect(convertG711('PCMU', 'PCMU', speech)).toBe(speech);
    const short = frameToG711({ format: 'linear16', samples: new Int16Array(10) }, 'PCMA');
    expect([short.length, short[159]]).toEqual([160, 0xd5]);
    expect(frameToG711({ format: 'PCMU', bytes: new Uint8Array(400) }, 'PCMU').length).toBe(160);
  });
});

describe('tones', () => {
  it('North American ringback: 440 and 480 Hz, 2 s on, 4 s off, again and again', () => {
    const { ringback } = countryTones();
    const on = renderTone(ringback, 0, 16_000);
    expect(toneShare(on, 440)).toBeCloseTo(0.5, 1);
    expect(toneShare(on, 480)).toBeCloseTo(0.5, 1);
    expect(renderTone(ringback, 16_000, 32_000).every((sample) => sample === 0)).toBe(true);
    expect(renderTone(ringback, 48_000, 1600).some((sample) => sample !== 0)).toBe(true);
  });

  it('knows other countries and falls back to the default, also for names of object properties', () => {
    expect(countryTones('GB').ringback.cadenceMs).toEqual([400, 200, 400, 2000]);
    expect(countryTones('zz')).toBe(countryTones('us'));
    expect(countryTones('constructor')).toBe(countryTones('us'));
    expect(isOn([], 5)).toBe(true);
    expect([0, 399, 400, 600, 999, 1000].map((at) => isOn([400, 200, 400, 2000], at))).toEqual([
      true,
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  it('ends after its time and starts again after rewind', () => {
    const source = toneSource({ frequencies: [440], cadenceMs: [] }, 50);
    expect(drain(source).length).toBe(400);
    source.rewind?.();
    expect(drain(source).length).toBe(400);
    expect(drain(silenceSource(100)).length).toBe(800);
  });

  it('every key has its two frequencies', () => {
    expect(DTMF_KEYS.length).toBe(16);
    const candidates = [697, 770, 852, 941, 1209, 1336, 1477, 1633];
    for (const key of DTMF_KEYS) {
      const [low = 0, high = 0] = dtmfFrequencies(key) ?? [];
      const samples = drain(dtmfSource(key, { toneMs: 100, gapMs: 0 }));
      expect(candidates.filter((hertz) => toneShare(samples, hertz) > 0.3)).toEqual([low, high]);
    }
    expect(drain(dtmfSource('1w2', { toneMs: 100, gapMs: 100 })).length).toBe(8 * 900);
    expect(dtmfFrequencies('')).toBeUndefined();
  });

  it('the detector finds nothing in silence and noise', () => {
    expect(dominantTone(new Int16Array(800), [440])).toBeUndefined();
    const noise = Int16Array.from({ length: 1600 }, (_, at) => ((at * 7919 * (at + 13)) % 20_011) - 10_005);
    expect(dominantTone(noise, [440, 700, 1000])).toBeUndefined();
  });
});

describe('resampler', () => {
  it.each([44_100, 48_000, 22_050, 16_000, 11_025, 44_101])('%i Hz: flat to 3.4 kHz, no alias of 4.6 kHz', (rate) => {
    const level = (hertz: number): number => {
      const input = Float32Array.from(sine(hertz, rate, rate), (value) => value / 32_768);
      const output = Int16Array.from(resample(input, rate, 8000), (value) => Math.round(value * 32_768));
      expect(output.length).toBe(8000);
      const inner = output.subarray(800, 7200);
      return 10 * Math.log10(inner.reduce((sum, value) => sum + value * value, 0) / inner.length / (10_000 ** 2 / 2));
    };
    for (const hertz of [200, 1000, 3000, 3400]) expect(Math.abs(level(hertz))).toBeLessThan(0.5);
    if (rate > 9500) expect(level(4600)).toBeLessThan(-60);
  });

  it('raises a lower rate too, without delay', () => {
    const output = resample(
      Float32Array.from(sine(500, 600, 6000), (value) => value / 32_768),
      6000,
      8000,
    );
    const got = Int16Array.from(output, (value) => Math.round(value * 32_768));
    expect(snr(sine(500, 800).subarray(100, 700), got.subarray(100, 700))).toBeGreaterThan(60);
  });
});

describe('wav reader', () => {
  it.each(CODECS)('finds %s telephone audio, which is played as it is, and again', (codec) => {
    const header = encodeWav(new Int16Array(0)).slice(0, 44);
    const bytes = encodeG711(codec, sine(440, 400));
    const view = new DataView(header.buffer);
    view.setUint16(20, codec === 'PCMU' ? 7 : 6, true);
    view.setUint16(34, 8, true);
    view.setUint32(40, bytes.length, true);
    const found = g711InWav(new Uint8Array([...header, ...bytes, 1, 2, 3]));
    expect(found).toEqual({ codec, bytes });
    const source = g711Source(codec, bytes);
    for (let round = 0; round < 2; round++) {
      const frames = [source.next(), source.next(), source.next()];
      expect(frames).toEqual([0, 160, 320].map((at) => ({ format: codec, bytes: bytes.subarray(at, at + 160) })));
      expect(source.next()).toBeUndefined();
      source.rewind?.();
    }
    // At another rate it has to be decoded.
    view.setUint32(24, 16_000, true);
    expect(g711InWav(new Uint8Array([...header, ...bytes]))).toBeUndefined();
    expect(g711InWav(encodeWav(sine(440, 400)))).toBeUndefined();
    expect(() => g711InWav(new Uint8Array(50))).toThrow(MediaError);
  });

  const tone = join(directory, 'tone.wav');
  const sox = (...args: string[]): Uint8Array => {
    execFileSync('sox', [
      '-D',
      '-n',
      ...args.slice(0, -1),
      tone,
      'synth',
      '0.5',
      'sine',
      '1000',
      'gain',
      args.at(-1) ?? '-6',
    ]);
    return readFileSync(tone);
  };

  it.each([
    ['8 bits', '-r', '8000', '-b', '8', '-e', 'unsigned'],
    ['16 bits stereo 44.1 kHz', '-r', '44100', '-c', '2', '-b', '16'],
    ['24 bits 48 kHz, extensible header', '-r', '48000', '-b', '24'],
    ['32 bits 16 kHz', '-r', '16000', '-b', '32', '-e', 'signed'],
    ['float', '-r', '22050', '-b', '32', '-e', 'float'],
    ['double', '-r', '11025', '-b', '64', '-e', 'float'],
    ['mu-law', '-r', '8000', '-e', 'mu-law'],
    ['A-law, three channels', '-r', '8000', '-c', '3', '-e', 'a-law'],
  ])('reads %s as written by sox', (_name, ...format) => {
    const samples = decodeWav(sox(...format, '-6'));
    expect(Math.abs(samples.length - 4000)).toBeLessThanOrEqual(1);
    expect(toneShare(samples.subarray(100, 3900), 1000)).toBeGreaterThan(0.99);
    const peak = Math.max(...samples.subarray(100, 3900));
    expect(peak).toBeGreaterThan(16_422 * 0.95);
    expect(peak).toBeLessThan(16_422 * 1.05);
  });

  it('agrees with sox on speech-like audio at 44.1 kHz', () => {
    const [from, to] = [join(directory, 'noise.wav'), join(directory, 'noise8.wav')];
    execFileSync('sox', [
      '-D',
      '-R',
      '-n',
      '-r',
      '44100',
      '-b',
      '16',
      from,
      'synth',
      '1',
      'pinknoise',
      'lowpass',
      '3000',
      'gain',
      '-12',
    ]);
    execFileSync('sox', ['-D', from, '-r', '8000', to, 'rate', '-v']);
    const [ours, theirs] = [decodeWav(readFileSync(from)), decodeWav(readFileSync(to))];
    expect(snr(theirs.subarray(200, 7800), ours.subarray(200, 7800))).toBeGreaterThan(30);
  });

  it('reads what it writes, and a file whose sizes a streaming writer left open', () => {
    const samples = sine(700, 500);
    const file = encodeWav(samples);
    expect(decodeWav(file)).toEqual(samples);
    for (const open of [0, 0xffff_ffff, 0x7fff_f000]) {
      new DataView(file.buffer).setUint32(40, open, true);
      expect(decodeWav(file)).toEqual(samples);
    }
  });

  it('refuses everything else with a reason, whatever is cut or changed', () => {
    const file = encodeWav(sine(700, 50));
    for (let at = 0; at < file.length; at++) {
      for (const broken of [file.slice(0, at), Uint8Array.from(file, (byte, n) => (n === at ? byte ^ 0xff : byte))]) {
        try {
          decodeWav(broken);
        } catch (error) {
          expect(error).toBeInstanceOf(MediaError);
          expect(error).toMatchObject({ reason: 'bad-audio' });
        }
      }
    }
    expect(() => decodeWav(new TextEncoder().encode('ID3 this is mp3'))).toThrow('no RIFF/WAVE file');
    expect(() => decodeWav(new Uint8Array(0))).toThrow(MediaError);
  });
});

it('samples are played in 20 ms frames, the last one short', () => {
  const source = pcmSource(new Int16Array(170));
  expect(drain(source).length).toBe(170);
  expect(source.next()).toBeUndefined();
});
