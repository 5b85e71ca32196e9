import type { AudioCodec, LocalAudio, MediaDirection } from './api.ts';
import { writeCrypto } from './crypto.ts';
import type { CryptoLine } from './crypto.ts';

/** What our audio line says. */
export interface LocalLine {
  readonly codecs: readonly { readonly codec: AudioCodec; readonly payloadType: number }[];
  readonly telephoneEvent: number | undefined;
  readonly direction: MediaDirection;
  /** `RTP/AVP`, or as offered. */
  readonly protocol: string;
  /** Our keys: several in an offer, at most one in an answer. */
  readonly crypto: readonly CryptoLine[];
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

/** The text of our description, CRLF line ends. Everything in it is ours or was cut to tokens when it was read. */
export function writeDescription(description: Description, local: LocalAudio): string {
  const { sessionId, version, lines } = description;
  const address = `IN IP${local.address.includes(':') ? '6' : '4'} ${local.address}`;
  let text = `v=0\r\no=- ${sessionId} ${String(version)} ${address}\r\ns=-\r\nc=${address}\r\nt=0 0\r\n`;
  for (const line of lines)
    text += 'codecs' in line ? audioLine(line, local) : `m=${line.type} 0 ${line.protocol} ${line.formats}\r\n`;
  return text;
}

function audioLine({ codecs, telephoneEvent, direction, protocol, crypto }: LocalLine, local: LocalAudio): string {
  let formats = '';
  let attributes = '';
  for (const { codec, payloadType } of codecs) {
    formats += ` ${String(payloadType)}`;
    attributes += `a=rtpmap:${String(payloadType)} ${codec}/8000\r\n`;
  }
  if (telephoneEvent !== undefined) {
    const event = String(telephoneEvent);
    formats += ` ${event}`;
    attributes += `a=rtpmap:${event} telephone-event/8000\r\na=fmtp:${event} 0-16\r\n`;
  }
  // RFC 3605: said only where it is not the next port.
  const rtcp =
    local.rtcpPort === undefined || local.rtcpPort === local.port + 1 ? '' : `a=rtcp:${String(local.rtcpPort)}\r\n`;
  let keys = '';
  for (const { id, suite, config } of crypto.map(writeCrypto)) keys += `a=crypto:${String(id)} ${suite} ${config}\r\n`;
  const rest = `${rtcp}${keys}a=ptime:${String(local.ptime ?? 20)}\r\na=${direction}\r\n`;
  return `m=audio ${String(local.port)} ${protocol}${formats}\r\n${attributes}${rest}`;
}
