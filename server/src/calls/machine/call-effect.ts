import type { EventData, EventType } from '@hookswitch/shared';
import type { EndRequest, InstructionRequest, PlaceRequest, PlayMedia } from '../ports.ts';

/** A command to one leg; see the methods of `Legs`. */
export type LegCommand =
  | { readonly do: 'ring' | 'answer'; readonly callSid: string }
  | { readonly do: 'end'; readonly callSid: string; readonly request: EndRequest }
  | { readonly do: 'play'; readonly callSid: string; readonly playId: string; readonly media: PlayMedia }
  | { readonly do: 'stop-play'; readonly callSid: string; readonly playId: string }
  | { readonly do: 'place'; readonly request: PlaceRequest }
  | { readonly do: 'merge' | 'unmerge'; readonly callSid: string; readonly peerCallSid: string }
  | { readonly do: 'send-digits'; readonly callSid: string; readonly digits: string };

export type PromptRequest =
  | {
      readonly kind: 'say';
      readonly text: string;
      readonly voice: string | undefined;
      readonly language: string | undefined;
    }
  | { readonly kind: 'fetch'; readonly url: string };

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
  | { readonly kind: 'start-timer'; readonly name: string; readonly delayMs: number }
  | { readonly kind: 'stop-timer'; readonly name: string }
  | CallEvent
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
