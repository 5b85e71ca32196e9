/**
 * What the rest of the server may ask of the media part: rooms, legs, playback, frames. One room carries the media of
 * one call. A SIP leg is an RTP port pair of ours; a client leg is a browser's (WebRTC, mediasoup-client).
 * Created by `createMediaEngine` in `engine.mediasoup.ts`, which only app/ imports.
 */
import type { Unsubscribe } from '../kernel/index.ts';

/** ITU-T G.711 at 8 kHz: what the PSTN and every browser speak. PCMU is mu-law (static payload type 0), PCMA A-law (8). */
export type G711Codec = 'PCMU' | 'PCMA';

/** JSON of mediasoup's types as mediasoup-client makes and takes it. Checked inside: `bad-parameters` when refused. */
export type MediasoupJson = object;

// ---------------------------------------------------------------------------------------------------------- engine

/** One mediasoup worker process, for metrics and tests. Ports are those of its WebRtcServer. */
export interface WorkerFacts {
  readonly pid: number;
  /** Rooms that have a router here: those that had a browser in them. */
  readonly rooms: number;
  readonly udpPort: number;
  readonly tcpPort: number;
}

/** Live mediasoup objects but for the routers that are made ahead. */
export interface MediaObjects {
  readonly router: number;
  readonly transport: number;
  readonly producer: number;
  readonly consumer: number;
}

/** What is open at the moment: nothing of it may be left when the last call is over. */
export interface MediaCounts {
  readonly rooms: number;
  readonly legs: number;
  /** RTP and RTCP ports bound in this process. */
  readonly rtpPorts: number;
  readonly objects: MediaObjects;
}

/**
 * Owns the workers, the pacer and the RTP ports. A worker that dies is replaced at once; the rooms that had a browser at
 * it end with `media-worker-died`. Browsers that come meanwhile go to the other workers, or wait for the replacement.
 */
export interface MediaEngine extends AsyncDisposable {
  /** Needs no worker yet. @throws MediaError `closed` after close() */
  createRoom(options: { readonly id: string }): Promise<Room>;
  /** A mix for participants of any rooms of this engine. The caller closes it. */
  createMixer(options: { readonly id: string }): Mixer;
  /** The same for every room: for `Device.load` before there is a call. */
  readonly rtpCapabilities: MediasoupJson;
  /** Live workers only. */
  readonly workers: readonly WorkerFacts[];
  readonly counts: MediaCounts;
  /** A worker died (its replacement is on the way) or was replaced. */
  on<K extends keyof MediaEngineEvents>(event: K, listener: (payload: MediaEngineEvents[K]) => void): Unsubscribe;
  /** Ends every room (`engine-closed`), stops the workers, frees all ports. Idempotent. */
  close(): Promise<void>;
}

export interface MediaEngineEvents {
  'worker-died': { readonly pid: number; readonly rooms: number };
  'worker-started': { readonly pid: number };
}

// ------------------------------------------------------------------------------------------------------------ room

export type RoomEndReason = 'closed' | 'media-worker-died' | 'engine-closed';

/**
 * The media of one call. It gets a worker with its first client leg, and then lives until close() or until that worker dies;
 * ending closes every leg.
 */
export interface Room {
  readonly id: string;
  /** For `Device.load({ routerRtpCapabilities })` of mediasoup-client: PCMU, PCMA and Opus. */
  readonly rtpCapabilities: MediasoupJson;
  /** Binds an even/odd RTP/RTCP port pair. @throws MediaError `no-free-port`, `closed` */
  createSipLeg(options: SipLegOptions): Promise<SipLegMedia>;
  /** @throws MediaError `closed`, `no-worker` when none is running or could make what the room needs */
  createClientLeg(options: ClientLegOptions): Promise<ClientLegMedia>;
  /** A place in a mix, to be connected with a leg of this room. @throws MediaError `closed`, `too-many` (250) */
  createMixLeg(options: { readonly id: string; readonly mixer: Mixer }): MixLegMedia;
  /**
   * Lets both legs hear each other. A leg has at most one peer: connecting it elsewhere disconnects it first. A running
   * playback on a leg goes on and hides the peer from that leg until it ends. Idempotent.
   */
  connect(a: Leg, b: Leg | MixLegMedia): void;
  /** Takes both ways down. Does nothing when the two are not connected. */
  disconnect(a: Leg, b: Leg | MixLegMedia): void;
  /** Fires once; at once (next microtask) when the room has ended already. */
  onEnded(listener: (reason: RoomEndReason) => void): Unsubscribe;
  /** Closes every leg, then the router. Idempotent. */
  close(): Promise<void>;
}

