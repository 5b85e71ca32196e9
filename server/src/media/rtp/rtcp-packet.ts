/** One report block, RFC 3550 section 6.4.1. Times as in the packet: jitter in clock units, delays in 1/65536 s. */
export interface ReportBlock {
  readonly ssrc: number;
  /** Lost since the last report, 0-255 of 256. */
  readonly fractionLost: number;
  /** Signed 24 bits. */
  readonly cumulativeLost: number;
  readonly highestSequence: number;
  readonly jitter: number;
  /** Middle 32 bits of the NTP time of the last sender report; 0 when none came. */
  readonly lastSenderReport: number;
  readonly delaySinceLastSenderReport: number;
}

export interface SenderInfo {
  readonly ntpSeconds: number;
  readonly ntpFraction: number;
  readonly rtpTimestamp: number;
  readonly packets: number;
  readonly octets: number;
}

export type RtcpPacket =
  | {
      readonly type: 'sr';
      readonly ssrc: number;
      readonly sender: SenderInfo;
      readonly reports: readonly ReportBlock[];
    }
  | { readonly type: 'rr'; readonly ssrc: number; readonly reports: readonly ReportBlock[] }
  | { readonly type: 'sdes'; readonly ssrc: number; readonly cname: string }
  | { readonly type: 'bye'; readonly ssrcs: readonly number[] }
  | { readonly type: 'other'; readonly packetType: number };

const SR = 200;
const RR = 201;
const SDES = 202;
const BYE = 203;
const BLOCK = 24;

function readBlocks(view: DataView, start: number, count: number): ReportBlock[] {
  const blocks: ReportBlock[] = [];
  for (let index = 0, at = start; index < count && at + BLOCK <= view.byteLength; index++, at += BLOCK) {
    blocks.push({
      ssrc: view.getUint32(at),
      fractionLost: view.getUint8(at + 4),
      cumulativeLost: (view.getUint32(at + 4) << 8) >> 8,
      highestSequence: view.getUint32(at + 8),
      jitter: view.getUint32(at + 12),
      lastSenderReport: view.getUint32(at + 16),
      delaySinceLastSenderReport: view.getUint32(at + 20),
    });
  }
  return blocks;
}

function readOne(view: DataView, count: number, packetType: number): RtcpPacket {
  const other: RtcpPacket = { type: 'other', packetType };
  switch (packetType) {
    case SR:
      if (view.byteLength < 28) return other;
      return {
        type: 'sr',
        ssrc: view.getUint32(4),
        sender: {
          ntpSeconds: view.getUint32(8),
          ntpFraction: view.getUint32(12),
          rtpTimestamp: view.getUint32(16),
          packets: view.getUint32(20),
          octets: view.getUint32(24),
        },
        reports: readBlocks(view, 28, count),
      };
    case RR:
      return view.byteLength < 8 ? other : { type: 'rr', ssrc: view.getUint32(4), reports: readBlocks(view, 8, count) };
    case SDES: {
      // Only the first item of the first chunk: RFC 3550 section 6.5.1 makes CNAME mandatory, nearly all put it first.
      if (view.byteLength < 10 || view.getUint8(8) !== 1) return other;
      const length = Math.min(view.getUint8(9), view.byteLength - 10);
      const cname = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + 10, length));
      return { type: 'sdes', ssrc: view.getUint32(4), cname };
    }
    case BYE: {
      const ssrcs: number[] = [];
      for (let at = 4; ssrcs.length < count && at + 4 <= view.byteLength; at += 4) ssrcs.push(view.getUint32(at));
      return { type: 'bye', ssrcs };
    }
    default:
      return other;
  }
}

/**
 * Reads a compound packet. Never throws; stops at the first part that is no RTCP and returns what came before.
 * DEVIATION: RFC 3550 appendix A.2 also wants SR or RR first; reduced-size packets (RFC 5506) are accepted too.
 */
