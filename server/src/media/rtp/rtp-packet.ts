/** An RTP packet, RFC 3550 section 5.1, without what nobody here uses (CSRCs, header extensions). */
export interface RtpPacket {
  readonly payloadType: number;
  readonly marker: boolean;
  /** 16 bits, wraps. */
  readonly sequence: number;
  /** 32 bits, wraps. */
  readonly timestamp: number;
  readonly ssrc: number;
  /** A view into the datagram it was parsed from. */
  readonly payload: Uint8Array;
}

const HEADER = 12;
/** Static payload type of comfort noise at 8 kHz, RFC 3389. */
export const COMFORT_NOISE = 13;

/**
 * Reads a datagram. Undefined for anything that is no whole RTP packet of version 2: never throws, reads nothing
 * outside the datagram. RTCP (payload types 64-95 with the marker bit, RFC 5761 section 4) is not RTP.
 */
export function parseRtp(datagram: Uint8Array): RtpPacket | undefined {
  if (datagram.length < HEADER) return undefined;
  const [first, second] = [datagram[0] ?? 0, datagram[1] ?? 0];
  if (first >> 6 !== 2 || isRtcp(datagram)) return undefined;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  let start = HEADER + 4 * (first & 0x0f);
  if ((first & 0x10) !== 0) {
    if (start + 4 > datagram.length) return undefined;
    start += 4 + 4 * view.getUint16(start + 2);
  }
  let end = datagram.length;
  if ((first & 0x20) !== 0) {
    const padding = datagram[end - 1] ?? 0;
    if (padding === 0) return undefined;
    end -= padding;
  }
  if (start > end) return undefined;
  return {
    payloadType: second & 0x7f,
    marker: (second & 0x80) !== 0,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: datagram.subarray(start, end),
  };
}

/** True when the datagram is RTCP on a port that carries both, RFC 5761 section 4. */
export function isRtcp(datagram: Uint8Array): boolean {
  const type = datagram[1] ?? 0;
  return type >= 192 && type <= 223;
}

/** A datagram of its own; numbers are taken modulo their width. */
export function serializeRtp(packet: RtpPacket): Buffer {
  const datagram = Buffer.allocUnsafe(HEADER + packet.payload.length);
  datagram[0] = 0x80;
  datagram[1] = (packet.marker ? 0x80 : 0) | (packet.payloadType & 0x7f);
  datagram.writeUInt16BE(packet.sequence & 0xffff, 2);
  datagram.writeUInt32BE(packet.timestamp >>> 0, 4);
  datagram.writeUInt32BE(packet.ssrc >>> 0, 8);
  datagram.set(packet.payload, HEADER);
  return datagram;
}

/** How far sequence number `a` is ahead of `b`, -32768 to 32767. */
export function sequenceDistance(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}

/** How far timestamp `a` is ahead of `b`, in clock units, as a signed 32-bit number. */
export function timestampDistance(a: number, b: number): number {
  return (a - b) | 0;
}
