import type { RecordingEvent } from '@hookswitch/shared';
import type { StreamListener } from '../media-streams/ports.ts';
import type { PlayMedia } from './ports.ts';
import type { TranscriptionListener, TranscriptionOrder } from './transcriptions/transcription-order.ts';
import type { StreamOrder } from './streams/stream-order.ts';

// What the call router asks of a leg's audio beside playing: recordings, speech, and who answered.

/** What is recorded of a leg, and when that ends by itself. */
export interface RecordOptions {
  /** `dual`: what the leg's party says, and what it hears, as channels of their own. */
  readonly channels: 'mono' | 'dual';
  /** `inbound`: what the leg's party says; `outbound`: what it hears. */
  readonly track: 'both' | 'inbound' | 'outbound';
  /** Leaves silence at the beginning and the end out. */
  readonly trim: boolean;
  /** Silence that ends it, milliseconds; undefined: none does. */
  readonly endSilenceMs: number | undefined;
  /** Milliseconds. */
  readonly maxMs: number;
}

/** Who asked for a recording, as the REST API names it. */
export type RecordingSource =
  | 'RecordVerb'
  | 'DialVerb'
  | 'StartCallRecordingTwiML'
  | 'StartCallRecordingAPI'
  | 'OutboundAPI'
  | 'Conference'
  | 'StartConferenceRecordingAPI';

/** Where a recording is reported to. */
export interface RecordingCallback {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly events: readonly RecordingEvent[];
}

/** A recording to begin. */
export interface RecordingOrder {
  readonly recordingSid: string;
  readonly source: RecordingSource;
  readonly options: RecordOptions;
  readonly callback: RecordingCallback | undefined;
  /** The text of it is wanted; `url`: who gets it. */
  readonly transcribe: { readonly url: string | undefined } | undefined;
}

/**
 * Why a recording is over. `leg-ended`: it ended with its leg. Whatever the reason, what was said until then is kept;
 * only `failed` loses what was not stored yet.
 */
export type RecordingEndReason = 'stopped' | 'silence' | 'max-length' | 'leg-ended' | 'failed';

/** What is to be understood of what a leg's party says. */
export interface ListenOptions {
  /** BCP 47. */
  readonly language: string;
  /** Words and phrases to expect. */
  readonly hints: readonly string[];
  /** Silence after speech that ends it, milliseconds. */
  readonly endSilenceMs: number;
  /** Longest speech, milliseconds. */
  readonly maxMs: number;
  /** Tells what is understood so far, too. */
  readonly partial: boolean;
}

export type ListenResult =
  /** `confidence`: 0 to 1. */
  | { readonly kind: 'recognised'; readonly text: string; readonly confidence: number }
  /** There was speech that could not be understood. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failed'; readonly message: string };

/** How to find out who answers. Times in milliseconds. */
export interface MachineDetectionOptions {
  /** `message-end`: of a machine it is told when its greeting is over. */
  readonly mode: 'enable' | 'message-end';
  /** Nothing is found out after this time. */
  readonly timeoutMs: number;
  /** Speech longer than this without a pause is a machine's. */
  readonly speechThresholdMs: number;
  /** Silence that ends speech. */
  readonly speechEndThresholdMs: number;
  /** Silence from the beginning after which nothing is found out. */
  readonly silenceTimeoutMs: number;
}

/** Answering machine detection of a placed call. */
export interface CallMachineDetection {
  readonly options: MachineDetectionOptions;
  /** `undefined`: the instructions wait for the verdict and are told of it. Else they run at once. */
  readonly background:
    { readonly callback: { readonly url: string; readonly method: 'GET' | 'POST' } | undefined } | undefined;
}

/** Values of AnsweredBy. */
export type AnsweredBy =
  'human' | 'machine_start' | 'machine_end_beep' | 'machine_end_silence' | 'machine_end_other' | 'fax' | 'unknown';

/** What happens to a leg's audio, told as events of the leg. */
export type LegAudioEvent =
  /** Once for each announcement and leg. */
  | {
      readonly kind: 'announcement-ended';
      readonly callSid: string;
      readonly announcementSid: string;
      readonly result: 'finished' | 'stopped' | 'failed';
      readonly message?: string;
    }
  | { readonly kind: 'recording-started'; readonly callSid: string; readonly recordingSid: string }
  /** Nothing is taken up any more; it may not be stored yet. Told before the end of the leg. */
  | {
      readonly kind: 'recording-ended';
      readonly callSid: string;
      readonly recordingSid: string;
      readonly reason: RecordingEndReason;
      /** 0: nothing was said, and nothing is kept. */
      readonly durationMs: number;
    }
  | { readonly kind: 'speech-began'; readonly callSid: string; readonly listenId: string }
  | { readonly kind: 'speech-partial'; readonly callSid: string; readonly listenId: string; readonly text: string }
  /** Once, unless it was stopped before. */
  | {
      readonly kind: 'speech-ended';
      readonly callSid: string;
      readonly listenId: string;
      readonly result: ListenResult;
    }
  | {
      readonly kind: 'machine-detected';
      readonly callSid: string;
      readonly answeredBy: AnsweredBy;
      /** From the answer. */
      readonly durationMs: number;
    };

/** What became of a recording that is over: it is safe, there was nothing, or it is lost. */
export type RecordingOutcome =
  | { readonly kind: 'completed'; readonly durationMs: number; readonly bytes: number }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly message: string };

/** Commands to the audio of a leg; see `Legs`. */
export interface LegAudioControl {
  /**
   * Plays over everything that an answered leg's party hears: its peer, and what its verb plays, which waits meanwhile. A
   * later one replaces it. `announcement-ended` follows, once.
   */
  announce(callSid: string, announcementSid: string, media: PlayMedia): void;
  stopAnnouncement(callSid: string, announcementSid: string): void;
  /**
   * Records an answered leg. `recording-started` follows, then `recording-ended`, once; `stored` is called when what was
   * taken up is safe, later than the end of the leg perhaps. Several recordings of one leg at a time are possible.
   */
  startRecording(callSid: string, order: RecordingOrder, stored: (outcome: RecordingOutcome) => void): void;
  /** `skip`: the pause is left out; `silence`: it is silence. */
  pauseRecording(callSid: string, recordingSid: string, behavior: 'skip' | 'silence'): void;
  resumeRecording(callSid: string, recordingSid: string): void;
  stopRecording(callSid: string, recordingSid: string): void;
  /** A media stream of an answered leg. `stream-ended` follows, once, after the listener was told. */
  startStream(callSid: string, order: StreamOrder, listener: StreamListener): void;
  stopStream(callSid: string, streamSid: string): void;
  /** Writes down what is said on an answered leg, until it is stopped or the leg ends. The listener is told of the end. */
  startTranscription(callSid: string, order: TranscriptionOrder, listener: TranscriptionListener): void;
  stopTranscription(callSid: string, transcriptionSid: string): void;
  /** Listens to what an answered leg's party says, in place of what was listened for before. */
  listen(callSid: string, listenId: string, options: ListenOptions): void;
  stopListening(callSid: string, listenId: string): void;
  /** Finds out who answered, from now on. `machine-detected` follows, once, unless the leg ends first. */
  detectMachine(callSid: string, options: MachineDetectionOptions): void;
}
