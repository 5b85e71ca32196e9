import type { MediaDirection } from './api.ts';

export interface RtpMap {
  readonly payloadType: number;
  /** Upper case. */
  readonly name: string;
  readonly rate: number;
  readonly channels: number;
}

/** What the lines of the session part, or of one media part, say. What is missing or cannot be read is undefined. */
export interface Section {
  /** The `m=` line; empty for the session part. */
  readonly line: string;
  /** `a=` lines in order. */
  readonly attributes: readonly string[];
  readonly rtpmaps: readonly RtpMap[];
  address?: string;
  direction?: MediaDirection;
  rtcpPort?: number;
  ptime?: number;
  maxptime?: number;
}

interface OpenSection extends Section {
  readonly attributes: string[];
  readonly rtpmaps: RtpMap[];
}

const RTPMAP = /^a=rtpmap:(\d{1,3}) ([\w\-.]*)(?:\s*\/(\d*)(?:\s*\/(\S*))?)?/;
const NUMBER = /^a=(ptime|maxptime|rtcp):(\d+(?:\.\d+)?)/;
const DIRECTION = /^a=(sendrecv|sendonly|recvonly|inactive)/;
const CONNECTION = /^c=IN IP\d (\S+)/;

/**
 * Sorts the lines of a description (RFC 8866 section 5) by the part that they stand in. Lenient: any line end will do, what
 * is unknown is passed over, and of what may come once the last one counts.
 */
export function readSections(text: string): { readonly session: Section; readonly media: readonly Section[] } {
  const session: OpenSection = { line: '', attributes: [], rtpmaps: [] };
  const media: OpenSection[] = [];
  let section = session;
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line.startsWith('a=')) {
      section.attributes.push(line);
      readAttribute(section, line);
    } else if (line.startsWith('m=')) {
      section = { line, attributes: [], rtpmaps: [] };
      media.push(section);
    } else if (line.startsWith('c=')) {
      const address = CONNECTION.exec(line)?.[1];
      if (address !== undefined) section.address = address;
    }
  }
  return { session, media };
}

function readAttribute(section: OpenSection, line: string): void {
  if (line.startsWith('a=rtpmap:')) {
    const [, payloadType, name = '', rate, channels] = RTPMAP.exec(line) ?? [];
    if (payloadType === undefined) return;
    section.rtpmaps.push({
      payloadType: Number(payloadType),
      name: name.toUpperCase(),
      rate: numberOf(rate) ?? 8000,
      channels: numberOf(channels) ?? 1,
    });
    return;
  }
  const direction = DIRECTION.exec(line)?.[1];
  if (direction !== undefined) section.direction = direction as MediaDirection;
  const [, name, value] = NUMBER.exec(line) ?? [];
  if (name === 'rtcp') section.rtcpPort = Number(value);
  else if (name === 'ptime' || name === 'maxptime') section[name] = Number(value);
}

function numberOf(text: string | undefined): number | undefined {
  const number = text === undefined || text === '' ? NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}
