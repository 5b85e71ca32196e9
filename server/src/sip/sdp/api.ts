export type AudioCodec = 'PCMU' | 'PCMA';
export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** Whether media is to be encrypted with keys exchanged in SDP (RFC 4568). See docs/adr/0013-srtp.md. */
export type SrtpPolicy = 'off' | 'preferred' | 'required';

/** Crypto suites of RFC 4568, RFC 6188 and RFC 7714. */
export type SrtpSuite =
  | 'AES_CM_128_HMAC_SHA1_80'
  | 'AES_CM_128_HMAC_SHA1_32'
  | 'AES_256_CM_HMAC_SHA1_80'
  | 'AES_256_CM_HMAC_SHA1_32'
  | 'AEAD_AES_128_GCM'
  | 'AEAD_AES_256_GCM';

/** Master key and salt of one direction. Secret: never to be logged. */
export interface SrtpMasterKey {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** Keys of both directions. */
export interface SrtpAgreement {
  readonly suite: SrtpSuite;
  /** We protect with it. */
  readonly local: SrtpMasterKey;
  /** The peer protects with it. */
  readonly remote: SrtpMasterKey;
}

/** Our side of the audio stream. */
export interface LocalAudio {
  /** The address to announce (public when it differs from the bound one). */
  readonly address: string;
  readonly port: number;
  /** Default: port + 1, which is not written. */
  readonly rtcpPort?: number;
  /** Codecs in order of preference. Not empty. */
  readonly codecs: readonly AudioCodec[];
  /** Offer and accept telephone-event/8000 (default true). */
  readonly telephoneEvent?: boolean;
  /** Milliseconds of audio in a packet (default 20). */
  readonly ptime?: number;
  /** Encryption of the audio (default off). */
  readonly srtp?: SrtpPolicy;
}

/** Result of an offer and its answer, seen from us. */
export interface NegotiatedAudio {
  /** Where to send RTP; undefined after legacy hold (`c=IN IP4 0.0.0.0`): keep the old address, send nothing. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number;
  readonly remoteRtcpPort: number;
  readonly codec: AudioCodec;
  /** The payload type to send the codec with. */
  readonly payloadType: number;
  /** Payload types that the peer may use towards us, by codec. */
  readonly receivePayloadTypes: Readonly<Partial<Record<AudioCodec, number>>>;
  /** Payload type to send telephone-event with; undefined: the peer cannot take it. */
  readonly telephoneEvent: number | undefined;
  /** Payload type telephone-event arrives with. */
  readonly receiveTelephoneEvent: number | undefined;
  /** Ours: `sendonly` means that we send and the peer listens. */
  readonly direction: MediaDirection;
  /** True when the peer put us on hold (it does not want our audio). */
  readonly heldByPeer: boolean;
  /** What the peer wants to receive, milliseconds. */
  readonly ptime: number;
  /** Present when SRTP was agreed: only SRTP is sent and taken. */
  readonly srtp?: SrtpAgreement;
}

/** An offer of the peer, answered. */
export interface AnsweredOffer {
  /** The answer to send. */
  readonly sdp: string;
  readonly audio: NegotiatedAudio;
}

/**
 * Offer/answer state (RFC 3264) of one call: keeps the order of media lines, the session id and the version. Every
 * method that takes remote SDP throws {@link SdpError}, whose `status` says how to answer, and leaves the state as it was.
 */
export interface SdpSession {
  /** What is in force; undefined before the first complete exchange. */
  readonly audio: NegotiatedAudio | undefined;
  /** Our offer: first or new one. `direction` default sendrecv. Repeating it replaces the open offer. */
  createOffer(options?: { readonly direction?: MediaDirection }): string;
  /** Answers the peer's offer. `direction`: what we would like (default sendrecv); the answer never exceeds the offer. */
  answerOffer(offer: string, options?: { readonly direction?: MediaDirection }): AnsweredOffer;
  /** The peer's answer to our open offer. */
  acceptAnswer(answer: string): NegotiatedAudio;
  /** Our open offer was refused (488, 491): what was in force stays. */
  cancelOffer(): void;
}