export type Leg = SipLegMedia | ClientLegMedia;

// ------------------------------------------------------------------------------------------------------------ legs

export interface LegEvents {
  /** A key pressed by the far end (RFC 4733 named event), once per press, when its end is known. SIP legs only. */
  dtmf: { readonly digit: string; readonly durationMs: number };
  /**
   * The path from this side is up: its first audio (or comfort noise) packet was accepted, and for a client leg DTLS is
   * connected both ways. Once per leg. The bridge needs it from both sides for `call.merged`.
   */
  flowing: { readonly afterMs: number };
  /**
   * No media from this side for the configured time (default 5 s) since the leg was expected to flow; repeated
   * only after `resumed`. Not raised while the agreed direction says that the far end does not send, and for a phone that
   * suppresses silence: after comfort noise (60 s), while its RTCP reports tell that it sends no more than arrives (8 s each).
   */
  silent: { readonly forMs: number };
  /** Media came back after `silent`. */
  resumed: { readonly afterMs: number };
  /**
   * Audio comes and holds nothing audible, for 30 s now; repeated only after `sound`. Only while the audio passes this
   * process: not from Opus, not while a worker carries the phone's RTP.
   */
  quiet: { readonly forMs: number; /** The loudest packet looked at. */ readonly levelDbov: number };
  /** Sound again after `quiet`. */
  sound: { readonly afterMs: number };
  /**
   * Who carries this leg's RTP from now on: this process (`node`, where every leg begins) or a media worker on the same port
   * (`plain`), and why. SIP legs only.
   */
  path: { readonly owner: PathOwner; readonly reason: PathReason };
  closed: { readonly reason: LegCloseReason };
}

/** See docs/adr/0003-media-path.md. */
export type PathOwner = 'node' | 'plain';

/**
 * Why the RTP of a phone changed hands. To the worker: `bridged`. Back to Node, or not given away at all: something needs the
 * audio (`playback`, `sink`, `dtmf` towards the phone), the stream changes (`update` of the SDP, `direction`, `source-changed`: another SSRC or address),
 * is not fit (`encrypted` or never shared, `no-source` known yet, `codec` differs), is not there (`not-connected`, `silent`, `peer-silent`), or it
 * `failed`.
 */
export type PathReason =
  | 'bridged'
  | 'playback'
  | 'sink'
  | 'dtmf'
  | 'update'
  | 'direction'
  | 'source-changed'
  | 'encrypted'
  | 'no-source'
  | 'codec'
  | 'not-connected'
  | 'silent'
  | 'peer-silent'
  | 'failed'
  | 'closed';

export type LegCloseReason = 'closed' | RoomEndReason;

/** What both kinds of legs have. */
export interface LegMedia<Events extends LegEvents> {
  readonly id: string;
  /** G.711 variant of this leg. Peers that differ are converted by table, without delay. */
  readonly codec: G711Codec;
  /** True once `flowing` was raised. */
  readonly isFlowing: boolean;
  /**
   * Plays to this leg's party, in place of what the peer says. A second play stops the first (`stopped`). Never throws
   * out of the pacer: a source that throws ends as `failed`. With `over` it is an announcement: what plays already waits
   * meanwhile and goes on afterwards, and what is played later waits too. A second announcement stops the first.
   */
  play(source: FrameSource, options?: { readonly loop?: boolean; readonly over?: boolean }): Playback;
  /** Lets the sink see every audio frame in and out of this leg (recording, gathering). Keeps the leg on G.711. */
  addSink(sink: FrameSink): Unsubscribe;
  on<K extends keyof Events>(event: K, listener: (payload: Events[K]) => void): Unsubscribe;
  statistics(): Promise<LegStatistics>;
  /** Stops playbacks, frees ports and transports. Idempotent. */
  close(): Promise<void>;
}

