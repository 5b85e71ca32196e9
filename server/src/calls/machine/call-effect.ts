import type { EventData, EventType } from '@hookswitch/shared';
import type { ConferenceCommand } from '../conferences/conference-io.ts';
import type { QueueWish } from '../queues/queue-io.ts';
import type {
  EndRequest,
  InstructionRequest,
  ListenOptions,
  MachineDetectionOptions,
  PlaceRequest,
  PlayMedia,
  PromptRequest,
  RecordingOrder,
  ReferAnswer,
  StreamOrder,
  TranscriptionOrder,
  WhichStream,
  WhichTranscription,
} from '../ports.ts';

/** A command to one leg; see the methods of `Legs`. */
export type LegCommand =
  | { readonly do: 'ring' | 'answer'; readonly callSid: string }
  | { readonly do: 'end'; readonly callSid: string; readonly request: EndRequest }
  | { readonly do: 'play'; readonly callSid: string; readonly playId: string; readonly media: PlayMedia }
  | { readonly do: 'stop-play'; readonly callSid: string; readonly playId: string }
  | { readonly do: 'announce'; readonly callSid: string; readonly announcementSid: string; readonly media: PlayMedia }
  | { readonly do: 'stop-announcement'; readonly callSid: string; readonly announcementSid: string }
  | { readonly do: 'place'; readonly request: PlaceRequest }
  | { readonly do: 'merge' | 'unmerge'; readonly callSid: string; readonly peerCallSid: string }
  | { readonly do: 'send-digits'; readonly callSid: string; readonly digits: string }
  | { readonly do: 'answer-refer'; readonly referId: string; readonly answer: ReferAnswer }
  | { readonly do: 'refer'; readonly callSid: string; readonly uri: string }
  | { readonly do: 'lead'; readonly callSid: string }
  | { readonly do: 'record'; readonly callSid: string; readonly order: RecordingOrder }
  | { readonly do: 'stop-recording'; readonly callSid: string; readonly recordingSid: string }
  | { readonly do: 'start-stream'; readonly callSid: string; readonly order: StreamOrder }
  | { readonly do: 'stop-stream'; readonly callSid: string; readonly which: WhichStream }
  | { readonly do: 'start-transcription'; readonly callSid: string; readonly order: TranscriptionOrder }
  | { readonly do: 'stop-transcription'; readonly callSid: string; readonly which: WhichTranscription }
  /** Those that `<Start>` began. */
  | { readonly do: 'stop-started-recordings'; readonly callSid: string }
  | { readonly do: 'listen'; readonly callSid: string; readonly listenId: string; readonly options: ListenOptions }
  | { readonly do: 'stop-listening'; readonly callSid: string; readonly listenId: string }
  | { readonly do: 'detect-machine'; readonly callSid: string; readonly options: MachineDetectionOptions };

export type { PromptRequest };

/** One event, its type and data belonging together. */
export type CallEvent = {
  [T in EventType]: {
    readonly kind: 'emit';
    readonly type: T;
    readonly callSid: string;
    readonly sequence: number;
    readonly data: EventData<T>;
  };
}[EventType];

/** What a step asks to be done, in this order. */
export type CallEffect =
  | { readonly kind: 'leg'; readonly command: LegCommand }
  | { readonly kind: 'fetch'; readonly fetchId: string; readonly request: InstructionRequest }
  | { readonly kind: 'abort-fetch'; readonly fetchId: string }
  | { readonly kind: 'prompt'; readonly promptId: string; readonly request: PromptRequest }
  /** Asked for later, perhaps. */
  | { readonly kind: 'prefetch'; readonly requests: readonly PromptRequest[] }
  | { readonly kind: 'start-timer'; readonly name: string; readonly delayMs: number }
  | { readonly kind: 'stop-timer'; readonly name: string }
  | CallEvent
  /** `callStatus`: of the call now. */
  | {
      readonly kind: 'conference';
      readonly callSid: string;
      readonly command: ConferenceCommand;
      readonly callStatus: string;
    }
  | { readonly kind: 'queue'; readonly callSid: string; readonly wish: QueueWish }
  /** The runner adds the Timestamp. */
  | { readonly kind: 'callback'; readonly request: InstructionRequest; readonly stamped: boolean }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly message: string;
    }
  /** The call and all its legs are over; nothing follows. */
  | { readonly kind: 'closed' };
