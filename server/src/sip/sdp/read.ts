import ipaddr from 'ipaddr.js';
import type { AudioCodec, MediaDirection } from './api.ts';
import { MAX_CRYPTO_LINES, readCryptoLine } from './crypto.ts';
import type { CryptoLine } from './crypto.ts';
import { SdpError } from './errors.ts';
import { readSections } from './sections.ts';
import type { Section } from './sections.ts';

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

/** Profiles of audio that we could take. Those with F (RFC 4585) differ in when RTCP may be sent, which is left to the peer. */
const PROFILES: readonly string[] = ['RTP/AVP', 'RTP/AVPF', 'RTP/SAVP', 'RTP/SAVPF'];

export interface RemoteAudio {
  /** The profile says SRTP. */
  readonly secure: boolean;
  /** Usable ones, in the peer's order of preference: with a secure profile, and from peers that offer SRTP beside RTP. */
  readonly crypto: readonly CryptoLine[];
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
  // RFC 8866 section 9: no value holds one, and our answer repeats parts of this.
  if (text.includes('\u0000')) throw new SdpError('malformed', 'SDP holds a NUL character');
  const { session, media } = readSections(text);
  if (media.length > SDP_LIMITS.mediaLines)
    throw new SdpError('too-large', `SDP with ${media.length} media lines; at most ${SDP_LIMITS.mediaLines} are read`);
  return media.map((section, index) => {
    const [, type, port, , protocol, formats] = MEDIA_LINE.exec(section.line) ?? [];
    if (type === undefined || protocol === undefined || formats === undefined)
      throw new SdpError('malformed', `SDP media line ${index + 1} is malformed`);
    const portNumber = Number(port);
    if (portNumber > 65_535) throw new SdpError('malformed', `SDP media line ${index + 1} has port ${portNumber}`);
    const remote = { type, port: portNumber, protocol, formats };
    return { ...remote, audio: readAudio(remote, section, session) };
  });
}

/** A tag given twice is no error of the rest: the first line with it counts (RFC 4568 section 4.1 wants them unique). */
function readCrypto(lines: readonly string[]): CryptoLine[] {
  const usable = new Map<number, CryptoLine>();
  for (const line of lines.filter((text) => /^a=crypto:/i.test(text)).slice(0, MAX_CRYPTO_LINES)) {
    const crypto = readCryptoLine(line);
    if (crypto !== undefined && !usable.has(crypto.tag)) usable.set(crypto.tag, crypto);
  }
  return [...usable.values()];
}

/** Undefined for anything but a live audio line over RTP or SRTP to a usable address. */
function readAudio(
  line: { type: string; port: number; protocol: string; formats: string },
  media: Section,
  session: Section,
): RemoteAudio | undefined {
  if (line.type !== 'audio' || line.port === 0 || !PROFILES.includes(line.protocol)) return undefined;
  const usable = usableAddress(media.address ?? session.address ?? '');
  if (usable === undefined) return undefined;
  const { rtcpPort = 0, ptime = 20, maxptime: limit = 200 } = media;
  return {
    ...usable,
    secure: line.protocol.startsWith('RTP/SAVP'),
    crypto: readCrypto(media.attributes),
    rtcpPort:
      Number.isInteger(rtcpPort) && rtcpPort > 0 && rtcpPort < 65_536 ? rtcpPort : Math.min(line.port + 1, 65_535),
    ...readPayloadTypes(line.formats, media),
    direction: media.direction ?? session.direction ?? 'sendrecv',
    ptime: Math.max(10, Math.min(ptime > 0 ? ptime : 20, limit > 0 ? limit : 200, 200)),
  };
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

function readPayloadTypes(formats: string, media: Section): Pick<RemoteAudio, 'codecs' | 'telephoneEvent'> {
  const codecs: { codec: AudioCodec; payloadType: number }[] = [];
  let telephoneEvent: number | undefined;
  for (const format of formats.split(/\s+/, SDP_LIMITS.payloadTypes)) {
    const payloadType = /^\d{1,3}$/.test(format) ? Number(format) : 128;
    if (payloadType > 127) continue;
    const map = media.rtpmaps.find((entry) => entry.payloadType === payloadType);
    const name = map === undefined ? STATIC[payloadType] : map.name;
    if (map !== undefined && (map.rate !== 8000 || map.channels !== 1)) continue;
    if (name === 'TELEPHONE-EVENT') telephoneEvent ??= payloadType;
    else if ((name === 'PCMU' || name === 'PCMA') && !codecs.some((known) => known.codec === name))
      codecs.push({ codec: name, payloadType });
  }
  return { codecs, telephoneEvent };
}
