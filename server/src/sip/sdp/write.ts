import { write } from 'sdp-transform';
import type { MediaDescription } from 'sdp-transform';
import type { AudioCodec, LocalAudio, MediaDirection } from './api.ts';

/** What our audio line says. */
export interface LocalLine {
  readonly codecs: readonly { readonly codec: AudioCodec; readonly payloadType: number }[];
  readonly telephoneEvent: number | undefined;
  readonly direction: MediaDirection;
}

/** A media line that we refuse or that was refused: kept in its place with port 0 (RFC 3264 sections 6 and 8.2). */
export interface DeadLine {
  readonly type: string;
  readonly protocol: string;
  readonly formats: string;
}

export interface Description {
  readonly sessionId: string;
  readonly version: number;
  readonly lines: readonly (LocalLine | DeadLine)[];
}

/** The text of our description, CRLF line ends. */
export function writeDescription(description: Description, local: LocalAudio): string {
  const ipVer = local.address.includes(':') ? 6 : 4;
  return write({
    version: 0,
    origin: {
      username: '-',
      sessionId: description.sessionId,
      sessionVersion: description.version,
      netType: 'IN',
      ipVer,
      address: local.address,
    },
    name: '-',
    connection: { version: ipVer, ip: local.address },
    timing: { start: 0, stop: 0 },
    media: description.lines.map((line) => ('codecs' in line ? audioLine(line, local) : deadLine(line))),
  });
}

function audioLine(line: LocalLine, local: LocalAudio): MediaDescription {
  const payloads = line.codecs.map((entry) => entry.payloadType);
  const rtp: MediaDescription['rtp'] = line.codecs.map(({ codec, payloadType }) => ({
    payload: payloadType,
    codec,
    rate: 8000,
  }));
  const fmtp: MediaDescription['fmtp'] = [];
  if (line.telephoneEvent !== undefined) {
    payloads.push(line.telephoneEvent);
    rtp.push({ payload: line.telephoneEvent, codec: 'telephone-event', rate: 8000 });
    fmtp.push({ payload: line.telephoneEvent, config: '0-16' });
  }
  const rtcpPort = local.rtcpPort ?? local.port + 1;
  return {
    type: 'audio',
    port: local.port,
    protocol: 'RTP/AVP',
    payloads: payloads.join(' '),
    rtp,
    fmtp,
    ptime: local.ptime ?? 20,
    direction: line.direction,
    // RFC 3605: said only where it is not the next port.
    ...(rtcpPort === local.port + 1 ? {} : { rtcp: { port: rtcpPort } }),
  };
}

function deadLine(line: DeadLine): MediaDescription {
  return { type: line.type, port: 0, protocol: line.protocol, payloads: line.formats, rtp: [], fmtp: [] };
}
