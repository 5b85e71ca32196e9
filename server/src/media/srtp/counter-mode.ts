import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { SessionKeys } from './key-derivation.ts';
import { KeyStream } from './key-stream.ts';
import type { SuiteParameters } from './suites.ts';
import { ENCRYPTED, RTCP_HEADER, rolloverOf } from './transform.ts';
import type { SrtpTransform } from './transform.ts';

interface Keys {
  readonly stream: KeyStream;
  readonly authentication: KeyObject;
  readonly salt: Uint8Array;
}

const INDEX_LENGTH = 4;

/** AES counter mode with HMAC-SHA1: RFC 3711 sections 4.1.1 and 4.2.1, RFC 6188. */
export class CounterModeTransform implements SrtpTransform {
  readonly #suite: SuiteParameters;
  readonly #rtp: Keys;
  readonly #rtcp: Keys;
  readonly #iv = Buffer.alloc(16);
  readonly #word = Buffer.alloc(4);

  constructor(suite: SuiteParameters, keys: { readonly rtp: SessionKeys; readonly rtcp: SessionKeys }) {
    this.#suite = suite;
    this.#rtp = prepare(keys.rtp);
    this.#rtcp = prepare(keys.rtcp);
  }

  protectRtp(packet: Buffer, headerLength: number, index: number): Buffer {
    const { rtpTagLength } = this.#suite;
    const end = packet.length;
    const out = Buffer.allocUnsafe(end + rtpTagLength);
    packet.copy(out, 0, 0, headerLength);
    const iv = this.#ivOf(this.#rtp, packet.readUInt32BE(8), index);
    this.#rtp.stream.apply(iv, packet, { start: headerLength, end }, out);
    this.#rtpTag(out.subarray(0, end), index).copy(out, end, 0, rtpTagLength);
    return out;
  }

  unprotectRtp(packet: Buffer, headerLength: number, index: number): Buffer | undefined {
    const end = packet.length - this.#suite.rtpTagLength;
    if (end < headerLength) return undefined;
    const tag = this.#rtpTag(packet.subarray(0, end), index).subarray(0, this.#suite.rtpTagLength);
    if (!timingSafeEqual(tag, packet.subarray(end))) return undefined;
    const out = Buffer.allocUnsafe(end);
    packet.copy(out, 0, 0, headerLength);
    const iv = this.#ivOf(this.#rtp, packet.readUInt32BE(8), index);
    this.#rtp.stream.apply(iv, packet, { start: headerLength, end }, out);
    return out;
  }

  protectRtcp(packet: Buffer, index: number): Buffer {
    const { rtcpTagLength } = this.#suite;
    const end = packet.length;
    const out = Buffer.allocUnsafe(end + INDEX_LENGTH + rtcpTagLength);
    packet.copy(out, 0, 0, RTCP_HEADER);
    const iv = this.#ivOf(this.#rtcp, packet.readUInt32BE(4), index);
    this.#rtcp.stream.apply(iv, packet, { start: RTCP_HEADER, end }, out);
    out.writeUInt32BE(ENCRYPTED + index, end);
    const tag = createHmac('sha1', this.#rtcp.authentication)
      .update(out.subarray(0, end + INDEX_LENGTH))
      .digest();
    tag.copy(out, end + INDEX_LENGTH, 0, rtcpTagLength);
    return out;
  }

  unprotectRtcp(packet: Buffer): { readonly packet: Buffer; readonly index: number } | undefined {
    const { rtcpTagLength } = this.#suite;
    const authenticated = packet.length - rtcpTagLength;
    const end = authenticated - INDEX_LENGTH;
    if (end < RTCP_HEADER) return undefined;
    const tag = createHmac('sha1', this.#rtcp.authentication).update(packet.subarray(0, authenticated)).digest();
    if (!timingSafeEqual(tag.subarray(0, rtcpTagLength), packet.subarray(authenticated))) return undefined;
    const word = packet.readUInt32BE(end);
    const index = word % ENCRYPTED;
    const out = Buffer.from(packet.subarray(0, end));
    if (word >= ENCRYPTED) {
      const iv = this.#ivOf(this.#rtcp, packet.readUInt32BE(4), index);
      this.#rtcp.stream.apply(iv, packet, { start: RTCP_HEADER, end }, out);
    }
    return { packet: out, index };
  }

  /** (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16), RFC 3711 section 4.1.1. */
  #ivOf(keys: Keys, ssrc: number, index: number): Buffer {
    const iv = this.#iv;
    iv.fill(0);
    iv.writeUInt32BE(ssrc, 4);
    iv.writeUIntBE(index, 8, 6);
    for (let at = 0; at < keys.salt.length; at++) iv[at] = (iv[at] ?? 0) ^ (keys.salt[at] ?? 0);
    return iv;
  }

  /** The rollover counter is authenticated though it is not sent, RFC 3711 section 4.2. */
  #rtpTag(authenticated: Buffer, index: number): Buffer {
    this.#word.writeUInt32BE(rolloverOf(index));
    return createHmac('sha1', this.#rtp.authentication).update(authenticated).update(this.#word).digest();
  }
}

function prepare(keys: SessionKeys): Keys {
  return {
    stream: new KeyStream(keys.encryption),
    authentication: createSecretKey(keys.authentication),
    salt: keys.salt,
  };
}
