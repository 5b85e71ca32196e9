export { SdpError, createSdpSession } from './sdp/index.ts';
export type {
  AnsweredOffer,
  AudioCodec,
  LocalAudio,
  MediaDirection,
  NegotiatedAudio,
  SdpErrorReason,
  SdpSession,
  SrtpAgreement,
  SrtpPolicy,
  SrtpSuite,
} from './sdp/index.ts';
export {
  FlowClosedError,
  TransportError,
  TransportSet,
  ipVersion,
  openSipTransports,
  openTcpTransport,
  openTlsTransport,
  openUdpTransport,
} from './transport/index.ts';
export type {
  CertificateSource,
  ConnectionLimits,
  Endpoint,
  PacketHandler,
  SingleTransport,
  SipTransportsOptions,
  StreamTransportOptions,
  TlsTransportOptions,
  Transport,
  TransportErrorReason,
  TransportProtocol,
  TransportStats,
  UdpTransportOptions,
} from './transport/index.ts';
export { DIGEST_ALGORITHMS, DigestServer } from './digest/index.ts';
export type { DigestAlgorithm, DigestSecret, DigestVerdict } from './digest/index.ts';
export { parseUri, unescapeUser } from './message/index.ts';
export { parseReplaces } from './dialog/index.ts';
export type { DialogId } from './dialog/index.ts';
export { Registrar, addressOf, partsOfAddress } from './registrar/index.ts';
export type {
  Binding,
  BindingStore,
  PhoneDirectory,
  PhoneDomain,
  PhoneOwner,
  RegistrarChange,
} from './registrar/index.ts';
export { createRegistration } from './registration/index.ts';
export type { Registration, RegistrationOptions, RegistrationStatus } from './registration/index.ts';
export { OVERLOAD } from './overload/index.ts';
export type { OverloadLimits, OverloadOptions, OverloadReport } from './overload/index.ts';
export { createUserAgent } from './user-agent/index.ts';
export type { TappedMessage, TransactionTimers } from './transaction/index.ts';
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
  OutOfDialogRequest,
  OutgoingCall,
  OutgoingCallListener,
  Party,
  ReceivedRefer,
  ReferOptions,
  ReferResult,
  ReinviteFailure,
  ReinviteReply,
  ReinviteResult,
  RequestFacts,
  RequestOptions,
  RequestResult,
  SessionTimerOptions,
  SipReason,
  UserAgent,
  UserAgentHandlers,
  UserAgentOptions,
  UserAgentStats,
} from './user-agent/api.ts';
