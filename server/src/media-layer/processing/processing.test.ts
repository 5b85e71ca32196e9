import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FairLimiter } from '../../kernel/index.ts';
import { decodeG711, encodeWav } from '../../media/index.ts';
import type { AudioForm } from '../resources/forms.ts';
import { createConverter } from './converter.child.ts';
import { sniff } from './sniff.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const LINEAR: AudioForm = { codec: 'l16', rate: 8000 };
const directory = mkdtempSync(join(tmpdir(), 'hookswitch-processing-'));
const path = (name: string): string => join(directory, name);
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const usual = createConverter({ timeoutMs: 60_000 });
async function convert(body: Uint8Array, form = LINEAR, contentType = '', options = {}): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const converter = Object.keys(options).length === 0 ? usual : createConverter({ timeoutMs: 60_000, ...options });
  for await (const chunk of converter.convert({ accountSid: ACCOUNT, body, contentType, form })) chunks.push(chunk);
  return Buffer.concat(chunks);
}
const samplesOf = (bytes: Buffer): Int16Array =>
  Int16Array.from({ length: bytes.length >> 1 }, (_, at) => bytes.readInt16LE(at * 2));

/** A wav file of tones, each with a second of its own, full scale at 0 dB. */
function tones(hertz: readonly number[], rate = 44_100, dB = -6): Uint8Array {
  const amplitude = 32_768 * 10 ** (dB / 20);
  const samples = Int16Array.from({ length: hertz.length * rate }, (_, at) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * (hertz[Math.floor(at / rate)] ?? 0) * at) / rate)),
  );
  return encodeWav(samples, rate);
}
/** RMS in dB of full scale's sine, without the edges of the second, where filters ring. */
function level(samples: Int16Array, second: number, rate = 8000): number {
  const part = samples.subarray(second * rate + rate / 5, (second + 1) * rate - rate / 5);
  return (
    20 * Math.log10((Math.SQRT2 * Math.sqrt(part.reduce((sum, value) => sum + value ** 2, 0) / part.length)) / 32_768)
  );
}
/** Signal to noise of `got` against `wanted`, dB, at the best of a few delays: decoders start differently. */
function snr(wanted: Int16Array, got: Int16Array, delays = 0): number {
  let best = -Infinity;
  for (let delay = -delays; delay <= delays; delay++) {
    let [signal, noise] = [0, 1e-9];
    for (let at = 800; at < wanted.length - 800; at++) {
      signal += (wanted[at] ?? 0) ** 2;
      noise += ((wanted[at] ?? 0) - (got[at + delay] ?? 0)) ** 2;
    }
    best = Math.max(best, 10 * Math.log10(signal / noise));
  }
  return best;
}
const sox = (...args: string[]): void => {
  execFileSync('sox', ['-D', ...args]);
};

describe('resampling', () => {
  it('MC-3 is flat to 3.4 kHz within 0.5 dB, and what would fold back is more than 80 dB down', async () => {
    const band = [100, 300, 1000, 2000, 3000, 3400];
    const beyond = [4600, 5000, 6000, 7000, 7900, 9000, 12_000, 15_000, 20_000];
    for (const rate of [22_050, 44_100, 48_000]) {
      const audible = beyond.filter((hertz) => hertz < rate / 2);
      const got = samplesOf(await convert(tones([...band, ...audible], rate)));
      expect(got.length).toBe((band.length + audible.length) * 8000);
      for (const [at] of band.entries()) expect(Math.abs(level(got, at) + 6)).toBeLessThan(0.5);
      for (const [at] of audible.entries()) expect(level(got, band.length + at)).toBeLessThan(-86);
    }
  }, 120_000);

  it('MC-3 two channels at full scale become one without clipping; 16 and 48 kHz keep the level', async () => {
    writeFileSync(path('mono.wav'), tones([1000, 1000], 44_100, -0.1));
    sox(path('mono.wav'), '-c', '2', path('stereo.wav'));
    for (const rate of [8000, 16_000, 48_000] as const) {
      const got = samplesOf(await convert(readFileSync(path('stereo.wav')), { codec: 'l16', rate }));
      expect(got.length).toBe(2 * rate);
      expect(Math.abs(level(got, 0, rate) + 0.1)).toBeLessThan(0.05);
    }
  }, 60_000);
});

