import type { SrtpSuite } from '../ports.ts';

/** Sizes of one crypto suite, in bytes. */
export interface SuiteParameters {
  /** `cm`: AES counter mode and HMAC-SHA1; `gcm`: AES-GCM, which does both. */
  readonly mode: 'cm' | 'gcm';
  readonly keyLength: 16 | 32;
  readonly saltLength: 12 | 14;
  readonly rtpTagLength: number;
  readonly rtcpTagLength: number;
}

/**
 * RFC 4568 section 6.2, RFC 6188 section 4, RFC 7714 section 14. The short tag is for RTP alone: RTCP always has 80 bits
 * (RFC 4568 section 6.2.2).
 */
export const SUITES: Readonly<Record<SrtpSuite, SuiteParameters>> = {
  AES_CM_128_HMAC_SHA1_80: { mode: 'cm', keyLength: 16, saltLength: 14, rtpTagLength: 10, rtcpTagLength: 10 },
  AES_CM_128_HMAC_SHA1_32: { mode: 'cm', keyLength: 16, saltLength: 14, rtpTagLength: 4, rtcpTagLength: 10 },
  AES_256_CM_HMAC_SHA1_80: { mode: 'cm', keyLength: 32, saltLength: 14, rtpTagLength: 10, rtcpTagLength: 10 },
  AES_256_CM_HMAC_SHA1_32: { mode: 'cm', keyLength: 32, saltLength: 14, rtpTagLength: 4, rtcpTagLength: 10 },
  AEAD_AES_128_GCM: { mode: 'gcm', keyLength: 16, saltLength: 12, rtpTagLength: 16, rtcpTagLength: 16 },
  AEAD_AES_256_GCM: { mode: 'gcm', keyLength: 32, saltLength: 12, rtpTagLength: 16, rtcpTagLength: 16 },
};
