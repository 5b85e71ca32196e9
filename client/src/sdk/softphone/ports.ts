import type { LegMedia } from '@hookswitch/shared';
import type { SoftphoneRequestInput, SoftphoneResults } from '@hookswitch/shared';
import type { Unsubscribe } from '../kit/index.ts';

/** Codecs a leg can carry. */
export type Codec = 'PCMU' | 'PCMA' | 'opus';
/** Codecs the server may ask a device to produce. */
export type ProducedCodec = 'PCMU' | 'opus';
/** Parameter object of the media library, passed through unread. */
export type MediaParameters = Record<string, unknown>;

type RequestOf<T extends SoftphoneRequestInput['type']> = Omit<Extract<SoftphoneRequestInput, { type: T }>, 'type'>;

/** Softphone requests to the server, checked on the way back. */
export type Signal = <T extends SoftphoneRequestInput['type']>(
  type: T,
  body: RequestOf<T>,
  timeoutMs?: number,
) => Promise<SoftphoneResults[T]>;

/** The WebRTC part. One for each device; made by `mediasoupMedia` in `leg.mediasoup.ts`. */
export interface Media {
  /** Prepares for the server's capabilities; may be called again with the same. @throws HookswitchError `mediaUnsupported` */
  load(serverCapabilities: MediaParameters): Promise<void>;
  /** What this device can receive. @throws HookswitchError `invalidState` before load() */
  readonly capabilities: MediaParameters;
  openLeg(options: LegOptions): Promise<Leg>;
}

export interface LegOptions {
  readonly media: LegMedia;
  /** The leg takes it over and stops it when it closes. */
  readonly microphone: MediaStreamTrack;
  readonly signal: Signal;
  readonly on: LegHandlers;
}

export interface LegHandlers {
  /** Both ways are connected, or one of them is lost (`restartIce` may bring it back). */
  readonly connected: (up: boolean) => void;
  /** The codec that is heard changed. */
  readonly codec: (codec: Codec) => void;
}

/** The media of one call. The call that opened it closes it. */
export interface Leg {
  /** The same object for the whole call: its tracks are replaced. */
  readonly remoteStream: MediaStream;
  readonly localStream: MediaStream;
  readonly codec: Codec;
  setMuted(muted: boolean): void;
  /** Another microphone; the leg takes it over. */
  replaceMicrophone(track: MediaStreamTrack): Promise<void>;
  /** Hear this instead (`consumer` push). */
  replaceConsumer(consumer: LegMedia['consumer']): Promise<void>;
  /** Speak in this codec from now on (`codec` push). The earlier one goes on until `replaceConsumer`. */
  produceIn(codec: ProducedCodec): Promise<void>;
  /** Whether both ways are connected now. */
  readonly isConnected: boolean;
  /** New ICE credentials on both ways; `connected` tells whether it helped. */
  restartIce(): Promise<void>;
  statistics(): Promise<LegStatistics>;
  /** Idempotent. */
  close(): void;
}

export interface LegStatistics {
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly jitterMs: number | undefined;
  readonly packetsSent: number;
  readonly roundTripMs: number | undefined;
}

/** The microphone. One for each device. */
export interface Microphone {
  /** `prompt`: the browser will ask; `unknown`: it does not tell. */
  permission(): Promise<'granted' | 'denied' | 'prompt' | 'unknown'>;
  /** A track of its own for one call. @throws HookswitchError microphone*, insecurePage */
  open(): Promise<MediaStreamTrack>;
  /** The device to use from the next open() on; undefined: the system's default. */
  choose(deviceId: string | undefined): void;
  readonly deviceId: string | undefined;
  /** Lets the hardware go. */
  close(): void;
}

/** Where calls are heard. One for each device. */
export interface Speaker {
  /** Begins to play a stream; the result stops it. */
  play(stream: MediaStream): Unsubscribe;
  /** @throws HookswitchError `outputUnsupported` */
  choose(deviceId: string | undefined): Promise<void>;
  readonly deviceId: string | undefined;
  close(): void;
}

/** Levels of one call's audio, 0 to 1. */
export interface Meter {
  read(): { readonly input: number; readonly output: number };
  close(): void;
}

export interface AudioDevice {
  readonly id: string;
  readonly label: string;
}

/** The machine's audio devices. Labels are empty until the microphone was allowed once. */
export interface AudioDevices {
  list(): Promise<{ readonly inputs: readonly AudioDevice[]; readonly outputs: readonly AudioDevice[] }>;
  onChange(listener: () => void): Unsubscribe;
}

/** Everything of the platform that a device needs; tests pass fakes. */
export interface SoftphonePlatform {
  readonly media: Media;
  readonly microphone: Microphone;
  readonly speaker: Speaker;
  readonly devices: AudioDevices;
  readonly openMeter: (local: MediaStream, remote: MediaStream) => Meter;
  /** Events of the page: going away, being asked to close, network back. */
  readonly onPage: (event: 'pagehide' | 'beforeunload' | 'online', listener: (event: Event) => void) => Unsubscribe;
}