describe('formats', () => {
  const FORMATS: readonly (readonly [name: string, contentType: string, exact: boolean])[] = [
    ['s16.wav', 'audio/wav', true],
    ['s24.wav', '', true],
    ['float.wav', 'application/octet-stream', true],
    ['x.flac', 'audio/flac', true],
    ['x.aiff', 'audio/aiff', true],
    ['x.au', 'audio/basic', true],
    ['x.ogg', 'audio/ogg', false],
    ['x.opus', 'audio/ogg', false],
    ['x.mp3', 'audio/mpeg', false],
    ['x.gsm', 'audio/gsm', false],
    ['law.wav', 'audio/wav', false],
    ['x.ul', 'audio/basic', false],
    ['x.al', 'audio/x-alaw', false],
  ];
  let reference: Int16Array;
  let duration: number;
  beforeAll(() => {
    const text = 'Thank you for calling. For sales, press one. For support, press two.';
    execFileSync('flite', ['-voice', 'slt', '-t', text, '-o', path('flite.wav')]);
    sox(path('flite.wav'), '-r', '44100', '-c', '2', path('s16.wav'), 'gain', '-3');
    const make = (name: string, ...args: string[]): void => {
      sox(path('s16.wav'), ...args, path(name));
    };
    make('s24.wav', '-b', '24');
    make('float.wav', '-e', 'floating-point', '-b', '32');
    for (const name of ['x.flac', 'x.aiff', 'x.au', 'x.ogg']) make(name);
    for (const name of ['x.gsm', 'x.ul', 'x.al']) make(name, '-r', '8000', '-c', '1');
    make('law.wav', '-r', '8000', '-c', '1', '-e', 'mu-law');
    for (const [name, codec] of [
      ['x.mp3', 'libmp3lame'],
      ['x.opus', 'libopus'],
    ] as const) {
      execFileSync('ffmpeg', ['-v', 'error', '-i', path('s16.wav'), '-c:a', codec, '-b:a', '128k', path(name)]);
    }
    reference = read('s16.wav');
    duration = reference.length / 8000;
  }, 60_000);
  /** By sox, which is independent of what is tested. */
  const read = (name: string): Int16Array => {
    const raw = /\.(ul|al)$/.test(name) ? ['-r', '8000', '-c', '1'] : [];
    sox(...raw, path(name), '-c', '1', '-t', 's16', path('read.raw'), 'rate', '-v', '8000');
    return samplesOf(readFileSync(path('read.raw')));
  };
  const rms = (samples: Int16Array): number =>
    10 * Math.log10(samples.reduce((sum, value) => sum + value ** 2, 0) / samples.length);

  it.each(FORMATS)(
    'MC-3 speech as %s has its level within 0.5 dB and its length to one frame',
    async (name, type, exact) => {
      const got = samplesOf(await convert(readFileSync(path(name)), LINEAR, type));
      expect(Math.abs(got.length / 8000 - duration)).toBeLessThanOrEqual(0.02);
      expect(Math.abs(rms(got) - rms(reference))).toBeLessThan(0.5);
      // No worse than sox makes the same of it, by more than 1 dB; what is not changed in the band is the same but for the filters' edge.
      if (exact) expect(snr(reference, got)).toBeGreaterThan(25);
      else if (/ogg|gsm|ul|al|law/.test(name)) {
        expect(snr(reference, got, 2)).toBeGreaterThan(snr(reference, read(name), 2) - 1);
      } else expect(snr(reference, got, 2)).toBeGreaterThan(8);
    },
    60_000,
  );

  it('MC-3 mu-law, A-law and Opus of speech: no more noise than sox makes, and what other programs read', async () => {
    const source = readFileSync(path('s16.wav'));
    const linear = samplesOf(await convert(source));
    for (const [codec, form, name] of [
      ['PCMU', 'pcmu', 'y.ul'],
      ['PCMA', 'pcma', 'y.al'],
    ] as const) {
      const got = decodeG711(codec, await convert(source, { codec: form, rate: 8000 }));
      sox(path('s16.wav'), '-c', '1', path(name), 'rate', '-v', '8000');
      const theirs = snr(reference, decodeG711(codec, readFileSync(path(name))));
      expect(snr(linear, got)).toBeGreaterThan(theirs - 1);
      expect(got.length).toBe(linear.length);
    }
    writeFileSync(path('out.opus'), await convert(source, { codec: 'opus', rate: 48_000 }));
    execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', path('out.opus'), path('back.wav')]);
    const back = read('back.wav');
    expect(Math.abs(back.length / 8000 - duration)).toBeLessThanOrEqual(0.02);
    expect(Math.abs(rms(back) - rms(reference))).toBeLessThan(0.5);
  }, 60_000);

  it('MC-1 the same content twice gives the same bytes', async () => {
    for (const form of [LINEAR, { codec: 'opus', rate: 48_000 } as const]) {
      const source = readFileSync(path('x.mp3'));
      expect(await convert(source, form)).toEqual(await convert(source, form));
    }
  }, 60_000);
});

