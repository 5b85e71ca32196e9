import { PromptError } from '../prompt-error.ts';

/** How ffmpeg is told what it reads; closed, so that no other of its hundreds of readers ever sees what an origin sent. */
export interface InputFormat {
  readonly demuxer: 'wav' | 'flac' | 'ogg' | 'aiff' | 'au' | 'mp3' | 'gsm' | 'mulaw' | 'alaw' | 's16be';
  /** Of headerless audio. */
  readonly rate?: number;
  readonly channels?: number;
}

/** Headerless audio by media type (RFC 2046, 3551; the others are what origins say). */
const RAW: Readonly<Record<string, InputFormat['demuxer']>> = {
  'audio/basic': 'mulaw',
  'audio/pcmu': 'mulaw',
  'audio/mulaw': 'mulaw',
  'audio/x-mulaw': 'mulaw',
  'audio/ulaw': 'mulaw',
  'audio/pcma': 'alaw',
  'audio/alaw': 'alaw',
  'audio/x-alaw': 'alaw',
  'audio/l16': 's16be',
  'audio/gsm': 'gsm',
  'audio/x-gsm': 'gsm',
};
const MPEG = new Set(['audio/mpeg', 'audio/mp3', 'audio/x-mp3', 'audio/mpeg3', 'audio/x-mpeg']);
const GSM_FRAME = 33;

/**
 * What content is, by its first bytes; the declared type only says of headerless audio what no byte can.
 *
 * @throws PromptError `not-audio`, with what it seems to be
 */
export function sniff(body: Uint8Array, contentType: string): InputFormat {
  const [type = '', ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const container = containerOf(body);
  if (container !== undefined) return { demuxer: container };
  const text = textKind(body);
  if (text !== undefined) throw notAudio(text);
  const raw = Object.hasOwn(RAW, type) ? RAW[type] : undefined;
  if (raw !== undefined && body.length > 0) return { demuxer: raw, ...rawShape(raw, parameters) };
  if (isMpegFrame(body) || MPEG.has(type)) return { demuxer: 'mp3' };
  if (isGsm(body)) return { demuxer: 'gsm', rate: 8000 };
  throw notAudio(
    body.length === 0 ? 'empty' : `of no kind that is known here (${type === '' ? 'no type' : type.slice(0, 60)})`,
  );
}

const TYPES: Readonly<Record<InputFormat['demuxer'], string>> = {
  ...{
    wav: 'audio/wav',
    flac: 'audio/flac',
    ogg: 'audio/ogg',
    aiff: 'audio/aiff',
    au: 'audio/basic',
    mp3: 'audio/mpeg',
  },
  ...{ gsm: 'audio/gsm', mulaw: 'audio/pcmu', alaw: 'audio/pcma', s16be: 'audio/l16' },
};

/** The media type by the first bytes; what they do not show is as it is declared. */
export function sniffedType(body: Uint8Array, contentType: string): string {
  try {
    return TYPES[sniff(body, contentType).demuxer];
  } catch {
    return contentType;
  }
}

function notAudio(what: string): PromptError {
  const known = 'wav, mp3, ogg (vorbis, opus), flac, aiff, au, gsm, or mu-law as audio/basic';
  return new PromptError('not-audio', `the content is ${what}; serve ${known}`);
}

const tagAt = (body: Uint8Array, at: number): string => String.fromCharCode(...body.subarray(at, at + 4));

function containerOf(body: Uint8Array): InputFormat['demuxer'] | undefined {
  const [first, third] = [tagAt(body, 0), tagAt(body, 8)];
  if ((first === 'RIFF' || first === 'RF64') && third === 'WAVE') return 'wav';
  if (first === 'FORM' && (third === 'AIFF' || third === 'AIFC')) return 'aiff';
  if (first === 'fLaC') return 'flac';
  if (first === 'OggS') return 'ogg';
  if (first === '.snd') return 'au';
  if (!first.startsWith('ID3')) return undefined;
  // ID3v2.4 section 3.1: the size has seven bits in each byte. Some flac files have such a tag too.
  const size = body.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0);
  return tagAt(body, 10 + size) === 'fLaC' ? 'flac' : 'mp3';
}

function textKind(body: Uint8Array): string | undefined {
  const start = new TextDecoder('latin1').decode(body.subarray(0, 256)).trimStart();
  if (/^<(!doctype html|html|head|body)/i.test(start)) return 'a web page';
  if (/^<(\?xml|response|svg)/i.test(start)) return 'an XML document';
  if (/^[[{]\s*["\]}]/.test(start)) return 'a JSON document';
  if (start.startsWith('#EXTM3U')) return 'a playlist';
  return undefined;
}

function rawShape(demuxer: InputFormat['demuxer'], parameters: readonly string[]): Omit<InputFormat, 'demuxer'> {
  if (demuxer === 'gsm') return { rate: 8000 };
  const number = (name: string, usual: number, most: number): number => {
    const text = parameters.find((parameter) => parameter.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
    const value = Number(text);
    return text !== '' && Number.isInteger(value) && value >= 1 && value <= most ? value : usual;
  };
  return { rate: Math.max(1000, number('rate', 8000, 192_000)), channels: number('channels', 1, 8) };
}

/** ISO 11172-3 section 2.4.1.3: the first header, with no field that is reserved. */
function isMpegFrame(body: Uint8Array): boolean {
  const [a = 0, b = 0, c = 0] = body;
  const [version, layer] = [(b >> 3) & 3, (b >> 1) & 3];
  const [bitrate, rate] = [c >> 4, (c >> 2) & 3];
  return a === 0xff && b >> 5 === 7 && version !== 1 && layer !== 0 && bitrate !== 15 && bitrate !== 0 && rate !== 3;
}

/** GSM 06.10 as files have it: frames of 33 bytes that begin with 0xD. */
function isGsm(body: Uint8Array): boolean {
  if (body.length < GSM_FRAME * 2 || body.length % GSM_FRAME !== 0) return false;
  const frames = Math.min(50, body.length / GSM_FRAME);
  return Array.from({ length: frames }, (_, at) => (body[at * GSM_FRAME] ?? 0) >> 4).every((mark) => mark === 0xd);
}