export interface Playback {
  /** Never rejects. `failed`: the source threw; the log has the error. */
  readonly done: Promise<PlaybackEnd>;
  /** Why it `failed`, for people. */
  readonly failure?: string | undefined;
  /** Idempotent. */
  stop(): void;
}
export type PlaybackEnd = 'finished' | 'stopped' | 'failed';

/** Seen from our side: `received` came from the leg's party. Times in milliseconds, undefined while not yet known. */
export interface LegStatistics {
  readonly received: StreamStatistics;
  readonly sent: StreamStatistics;
  readonly roundTripMs: number | undefined;
  /** Facts for the log and for `call.one-way-audio`: counters of what was refused or odd. */
  readonly counters: Readonly<Record<string, number>>;
}
export interface StreamStatistics {
  readonly packets: number;
  readonly bytes: number;
  /** Cumulative, RFC 3550 section 6.4.1; may be negative with duplicates. For `sent`: as the far end reports. */
  readonly lost: number | undefined;
  readonly jitterMs: number | undefined;
  /** Runs of lost packets, however long; absent where only their sum is known. Received streams of SIP legs only. */
  readonly lossEvents?: number;
}

// --------------------------------------------------------------------------------------------------------- SIP leg

export interface SipLegOptions {
  readonly id: string;
  /** Codec to send until update() says otherwise (default PCMU). */
  readonly codec?: G711Codec;
}

/** Direction as seen from us, RFC 3264: `recvonly` = we receive and send nothing (the far end put `sendonly`). */
export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** What offer and answer agreed on for the audio stream. */
export interface SipMediaRemote {
  /** `c=` address as IP literal. 0.0.0.0 is RFC 2543 hold: nothing is sent. */
  readonly address: string;
  /** Port of the `m=` line. */
  readonly port: number;
  /** `a=rtcp` (RFC 3605); default port + 1. */
  readonly rtcpPort?: number;
  readonly codec: G711Codec;
  /** Payload type to send telephone-event/8000 with; absent: DTMF cannot be sent. */
  readonly telephoneEvent?: number;
  /** Payload type it arrives with (RFC 3264 section 6.1 lets the two differ); default: the one to send. */
  readonly receiveTelephoneEvent?: number;
  readonly direction: MediaDirection;
  /** Address that the peer's signalling comes from: RTP from it is trusted as much as from the SDP's address (NAT). */
  readonly signallingAddress?: string;
  /** Keys that SDP agreed on (RFC 4568). Present: only SRTP is sent and taken. Absent: only plain RTP. */
  readonly srtp?: SrtpAgreement;
}

/** Names as in SDP: RFC 4568 section 6.2, RFC 6188 section 4, RFC 7714 section 14. */
export type SrtpSuite =
  | 'AES_CM_128_HMAC_SHA1_80'
  | 'AES_CM_128_HMAC_SHA1_32'
  | 'AES_256_CM_HMAC_SHA1_80'
  | 'AES_256_CM_HMAC_SHA1_32'
  | 'AEAD_AES_128_GCM'
  | 'AEAD_AES_256_GCM';