export function parseRtcp(datagram: Uint8Array): RtcpPacket[] {
  const packets: RtcpPacket[] = [];
  const whole = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  for (let at = 0; at + 4 <= datagram.length;) {
    const length = 4 * (whole.getUint16(at + 2) + 1);
    if (whole.getUint8(at) >> 6 !== 2 || at + length > datagram.length) break;
    const part = new DataView(datagram.buffer, datagram.byteOffset + at, length);
    packets.push(readOne(part, part.getUint8(0) & 0x1f, part.getUint8(1)));
    at += length;
  }
  return packets;
}

function header(buffer: Buffer, count: number, packetType: number): void {
  buffer[0] = 0x80 | count;
  buffer[1] = packetType;
  buffer.writeUInt16BE(buffer.length / 4 - 1, 2);
}

function writeBlock(buffer: Buffer, at: number, block: ReportBlock): void {
  const lost = Math.max(-0x80_0000, Math.min(0x7f_ffff, block.cumulativeLost));
  buffer.writeUInt32BE(block.ssrc >>> 0, at);
  buffer.writeUInt32BE((((block.fractionLost & 0xff) << 24) | (lost & 0xff_ffff)) >>> 0, at + 4);
  buffer.writeUInt32BE(block.highestSequence >>> 0, at + 8);
  buffer.writeUInt32BE(block.jitter >>> 0, at + 12);
  buffer.writeUInt32BE(block.lastSenderReport >>> 0, at + 16);
  buffer.writeUInt32BE(block.delaySinceLastSenderReport >>> 0, at + 20);
}

/** What one compound packet of ours says. `sender` absent: a receiver report. */
export interface CompoundReport {
  readonly ssrc: number;
  readonly cname: string;
  readonly sender?: SenderInfo;
  readonly report?: ReportBlock;
  readonly bye?: boolean;
}

/** SR or RR, SDES with CNAME, and BYE when the stream ends: RFC 3550 section 6.1. */
export function serializeRtcp(compound: CompoundReport): Buffer {
  const { sender, report } = compound;
  const infoLength = sender === undefined ? 0 : 20;
  const first = Buffer.alloc(8 + infoLength + (report === undefined ? 0 : BLOCK));
  header(first, report === undefined ? 0 : 1, sender === undefined ? RR : SR);
  first.writeUInt32BE(compound.ssrc >>> 0, 4);
  if (sender !== undefined) {
    const { ntpSeconds, ntpFraction, rtpTimestamp, packets, octets } = sender;
    for (const [index, value] of [ntpSeconds, ntpFraction, rtpTimestamp, packets, octets].entries())
      first.writeUInt32BE(value >>> 0, 8 + 4 * index);
  }
  if (report !== undefined) writeBlock(first, 8 + infoLength, report);
  const cname = Buffer.from(compound.cname, 'utf8').subarray(0, 255);
  const sdes = Buffer.alloc(4 * Math.ceil((10 + cname.length + 1) / 4));
  header(sdes, 1, SDES);
  sdes.writeUInt32BE(compound.ssrc >>> 0, 4);
  sdes[8] = 1;
  sdes[9] = cname.length;
  sdes.set(cname, 10);
  if (compound.bye !== true) return Buffer.concat([first, sdes]);
  const bye = Buffer.alloc(8);
  header(bye, 1, BYE);
  bye.writeUInt32BE(compound.ssrc >>> 0, 4);
  return Buffer.concat([first, sdes, bye]);
}

/** Seconds from the NTP era's start (1900) to the Unix epoch. */
const NTP_OFFSET = 2_208_988_800;

/** Wall-clock milliseconds as NTP seconds and fraction. */
export function toNtp(wallMs: number): { readonly ntpSeconds: number; readonly ntpFraction: number } {
  const seconds = Math.floor(wallMs / 1000);
  return {
    ntpSeconds: (seconds + NTP_OFFSET) >>> 0,
    ntpFraction: Math.floor(((wallMs - seconds * 1000) / 1000) * 2 ** 32) >>> 0,
  };
}

/** The middle 32 bits of an NTP time, RFC 3550 section 4: units of 1/65536 s. */
export function middleOfNtp(ntp: { readonly ntpSeconds: number; readonly ntpFraction: number }): number {
  return (((ntp.ntpSeconds & 0xffff) << 16) | (ntp.ntpFraction >>> 16)) >>> 0;
}
