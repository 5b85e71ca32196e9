import { DomainError } from '../../kernel/index.ts';

/** What is wrong with the peer's SDP. */
export type SdpErrorReason =
  | 'malformed' // not SDP
  | 'too-large'
  | 'no-audio' // no usable audio line: none, port 0, other profile or address
  | 'no-codec' // no codec in common
  | 'rejected' // the answer refuses our audio
  | 'no-offer'; // an answer came and nothing was offered

/** Thrown by {@link SdpSession} for the peer's SDP. `status` is how SIP answers it: 400 or 488. */
export class SdpError extends DomainError<SdpErrorReason> {
  get status(): 400 | 488 {
    return this.reason === 'malformed' || this.reason === 'too-large' ? 400 : 488;
  }
}
