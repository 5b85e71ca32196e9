export { SdpError, createSdpSession } from './sdp/index.ts';
export type {
  AnsweredOffer,
  AudioCodec,
  LocalAudio,
  MediaDirection,
  NegotiatedAudio,
  SdpErrorReason,
  SdpSession,
} from './sdp/index.ts';
export { openUdpTransport } from './transport/index.ts';
export type {
  Endpoint,
  PacketHandler,
  Transport,
  TransportProtocol,
  TransportStats,
  UdpTransportOptions,
} from './transport/index.ts';
export { createUserAgent } from './user-agent/index.ts';
export type { TransactionTimers } from './transaction/timers.ts';
export type {
  Authorization,
  CallControl,
  CallEnd,
  CallFailure,
  CallListener,
  DigestCredentials,
  HeaderField,
  IncomingCall,
  IncomingCallListener,
  InfoRequest,
  InviteOptions,
  OutgoingCall,
  OutgoingCallListener,
  Party,
  ReinviteFailure,
  ReinviteReply,
  RequestFacts,
  SipReason,
  UserAgent,
  UserAgentHandlers,
  UserAgentOptions,
  UserAgentStats,
} from './user-agent/api.ts';
