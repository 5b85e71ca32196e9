/** How one kind of suite protects packets whose index is known. No state between packets. */
export interface SrtpTransform {
  /** @param index 48 bits: rollover counter and sequence number */
  protectRtp(packet: Buffer, headerLength: number, index: number): Buffer;
  /** The packet in clear; undefined when its tag is not right. */
  unprotectRtp(packet: Buffer, headerLength: number, index: number): Buffer | undefined;
  /** @param index 31 bits, counted by us */
  protectRtcp(packet: Buffer, index: number): Buffer;
  /** The packet in clear and the index that it names; undefined when its tag is not right. */
  unprotectRtcp(packet: Buffer): { readonly packet: Buffer; readonly index: number } | undefined;
}

/** Fixed part of an SRTCP packet that stays in clear: the first header and the SSRC. RFC 3711 section 3.4. */
export const RTCP_HEADER = 8;
/** The E flag: what follows the header is encrypted. */
export const ENCRYPTED = 0x8000_0000;

/** Rollover counter of an index. */
export function rolloverOf(index: number): number {
  return Math.floor(index / 65_536);
}
