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
  readonly rooms: number;
  readonly udpPort: number;
  readonly tcpPort: number;
}

/**
 * Owns the workers, the pacer and the RTP ports. A worker that dies is replaced at once; its rooms end with
 * `media-worker-died` and rooms created meanwhile go to the other workers, or wait for the replacement.
 */
export interface MediaEngine extends AsyncDisposable {
  /** @throws MediaError `no-worker` when no worker could be started, `closed` after close() */
  createRoom(options: { readonly id: string }): Promise<Room>;
  /** The same for every room: for `Device.load` before there is a call. */
  readonly rtpCapabilities: MediasoupJson;
  /** Live workers only. */
  readonly workers: readonly WorkerFacts[];
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

/** The media of one call. Lives until close() or until its worker dies; ending closes every leg. */
export interface Room {
  readonly id: string;
  /** For `Device.load({ routerRtpCapabilities })` of mediasoup-client: PCMU, PCMA and Opus. */
  readonly rtpCapabilities: MediasoupJson;
  /** Binds an even/odd RTP/RTCP port pair. @throws MediaError `no-free-port`, `closed` */
  createSipLeg(options: SipLegOptions): Promise<SipLegMedia>;
  /** @throws MediaError `closed` */
  createClientLeg(options: ClientLegOptions): Promise<ClientLegMedia>;
  /**
   * Lets both legs hear each other. A leg has at most one peer: connecting it elsewhere disconnects it first. A running
   * playback on a leg goes on and hides the peer from that leg until it ends. Idempotent.
   */
  connect(a: Leg, b: Leg): void;
  /** Takes both ways down. Does nothing when the two are not connected. */
  disconnect(a: Leg, b: Leg): void;
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
   * only after `resumed`. Not raised while the agreed direction says that the far end does not send.
   */
  silent: { readonly forMs: number };
  /** Media came back after `silent`. */
  resumed: { readonly afterMs: number };
  closed: { readonly reason: LegCloseReason };
}

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
   * out of the pacer: a source that throws ends as `failed`.
   */
  play(source: FrameSource, options?: { readonly loop?: boolean }): Playback;
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
}

export interface SipLegMedia extends LegMedia<LegEvents> {
  readonly kind: 'sip';
  /** For our SDP, known before the remote is: announced address, even RTP port (RTCP is the next one). */
  readonly local: { readonly address: string; readonly port: number };
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
