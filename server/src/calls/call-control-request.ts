import type { AnnouncementOrder } from './announcements/announcement-order.ts';
import type { RecordingCallback } from './leg-audio.ts';
import type { TranscriptionOrder } from './transcriptions/transcription-order.ts';
import type { StatusCallback } from './ports.ts';
import type { StreamOrder } from './streams/stream-order.ts';

/** What is done to a live leg from outside. `callSid` is any leg of the account. */
export type CallControlRequest = { readonly accountSid: string; readonly callSid: string } & (
  | { readonly kind: 'redirect'; readonly url: string; readonly method: 'GET' | 'POST' }
  | { readonly kind: 'twiml'; readonly document: string }
  | { readonly kind: 'end' }
  /** Undefined: as it is; null: none any more. */
  | {
      readonly kind: 'settings';
      readonly fallback?: { readonly url: string; readonly method: 'GET' | 'POST' } | null | undefined;
      readonly statusCallback?: StatusCallback | null | undefined;
    }
  /** From the answer, or from now when it is answered. */
  | { readonly kind: 'time-limit'; readonly ms: number }
  /** `w` waits 0.5 s, `W` 1 s. */
  | { readonly kind: 'send-digits'; readonly digits: string }
  | {
      readonly kind: 'record';
      readonly channels: 'mono' | 'dual';
      readonly track: 'both' | 'inbound' | 'outbound';
      readonly trim: boolean;
      readonly callback?: RecordingCallback | undefined;
    }
  /** `recordingSid` undefined: the latest one of the leg. */
  | {
      readonly kind: 'change-recording';
      readonly recordingSid?: string | undefined;
      readonly change: 'pause-skip' | 'pause-silence' | 'resume' | 'stop';
    }
  /** One way, beside the instructions. */
  | {
      readonly kind: 'start-stream';
      readonly url: string;
      /** Empty: none. */
      readonly name: string;
      readonly track: 'inbound_track' | 'outbound_track' | 'both_tracks';
      readonly parameters: Readonly<Record<string, string>>;
      readonly callback?: StreamOrder['callback'];
    }
  /** By its sid or its name. */
  | { readonly kind: 'stop-stream'; readonly stream: string }
  /** Writes down what is said, beside the instructions. */
  | ({
      readonly kind: 'start-transcription';
      readonly track: 'inbound_track' | 'outbound_track' | 'both_tracks';
    } & Omit<TranscriptionOrder, 'transcriptionSid' | 'tracks'>)
  /** By its sid or its name. */
  | { readonly kind: 'stop-transcription'; readonly transcription: string }
  /** Plays over what the leg hears, beside the instructions. */
  | ({ readonly kind: 'announce' } & AnnouncementOrder)
  /** `announcementSid` undefined: whatever is announced to the leg. */
  | { readonly kind: 'stop-announcement'; readonly announcementSid?: string | undefined }
);
export type CallControlReply =
  /** `recording`, `stream`, `transcription`, `announcementSid`: what the request was about. */
  | {
      readonly ok: true;
      readonly recording?: LiveRecording | undefined;
      readonly stream?: { readonly streamSid: string; readonly name: string } | undefined;
      readonly transcription?: { readonly transcriptionSid: string; readonly name: string } | undefined;
      readonly announcementSid?: string | undefined;
    }
  | {
      readonly ok: false;
      /** `not-supported`: a dialled leg can only be ended. `unavailable`: a node that may hold it does not answer. */
      readonly reason:
        | 'no-such-call'
        | 'not-supported'
        | 'not-answered'
        | 'no-such-recording'
        | 'no-such-stream'
        | 'no-such-transcription'
        | 'no-such-announcement'
        | 'unavailable';
    };

/** A recording that goes on, or did until now. */
export interface LiveRecording {
  readonly recordingSid: string;
  readonly channels: 'mono' | 'dual';
  readonly track: 'both' | 'inbound' | 'outbound';
  readonly source: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
}

/** Live calls, whichever node holds them. */
export interface CallControl {
  /** Bounded in time; never rejects. @param hint the node that is known to hold it */
  request(request: CallControlRequest, hint?: string): Promise<CallControlReply>;
}
