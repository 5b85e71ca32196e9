import { MediaError } from '../media-error.ts';
import type { SrtpMasterKey, SrtpSuite } from '../ports.ts';
import { KeyStream } from './key-stream.ts';
import { SUITES } from './suites.ts';

/** Keys that packets of one kind are protected with. `authentication` is empty for GCM. */
export interface SessionKeys {
  readonly encryption: Uint8Array;
  readonly authentication: Uint8Array;
  readonly salt: Uint8Array;
}

/** Labels of RFC 3711 section 4.3.1 and 4.3.2. */
const LABELS = {
  rtp: { encryption: 0, authentication: 1, salt: 2 },
  rtcp: { encryption: 3, authentication: 4, salt: 5 },
} as const;
const AUTHENTICATION_KEY_LENGTH = 20;

/**
 * Session keys from a master key, RFC 3711 section 4.3 with a key derivation rate of 0 (never anew). The PRF is AES with
 * the suite's key length (RFC 6188 section 3); a GCM salt is filled up with zeros to 14 bytes (RFC 7714 section 11).
 *
 * @throws MediaError `bad-parameters` when key or salt have the wrong length
 */
export function deriveKeys(suite: SrtpSuite, master: SrtpMasterKey, kind: 'rtp' | 'rtcp'): SessionKeys {
  const { mode, keyLength, saltLength } = SUITES[suite];
  if (master.key.length !== keyLength || master.salt.length !== saltLength) {
    throw new MediaError(
      'bad-parameters',
      `${suite} wants a key of ${String(keyLength)} and a salt of ${String(saltLength)} bytes, ` +
        `not ${String(master.key.length)} and ${String(master.salt.length)}; refuse the SDP with 488`,
    );
  }
  const stream = new KeyStream(master.key);
  const derive = (label: number, length: number): Buffer => {
    const iv = Buffer.alloc(16);
    iv.set(master.salt);
    iv[7] = (iv[7] ?? 0) ^ label;
    return stream.bytes(iv, length);
  };
  const labels = LABELS[kind];
  return {
    encryption: derive(labels.encryption, keyLength),
    authentication: mode === 'gcm' ? Buffer.alloc(0) : derive(labels.authentication, AUTHENTICATION_KEY_LENGTH),
    salt: derive(labels.salt, saltLength),
  };
}