/** Master key and salt of one direction, of the lengths that the suite wants. Secret: never to be logged or published. */
export interface SrtpMasterKey {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** How the two directions of a stream are protected. */
export interface SrtpAgreement {
  readonly suite: SrtpSuite;
  /** We protect with it. */
  readonly local: SrtpMasterKey;
  /** The far end protects with it. */
  readonly remote: SrtpMasterKey;
}

export interface SipLegMedia extends LegMedia<LegEvents> {
  readonly kind: 'sip';
  /** For our SDP, known before the remote is: announced address, even RTP port (RTCP is the next one). */
  readonly local: { readonly address: string; readonly port: number };
  /** Where another leg of this process reaches it: never by way of a NAT. */
  readonly inside: { readonly address: string; readonly port: number };
  /**
   * Starts (first call) or changes the stream: offer/answer, re-INVITE, hold. A changed remote address or port makes the
   * endpoint learn its source anew (rules: rtp/latch.ts); an unchanged one keeps the latch. Never throws for odd input:
   * an address that is no IP literal is refused with MediaError `bad-parameters`.
   */
  update(remote: SipMediaRemote): void;
  /**
   * Sends RFC 4733 events: `0-9 * # A-D` (either case), `w` pauses 500 ms, `W` 1 s; anything else is skipped. Requests queue.
   * @returns what happened: `unsupported` when no telephone-event was agreed (nothing was sent), `stopped` by close()
   */
  sendDtmf(digits: string, options?: { readonly toneMs?: number; readonly gapMs?: number }): Promise<DtmfSendResult>;
}
export type DtmfSendResult = 'sent' | 'unsupported' | 'stopped';

// ------------------------------------------------------------------------------------------------------ client leg

export interface ClientLegOptions {
  readonly id: string;
  /** G.711 variant towards this client (default PCMU); give the peer's to have no conversion at all. */
  readonly codec?: G711Codec;
}

/** What `device.createSendTransport` / `createRecvTransport` of mediasoup-client take. */
export interface ClientTransportParameters {
  readonly id: string;
  readonly iceParameters: MediasoupJson;
  readonly iceCandidates: readonly MediasoupJson[];
  readonly dtlsParameters: MediasoupJson;
}

/** What `recvTransport.consume` of mediasoup-client takes. */
export interface ClientConsumerParameters {
  readonly id: string;
  readonly producerId: string;
  readonly kind: 'audio';
  readonly rtpParameters: MediasoupJson;
}

export type ClientTransportState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

export interface ClientLegEvents extends LegEvents {
  /** ICE and DTLS of one of the two transports, folded into one state. `disconnected` may recover by restartIce. */
  transport: { readonly transportId: string; readonly side: 'send' | 'recv'; readonly state: ClientTransportState };
  /**
   * Replaces what the client hears: it opens this consumer, then closes the one it had (which goes on for 2 s, so that
   * nothing is lost meanwhile). Raised only at changes between G.711 and Opus, never for announcements or a new peer.
   */
  consumer: ClientConsumerParameters;
  /**
   * The codec the client should produce in from now on. `opus` when its peer is a client too and nothing needs the audio: both
   * are asked, and once both produce Opus each gets a `consumer`. The leg's G.711 codec when that has ended. A client that never
   * produces Opus simply stays on G.711.
   */
  'send-codec': { readonly codec: G711Codec | 'opus' };
}

/**
 * A browser's media. What the client hears comes through ONE consumer for the whole life of the leg: ringback,
 * announcements, the peer and hold music are switched behind it, with one SSRC, so the client need not know. Only Opus
 * (client to client) replaces the consumer. DTMF is not media here: it travels as softphone messages.
 *
 * Order: createTransports, then for each transport connectTransport (mediasoup-client's `connect` event), produce (its
 * `produce` event), consume. Each may be called before the other; audio flows when both ends of a path are there.
 */
export interface ClientLegMedia extends LegMedia<ClientLegEvents> {
  readonly kind: 'client';
  /** Creates both transports; called again it returns the same two. */
  createTransports(): Promise<{ readonly send: ClientTransportParameters; readonly recv: ClientTransportParameters }>;
  /** @throws MediaError `unknown-transport`, `bad-parameters` */
  connectTransport(transportId: string, dtlsParameters: MediasoupJson): Promise<void>;
  /**
   * The client's microphone, in G.711 or Opus (the mimeType decides). A further producer of the same kind replaces the
   * earlier one.
   * @throws MediaError `unknown-transport`, `bad-parameters`
   */
  produce(transportId: string, rtpParameters: MediasoupJson): Promise<{ readonly producerId: string }>;
  /** The client stopped that microphone (`producer.close()` at its side). Unknown ids are ignored. */
  closeProducer(producerId: string): void;
  /** What the client hears. Called again it returns the same consumer. @throws MediaError `incompatible-capabilities` */
  consume(clientRtpCapabilities: MediasoupJson): Promise<ClientConsumerParameters>;
  /** New ICE parameters for `transport.restartIce()`, after a network change. @throws MediaError `unknown-transport` */
  restartIce(transportId: string): Promise<MediasoupJson>;
}

// ----------------------------------------------------------------------------------------------------------- mixing

/**
 * Many participants, each hears all others and never itself (mix-minus, linear, 8 kHz). Ticks with the pacer while it has
 * participants; at most 250.
 */
export interface Mixer {
  readonly id: string;
  /** Participants now. */
  readonly size: number;
  /** Everybody hears it, mixed with what is said. Several may play at once. A source that throws ends as `failed`. */
  play(source: FrameSource): Playback;
  /** Lets the sink see the whole mix, as `sent`, a frame every 20 ms from now on. */
  addSink(sink: FrameSink): Unsubscribe;
  /** Closes its places too. Idempotent. */
  close(): Promise<void>;
}

export interface MixLegSettings {
  /** Hears and is not heard. */
  readonly muted: boolean;
  /** Neither hears nor is heard. */
  readonly held: boolean;
  /** Id of the only place that hears it (coaching); undefined: all do. */
  readonly audience: string | undefined;
}

export interface MixLegEvents {
  /** Its party began to talk (60 ms of speech), or has said nothing for 800 ms. */
  talking: { readonly talking: boolean };
  closed: { readonly reason: LegCloseReason };
}

/** A participant's place in a mix. A playback on the connected leg hides the mix from its party, as it hides a peer. */
export interface MixLegMedia {
  readonly kind: 'mix';
  readonly id: string;
  readonly settings: MixLegSettings;
  /** Default: heard by all. */
  set(change: Partial<MixLegSettings>): void;
  on<K extends keyof MixLegEvents>(event: K, listener: (payload: MixLegEvents[K]) => void): Unsubscribe;
  /** Leaves the mix. Idempotent. */
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------- frames

/** 20 ms of audio at 8 kHz: 160 samples, or 160 G.711 bytes. A shorter last frame is filled with silence. */
export type AudioFrame =
  | { readonly format: 'linear16'; readonly samples: Int16Array }
  | { readonly format: G711Codec; readonly bytes: Uint8Array };

/** Pulled every 20 ms by the shared pacer. */
export interface FrameSource {
  /** The next 20 ms; undefined at the end. A live source that has nothing yet returns silence. */
  next(): AudioFrame | undefined;
  /** Back to the beginning, for `loop`. A source without it plays once. */
  rewind?(): void;
  /** Called once when the playback ended, however it ended. */
  close?(): void;
}

/** Pushed a frame for every audio packet that passes, in order of arrival: lost packets show as timestamp gaps. */
export interface FrameSink {
  /** `timestamp` counts samples at 8 kHz, modulo 2^32, per direction; `received` = said by the leg's party. */
  write(direction: 'received' | 'sent', frame: AudioFrame, timestamp: number): void;
}

// ------------------------------------------------------------------------------------------------------- recordings

/** What a recording is written to: 16-bit samples at 8 kHz, channels interleaved. Implemented by media-layer/. */
export interface RecordingFile {
  /** Takes the samples over. Never throws and never waits; what cannot be written makes `finish` reject. */
  append(samples: Int16Array): void;
  /** Keeps the first `samples` of each channel. Resolves when they are safe. @throws Error: the recording is lost */
  finish(samples: number): Promise<{ readonly bytes: number }>;
  /** Keeps nothing. Never rejects. */
  discard(): Promise<void>;
}

/** What is known of a recording when it begins; goes with it wherever it is kept. */
export interface RecordingFileFacts {
  readonly accountSid: string;
  readonly callSid: string;
  readonly recordingSid: string;
  readonly channels: 1 | 2;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Whatever the owner wants back when the file is found after a crash. JSON. */
  readonly memo?: object;
}

export interface RecordingFiles {
  /** Never throws: what is wrong shows in `finish`. */
  open(facts: RecordingFileFacts): RecordingFile;
}
