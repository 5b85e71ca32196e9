import { DomainError } from '../../kernel/index.ts';

/** What is wrong with the peer's SDP. */
export type SdpErrorReason =
  | 'malformed' // not SDP
  | 'too-large'
  | 'no-audio' // no usable audio line: none, port 0, other profile or address
  | 'no-codec' // no codec in common
  | 'rejected' // the answer refuses our audio
  | 'srtp-off' // nothing but SRTP was offered, and it is switched off here
  | 'srtp-required' // SRTP is required here, and the peer's audio is not encrypted
  | 'no-crypto' // SRTP without a suite and key that we could use
  | 'no-offer'; // an answer came and nothing was offered

/** Codes of RFC 3261 section 20.43 for those that are answered with 488. */
const WARNING_CODE: Readonly<Partial<Record<SdpErrorReason, number>>> = {
  'no-audio': 304, // media type not available
  rejected: 304,
  'no-codec': 305, // incompatible media format
  'srtp-off': 302, // incompatible transport protocol
  'srtp-required': 302,
  'no-crypto': 306, // attribute not understood
};

/**
 * Thrown by {@link SdpSession} for the peer's SDP. `status` is how SIP answers it: 400 or 488; `warning` is the value of the
 * Warning header that tells the peer why.
 */
export class SdpError extends DomainError<SdpErrorReason> {
  get warning(): string {
    const code = WARNING_CODE[this.reason] ?? 399;
    return `${code} hookswitch "${this.message
      .replace(/[^\x20-\x7e]/g, '?')
      .replace(/["\\]/g, "'")
      .slice(0, 200)}"`;
  }

  get status(): 400 | 488 {
    return this.reason === 'malformed' || this.reason === 'too-large' ? 400 : 488;
  }
}