describe('bad files', () => {
  it.each([
    ['a web page', '<!DOCTYPE html><html>', 'audio/mpeg', /web page/],
    ['XML', ' <?xml version="1.0"?><Response/>', 'audio/wav', /XML/],
    ['JSON', '{"error":"no"}', 'audio/wav', /JSON/],
    ['a playlist that names other files', '#EXTM3U\nfile:///etc/passwd\n', 'audio/mpeg', /playlist/],
    ['a concat script', 'ffconcat version 1.0\nfile /etc/passwd\n', 'audio/x-wav', /no kind that is known/],
    ['nothing', '', 'audio/basic', /empty/],
    ['a wav file without audio', 'RIFF____WAVEfmt ', 'audio/wav', /no audio that can be read/],
    ['an mp3 of words', 'just some words, no sound at all', 'audio/mpeg', /no audio that can be read/],
  ])('MC-9 %s is told as what it is', async (_name, text, type, message) => {
    await expect(convert(Buffer.from(text), LINEAR, type)).rejects.toMatchObject({ reason: 'not-audio', message });
  });

  it('MC-9 what is too long is cut, too large and too slow are errors, and the next conversion works', async () => {
    const source = tones([1000, 1000, 1000], 8000);
    expect((await convert(source, LINEAR, '', { maxSeconds: 1 })).length).toBe(16_000);
    await expect(convert(source, LINEAR, '', { maxBytes: 10_000 })).rejects.toMatchObject({ reason: 'too-large' });
    await expect(convert(source, LINEAR, '', { timeoutMs: 1 })).rejects.toMatchObject({ reason: 'too-large' });
    await expect(convert(source, LINEAR, '', { maxMemory: 4 * 1024 * 1024 })).rejects.toMatchObject({
      reason: /engine|not-audio/,
    });
    await expect(convert(source, LINEAR, '', { ffmpeg: 'no-such-program' })).rejects.toMatchObject({
      reason: 'engine',
      message: expect.stringContaining('npm run setup') as string,
    });
    expect((await convert(source)).length).toBe(48_000);
  }, 30_000);

  it('MC-9 headers that lie neither hang nor kill anything', async () => {
    const wav = Buffer.from(tones([1000], 8000));
    const lies: [number, number][] = [
      [4, 0xffffffff],
      [16, 0xffffffff],
      [22, 0xffff],
      [24, 0xffffffff],
      [24, 0],
      [32, 0],
      [34, 0xffff],
      [40, 0xffffffff],
    ];
    for (const [at, value] of lies) {
      const changed = Buffer.from(wav);
      if (value > 0xffff || at === 24) changed.writeUInt32LE(value, at);
      else changed.writeUInt16LE(value, at);
      const outcome = await convert(changed).catch((error: unknown) => error);
      if (!(outcome instanceof Buffer)) expect(outcome).toMatchObject({ name: 'PromptError' });
    }
  }, 30_000);

  it('MC-8 the first audio is there before a long file is converted', async () => {
    const source = tones(
      Array.from({ length: 60 }, () => 440),
      44_100,
    );
    const parts = createConverter().convert({ accountSid: ACCOUNT, body: source, contentType: '', form: LINEAR });
    const first = await parts[Symbol.asyncIterator]().next();
    expect((first.value as Uint8Array).length).toBeGreaterThanOrEqual(160);
    expect((first.value as Uint8Array).length).toBeLessThan(16_000 * 30);
    await parts[Symbol.asyncIterator]().return?.();
  }, 30_000);
});

it('MC-9 sniffing: what is declared counts for headerless audio alone', () => {
  const silence = new Uint8Array(400).fill(0xff);
  expect(sniff(silence, 'audio/basic')).toEqual({ demuxer: 'mulaw', rate: 8000, channels: 1 });
  expect(sniff(silence, 'audio/PCMA;rate=16000;channels=2')).toEqual({ demuxer: 'alaw', rate: 16_000, channels: 2 });
  expect(sniff(silence, 'audio/L16; rate=1e9')).toEqual({ demuxer: 's16be', rate: 8000, channels: 1 });
  expect(sniff(tones([440]), 'audio/basic')).toEqual({ demuxer: 'wav' });
  expect(sniff(Buffer.from([0xff, 0xfb, 0x90, 0x64, 0, 0]), '')).toEqual({ demuxer: 'mp3' });
  expect(sniff(Buffer.from('ID3\x04\0\0\0\0\0\x02xxfLaC', 'latin1'), '')).toEqual({ demuxer: 'flac' });
  expect(() => sniff(silence, 'constructor')).toThrow(/no kind/);
});

it('MC-9 turns: an account has all but one, its own queue is bounded, accounts take turns', async () => {
  const limiter = new FairLimiter({ atOnce: 2, atOncePerAccount: 1, waiting: 2 });
  const order: string[] = [];
  const ask = async (account: string, name: string): Promise<() => void> => {
    const end = await limiter.turn(account);
    if (end === undefined) throw new Error('full');
    order.push(name);
    return end;
  };
  const first = await ask('a', 'a1');
  const waiting = [ask('a', 'a2'), ask('a', 'a3')];
  expect(limiter.turn('a')).toBeUndefined();
  const other = await ask('b', 'b1');
  const later = ask('c', 'c1');
  first();
  first();
  other();
  (await later)();
  (await waiting[0])?.();
  (await waiting[1])?.();
  expect(new Set(order)).toEqual(new Set(['a1', 'b1', 'a2', 'c1', 'a3']));
  expect(order.indexOf('c1')).toBeLessThan(order.indexOf('a3'));
});
