import { MediaError } from '../media-error.ts';
import type { G711Codec } from '../ports.ts';
import { decodeG711, SAMPLE_RATE } from './g711.ts';
import { resample } from './resample.ts';

/** Facts of a RIFF/WAVE file, before any conversion. */
export interface WavFormat {
  readonly encoding: 'integer' | 'float' | G711Codec;
  readonly bits: number;
  readonly channels: number;
  readonly sampleRate: number;
  /** Where the audio lies in the file, bytes. */
  readonly dataStart: number;
  readonly dataLength: number;
}

/** Longest recording that is read, seconds; what comes after is cut. */
const MAX_SECONDS = 3600;
const ENCODINGS: Readonly<Record<number, WavFormat['encoding']>> = { 1: 'integer', 3: 'float', 6: 'PCMA', 7: 'PCMU' };
const EXTENSIBLE = 0xfffe;

function bad(message: string): MediaError {
  return new MediaError('bad-audio', `${message}; give a wav file with PCM, float, mu-law or A-law audio`);
}

function readFormat(chunk: DataView): Omit<WavFormat, 'dataStart' | 'dataLength'> {
  if (chunk.byteLength < 16) throw bad('the format chunk of the wav file is too short');
  const tag = chunk.getUint16(0, true);
  // WAVE_FORMAT_EXTENSIBLE keeps the real tag in the first two bytes of the sub-format.
  const effective = tag === EXTENSIBLE && chunk.byteLength >= 26 ? chunk.getUint16(24, true) : tag;
  const encoding = ENCODINGS[effective];
  const [channels, sampleRate, bits] = [
    chunk.getUint16(2, true),
    chunk.getUint32(4, true),
    chunk.getUint16(14, true),
  ] as const;
  if (encoding === undefined) throw bad(`the wav file has unsupported encoding ${String(effective)}`);
  const widths = encoding === 'integer' ? [8, 16, 24, 32] : encoding === 'float' ? [32, 64] : [8];
  if (!widths.includes(bits))
    throw bad(`the wav file has ${String(bits)} bits a sample, which ${encoding} cannot have`);
  if (channels < 1 || channels > 32) throw bad(`the wav file has ${String(channels)} channels`);
  if (sampleRate < 1000 || sampleRate > 384_000) throw bad(`the wav file has a rate of ${String(sampleRate)} Hz`);
  return { encoding, bits, channels, sampleRate };
}

/** Reads the headers only. @throws MediaError `bad-audio`, never anything else */
function parseWav(file: Uint8Array): WavFormat {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const tagAt = (at: number): string => String.fromCharCode(...file.subarray(at, at + 4));
  if (file.length < 12 || tagAt(0) !== 'RIFF' || tagAt(8) !== 'WAVE') throw bad('this is no RIFF/WAVE file');
  let format: Omit<WavFormat, 'dataStart' | 'dataLength'> | undefined;
  for (let at = 12; at + 8 <= file.length;) {
    const [tag, size] = [tagAt(at), view.getUint32(at + 4, true)];
    const start = at + 8;
    // A writer that streams leaves the size open (0 or 2^32 - 1): what is there counts.
    const length = Math.min(size, file.length - start);
    if (tag === 'fmt ') format = readFormat(new DataView(file.buffer, file.byteOffset + start, length));
    if (tag === 'data') {
      if (format === undefined) throw bad('the wav file has its audio before its format');
      const dataLength = size === 0 ? file.length - start : length;
      return { ...format, dataStart: start, dataLength };
    }
    at = start + length + (length % 2);
  }
  throw bad('the wav file holds no audio');
}

type Reader = (view: DataView, at: number) => number;

function sampleReader(format: WavFormat): Reader {
  if (format.encoding === 'float') {
    return format.bits === 32 ? (view, at) => view.getFloat32(at, true) : (view, at) => view.getFloat64(at, true);
  }
  if (format.encoding !== 'integer') {
    const table = decodeG711(
      format.encoding,
      Uint8Array.from({ length: 256 }, (_, code) => code),
    );
    return (view, at) => (table[view.getUint8(at)] ?? 0) / 32_768;
  }
  switch (format.bits) {
    case 8:
      return (view, at) => (view.getUint8(at) - 128) / 128;
    case 16:
      return (view, at) => view.getInt16(at, true) / 32_768;
    case 24:
      return (view, at) => (view.getUint16(at, true) | (view.getInt8(at + 2) << 16)) / 8_388_608;
    default:
      return (view, at) => view.getInt32(at, true) / 2_147_483_648;
  }
}

/** One channel at the file's own rate, samples -1 to 1: the mean of all channels. */
function mixDown(file: Uint8Array, format: WavFormat): Float32Array {
  const read = sampleReader(format);
  const width = format.bits / 8;
  const stride = width * format.channels;
  const count = Math.min(Math.floor(format.dataLength / stride), MAX_SECONDS * format.sampleRate);
  const view = new DataView(file.buffer, file.byteOffset + format.dataStart, format.dataLength);
  const mono = new Float32Array(count);
  for (let at = 0; at < count; at++) {
    let sum = 0;
    for (let channel = 0; channel < format.channels; channel++) sum += read(view, at * stride + channel * width);
    const mean = sum / format.channels;
    mono[at] = Number.isFinite(mean) ? mean : 0;
  }
  return mono;
}

/**
 * Any wav file as 16-bit samples at 8 kHz, one channel, ready for `pcmSource`. Whole-file work on the caller's thread, about 5 ms per second
 * of 44.1 kHz audio.
 *
 * @throws MediaError `bad-audio` with a reason for people
 */
export function decodeWav(file: Uint8Array): Int16Array {
  const format = parseWav(file);
  const audio = resample(mixDown(file, format), format.sampleRate, SAMPLE_RATE);
  return Int16Array.from(audio, (value) => Math.max(-32_768, Math.min(32_767, Math.round(value * 32_768))));
}

/**
 * G.711 audio of one channel at 8 kHz as it lies in a wav file, which is what the media layer gives: nothing is decoded or
 * copied. Undefined for every other wav file.
 *
 * @throws MediaError `bad-audio` with a reason for people
 */
export function g711InWav(file: Uint8Array): { readonly codec: G711Codec; readonly bytes: Uint8Array } | undefined {
  const { encoding, channels, sampleRate, dataStart, dataLength } = parseWav(file);
  if (encoding === 'integer' || encoding === 'float' || channels !== 1 || sampleRate !== SAMPLE_RATE) return undefined;
  return {
    codec: encoding,
    bytes: file.subarray(dataStart, dataStart + Math.min(dataLength, MAX_SECONDS * SAMPLE_RATE)),
  };
}

/** A wav file of 16-bit samples: what recordings and tests write. */
export function encodeWav(samples: Int16Array, sampleRate = SAMPLE_RATE): Uint8Array {
  const file = new Uint8Array(44 + samples.length * 2);
  const view = new DataView(file.buffer);
  const tag = (at: number, text: string): void => {
    file.set(new TextEncoder().encode(text), at);
  };
  tag(0, 'RIFF');
  view.setUint32(4, file.length - 8, true);
  tag(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  tag(36, 'data');
  view.setUint32(40, samples.length * 2, true);
  for (const [at, sample] of samples.entries()) view.setInt16(44 + at * 2, sample, true);
  return file;
}
