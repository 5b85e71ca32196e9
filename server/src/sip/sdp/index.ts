export type {
  AnsweredOffer,
  AudioCodec,
  LocalAudio,
  MediaDirection,
  NegotiatedAudio,
  SdpSession,
  SrtpAgreement,
  SrtpMasterKey,
  SrtpPolicy,
  SrtpSuite,
} from './api.ts';
export { SdpError } from './errors.ts';
export type { SdpErrorReason } from './errors.ts';
export { createSdpSession } from './session.ts';
