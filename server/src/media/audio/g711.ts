import type { AudioFrame, G711Codec } from '../ports.ts';

/** Sample rate of everything here, hertz. */
export const SAMPLE_RATE = 8000;
/** Samples in one 20 ms frame. */
export const FRAME_SAMPLES = 160;

/** Mu-law code word for a 14-bit signed value, ITU-T G.711 table 2a/2b (as computed by ITU-T G.191 `ulaw_compress`). */
function encodeMuLaw14(value: number): number {
  const magnitude = Math.min((value < 0 ? ~value : value) + 33, 0x1fff);
  const segment = 26 - Math.clz32(magnitude);
  const code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0f);
  return code ^ (value < 0 ? 0x7f : 0xff);
}

/** A-law code word for a 12-bit signed value, ITU-T G.711 table 1a/1b (as computed by ITU-T G.191 `alaw_compress`). */
function encodeALaw12(value: number): number {
  const magnitude = value < 0 ? ~value : value;
  const segment = magnitude < 16 ? 0 : 28 - Math.clz32(magnitude);
  const mantissa = segment === 0 ? magnitude : (magnitude >> (segment - 1)) & 0x0f;
  return ((segment << 4) | mantissa | (value < 0 ? 0 : 0x80)) ^ 0x55;
}

function decodeMuLaw(code: number): number {
  const bits = ~code & 0xff;
  const magnitude = ((((bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84;
  return (bits & 0x80) === 0 ? magnitude : -magnitude;
}

function decodeALaw(code: number): number {
  const bits = code ^ 0x55;
  const segment = (bits >> 4) & 7;
  const step = ((bits & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return (bits & 0x80) === 0 ? -magnitude : magnitude;
}

interface Law {
  /** 16-bit linear value of each code word. */
  readonly decode: Int16Array;
  /** Code word of each linear value, indexed by the value's upper bits as an unsigned number. */
  readonly encode: Uint8Array;
  /** How far a 16-bit sample is shifted right to index `encode`. */
  readonly shift: number;
  /** The other law's code word for each of this law's. */
  readonly toOther: Uint8Array;
  readonly silence: number;
}

function encodeTable(bits: number, encode: (value: number) => number): Uint8Array {
  const size = 1 << bits;
  return Uint8Array.from({ length: size }, (_, at) => encode(at < size / 2 ? at : at - size));
}

const muDecode = Int16Array.from({ length: 256 }, (_, code) => decodeMuLaw(code));
const aDecode = Int16Array.from({ length: 256 }, (_, code) => decodeALaw(code));
const muEncode = encodeTable(14, encodeMuLaw14);
const aEncode = encodeTable(12, encodeALaw12);

/**
 * DEVIATION: code words are converted through their linear values, not by G.711 tables 3 and 4; the difference is at
 * most one quantising step and there is no tandem of conversions here that those tables would keep transparent.
 */
const laws: Record<G711Codec, Law> = {
  PCMU: {
    decode: muDecode,
    encode: muEncode,
    shift: 2,
    toOther: Uint8Array.from(muDecode, (linear) => aEncode[(linear >> 4) & 0xfff] ?? 0),
    silence: 0xff,
  },
  PCMA: {
    decode: aDecode,
    encode: aEncode,
    shift: 4,
    toOther: Uint8Array.from(aDecode, (linear) => muEncode[(linear >> 2) & 0x3fff] ?? 0),
    silence: 0xd5,
  },
};

/** Static RTP payload types of RFC 3551 table 4. */
export const G711_PAYLOAD_TYPE: Readonly<Record<G711Codec, number>> = { PCMU: 0, PCMA: 8 };

/** 16-bit linear samples as G.711, one byte a sample. */
export function encodeG711(codec: G711Codec, samples: Int16Array): Uint8Array {
  const { encode, shift } = laws[codec];
  const mask = encode.length - 1;
  const bytes = new Uint8Array(samples.length);
  for (let at = 0; at < samples.length; at++) bytes[at] = encode[((samples[at] ?? 0) >> shift) & mask] ?? 0;
  return bytes;
}

/** G.711 bytes as 16-bit linear samples. */
export function decodeG711(codec: G711Codec, bytes: Uint8Array): Int16Array {
  const { decode } = laws[codec];
  const samples = new Int16Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) samples[at] = decode[bytes[at] ?? 0] ?? 0;
  return samples;
}

/** The same bytes when the codecs are equal, else converted by table. */
export function convertG711(from: G711Codec, to: G711Codec, bytes: Uint8Array): Uint8Array {
  if (from === to) return bytes;
  const { toOther } = laws[from];
  const converted = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) converted[at] = toOther[bytes[at] ?? 0] ?? 0;
  return converted;
}

/** Code word of silence: 0xFF in mu-law, 0xD5 in A-law. */
export function silenceByte(codec: G711Codec): number {
  return laws[codec].silence;
}

/** Any frame as one 160-byte payload: encoded or converted, a short one filled with silence, a long one cut. */
export function frameToG711(frame: AudioFrame, codec: G711Codec): Uint8Array {
  const bytes =
    frame.format === 'linear16' ? encodeG711(codec, frame.samples) : convertG711(frame.format, codec, frame.bytes);
  if (bytes.length === FRAME_SAMPLES) return bytes;
  const filled = new Uint8Array(FRAME_SAMPLES).fill(silenceByte(codec));
  filled.set(bytes.subarray(0, FRAME_SAMPLES));
  return filled;
}

/** Any frame as linear samples. */
export function frameToLinear(frame: AudioFrame): Int16Array {
  return frame.format === 'linear16' ? frame.samples : decodeG711(frame.format, frame.bytes);
}
