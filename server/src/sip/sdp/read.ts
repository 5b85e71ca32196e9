import ipaddr from 'ipaddr.js';
import { parse } from 'sdp-transform';
import type { MediaDescription, SessionDescription } from 'sdp-transform';
import type { AudioCodec, MediaDirection } from './api.ts';
import { SdpError } from './errors.ts';

export const SDP_LIMITS = { bytes: 32_768, mediaLines: 32, payloadTypes: 64 } as const;

/** One media line of the peer, as far as offer/answer needs it. */
export interface RemoteMedia {
  readonly type: string;
  readonly port: number;
  readonly protocol: string;
  /** As written. */
  readonly formats: string;
  /** Set when the line is audio that we could take. */
  readonly audio: RemoteAudio | undefined;
}

export interface RemoteAudio {
  readonly address: string;
  /** `c=` names the unspecified address: hold as of RFC 2543. */
  readonly legacyHold: boolean;
  readonly rtcpPort: number;
  /** In the peer's order of preference. */
  readonly codecs: readonly { readonly codec: AudioCodec; readonly payloadType: number }[];
  readonly telephoneEvent: number | undefined;
  /** The peer's own view. */
  readonly direction: MediaDirection;
  readonly ptime: number;
}

const MEDIA_LINE = /^m=(\S+) (\d{1,5})(\/\d+)? (\S+) (\S.*?)[ \t]*$/;

/** Reads the peer's description. @throws SdpError */
export function readDescription(text: string): RemoteMedia[] {
  if (text.length > SDP_LIMITS.bytes)
    throw new SdpError('too-large', `SDP of ${text.length} characters; at most ${SDP_LIMITS.bytes} are read`);
  if (!/^v=0[\r\n]/.test(text)) throw new SdpError('malformed', 'SDP does not begin with v=0');
  const lines = text.split(/\r\n|\r|\n/);
  const mediaLines = lines.filter((line) => line.startsWith('m='));
  if (mediaLines.length > SDP_LIMITS.mediaLines)
    throw new SdpError(
      'too-large',
      `SDP with ${mediaLines.length} media lines; at most ${SDP_LIMITS.mediaLines} are read`,
    );
  const session = parseLeniently(
    lines.map((line) => (line.startsWith('m=') ? withoutPortCount(line) : line)).join('\r\n'),
  );
  return mediaLines.map((line, index) => {
    const match = MEDIA_LINE.exec(line);
    const [, type, port, , protocol, formats] = match ?? [];
    const description = session.media[index];
    if (type === undefined || protocol === undefined || formats === undefined || description === undefined)
      throw new SdpError('malformed', `SDP media line ${index + 1} is malformed`);
    const portNumber = Number(port);
    if (portNumber > 65_535) throw new SdpError('malformed', `SDP media line ${index + 1} has port ${portNumber}`);
    const remote = { type, port: portNumber, protocol, formats };
    return { ...remote, audio: readAudio(remote, description, session) };
  });
}

/** `m=audio 49170/2 ...` (layered coding) is read as its first port. */
function withoutPortCount(line: string): string {
  return line.replace(/^(m=\S+ \d+)\/\d+ /, '$1 ');
}

function parseLeniently(text: string): SessionDescription {
  try {
    return parse(text);
  } catch (cause) {
    throw new SdpError('malformed', 'SDP cannot be read', { cause });
  }
}

/** Undefined for anything but a live audio line over plain RTP to a usable address. */
function readAudio(
  line: { type: string; port: number; protocol: string; formats: string },
  media: MediaDescription,
  session: SessionDescription,
): RemoteAudio | undefined {
  if (line.type !== 'audio' || line.port === 0 || line.protocol !== 'RTP/AVP') return undefined;
  const address = media.connection?.ip ?? session.connection?.ip;
  const usable = usableAddress(textOf(address));
  if (usable === undefined) return undefined;
  const rtcpPort = numberOf(media.rtcp?.port) ?? 0;
  const ptime = numberOf(media.ptime) ?? 20;
  const limit = numberOf(media.maxptime) ?? 200;
  return {
    ...usable,
    rtcpPort: rtcpPort > 0 && rtcpPort < 65_536 ? rtcpPort : Math.min(line.port + 1, 65_535),
    ...readPayloadTypes(line.formats, media),
    direction: media.direction ?? session.direction ?? 'sendrecv',
    ptime: Math.max(10, Math.min(ptime > 0 ? ptime : 20, limit > 0 ? limit : 200, 200)),
  };
}

// sdp-transform turns whatever looks like a number into one, and leaves other text where its types say number.

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Undefined for what is missing or no number. */
function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

function usableAddress(address: string): { address: string; legacyHold: boolean } | undefined {
  const plain = address.split('/', 1)[0] ?? '';
  // Names would need DNS in the media path; nobody sends them (RFC 3264 allows it).
  if (!ipaddr.IPv4.isValidFourPartDecimal(plain) && !ipaddr.IPv6.isValid(plain)) return undefined;
  const range = ipaddr.parse(plain).range();
  if (range === 'multicast' || range === 'broadcast') return undefined;
  return { address: plain, legacyHold: range === 'unspecified' };
}

const STATIC: Readonly<Record<number, AudioCodec>> = { 0: 'PCMU', 8: 'PCMA' };

function readPayloadTypes(formats: string, media: MediaDescription): Pick<RemoteAudio, 'codecs' | 'telephoneEvent'> {
  const codecs: { codec: AudioCodec; payloadType: number }[] = [];
  let telephoneEvent: number | undefined;
  for (const format of formats.split(/\s+/, SDP_LIMITS.payloadTypes)) {
    const payloadType = /^\d{1,3}$/.test(format) ? Number(format) : 128;
    if (payloadType > 127) continue;
    const map = media.rtp.find((entry) => entry.payload === payloadType);
    const name = map === undefined ? STATIC[payloadType] : textOf(map.codec).toUpperCase();
    const rate = numberOf(map?.rate) ?? 8000;
    if (rate !== 8000 || (numberOf(map?.encoding) ?? 1) !== 1) continue;
    if (name === 'TELEPHONE-EVENT') telephoneEvent ??= payloadType;
    else if ((name === 'PCMU' || name === 'PCMA') && !codecs.some((known) => known.codec === name))
      codecs.push({ codec: name, payloadType });
  }
  return { codecs, telephoneEvent };
}
