import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { SessionKeys } from './key-derivation.ts';
import { ENCRYPTED, RTCP_HEADER } from './transform.ts';
import type { SrtpTransform } from './transform.ts';

interface Keys {
  readonly key: KeyObject;
  readonly salt: Uint8Array;
}

const TAG = 16;
const INDEX_LENGTH = 4;

/** AES-GCM, RFC 7714: one operation encrypts and authenticates. */
export class GcmTransform implements SrtpTransform {
  readonly #cipher: 'aes-128-gcm' | 'aes-256-gcm';
  readonly #rtp: Keys;
  readonly #rtcp: Keys;

  constructor(keys: { readonly rtp: SessionKeys; readonly rtcp: SessionKeys }) {
    this.#cipher = keys.rtp.encryption.length === 32 ? 'aes-256-gcm' : 'aes-128-gcm';
    this.#rtp = { key: createSecretKey(keys.rtp.encryption), salt: keys.rtp.salt };
    this.#rtcp = { key: createSecretKey(keys.rtcp.encryption), salt: keys.rtcp.salt };
  }

  protectRtp(packet: Buffer, headerLength: number, index: number): Buffer {
    const header = packet.subarray(0, headerLength);
    const sealed = this.#seal(this.#rtp, rtpIv(packet, index), header, packet.subarray(headerLength));
    return Buffer.concat([header, sealed]);
  }

  unprotectRtp(packet: Buffer, headerLength: number, index: number): Buffer | undefined {
    const header = packet.subarray(0, headerLength);
    const payload = this.#open(this.#rtp, rtpIv(packet, index), header, packet.subarray(headerLength));
    return payload === undefined ? undefined : Buffer.concat([header, payload]);
  }

  protectRtcp(packet: Buffer, index: number): Buffer {
    const header = packet.subarray(0, RTCP_HEADER);
    const word = Buffer.alloc(INDEX_LENGTH);
    word.writeUInt32BE(ENCRYPTED + index);
    const associated = Buffer.concat([header, word]);
    const sealed = this.#seal(this.#rtcp, rtcpIv(packet, index), associated, packet.subarray(RTCP_HEADER));
    return Buffer.concat([header, sealed, word]);
  }

  unprotectRtcp(packet: Buffer): { readonly packet: Buffer; readonly index: number } | undefined {
    const end = packet.length - INDEX_LENGTH;
    if (end - TAG < RTCP_HEADER) return undefined;
    const word = packet.readUInt32BE(end);
    const index = word % ENCRYPTED;
    const iv = rtcpIv(packet, index);
    // RFC 7714 section 9.2 and 9.3: without the E flag all of it is associated data and the tag follows in clear.
    const clear = packet.subarray(0, word >= ENCRYPTED ? RTCP_HEADER : end - TAG);
    const associated = Buffer.concat([clear, packet.subarray(end)]);
    const rest = this.#open(this.#rtcp, iv, associated, packet.subarray(clear.length, end));
    return rest === undefined ? undefined : { packet: Buffer.concat([clear, rest]), index };
  }

  #seal(keys: Keys, iv: Buffer, associated: Buffer, clear: Buffer): Buffer {
    const cipher = createCipheriv(this.#cipher, keys.key, salted(iv, keys.salt), { authTagLength: TAG });
    cipher.setAAD(associated);
    return Buffer.concat([cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
  }

  /** Undefined when the tag is not right: nothing that was deciphered until then leaves. */
  #open(keys: Keys, iv: Buffer, associated: Buffer, sealed: Buffer): Buffer | undefined {
    const end = sealed.length - TAG;
    if (end < 0) return undefined;
    const cipher = createDecipheriv(this.#cipher, keys.key, salted(iv, keys.salt), { authTagLength: TAG });
    cipher.setAuthTag(sealed.subarray(end));
    cipher.setAAD(associated);
    const clear = cipher.update(sealed.subarray(0, end));
    try {
      cipher.final();
    } catch {
      return undefined;
    }
    return clear;
  }
}

/** Two zero bytes, SSRC, rollover counter, sequence number: RFC 7714 section 8.1. */
function rtpIv(packet: Buffer, index: number): Buffer {
  const iv = Buffer.alloc(12);
  packet.copy(iv, 2, 8, 12);
  iv.writeUIntBE(index, 6, 6);
  return iv;
}

/** Two zero bytes, SSRC, two zero bytes, the 31-bit index: RFC 7714 section 9.1. */
function rtcpIv(packet: Buffer, index: number): Buffer {
  const iv = Buffer.alloc(12);
  packet.copy(iv, 2, 4, 8);
  iv.writeUInt32BE(index, 8);
  return iv;
}

function salted(iv: Buffer, salt: Uint8Array): Buffer {
  for (let at = 0; at < 12; at++) iv[at] = (iv[at] ?? 0) ^ (salt[at] ?? 0);
  return iv;
}
