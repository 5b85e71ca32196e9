import type { ConferenceNews } from '../conferences/conference-io.ts';
import type { QueueNews } from '../queues/queue-io.ts';
import type { AnnouncementOrder } from '../announcements/announcement-order.ts';
import type {
  CallApplication,
  EndRequest,
  InstructionResponse,
  LegEvent,
  PlaceRequest,
  PromptResult,
} from '../ports.ts';

/** A live change from outside; it interrupts the verb in progress. */
export type CallUpdate =
  | { readonly kind: 'redirect'; readonly url: string; readonly method: 'GET' | 'POST' }
  | { readonly kind: 'twiml'; readonly document: string }
  | { readonly kind: 'end'; readonly request: EndRequest }
  | ({ readonly kind: 'settings' } & CallSettings);

/** What of a call is changed without a word to its instructions. Undefined: as it is; null: none any more. */
export interface CallSettings {
  readonly fallback?: CallApplication['fallback'] | null;
  readonly statusCallback?: CallApplication['statusCallback'] | null;
}

/** Everything that can happen to a call. `at` on the machine's step is monotonic milliseconds. */
export type CallInput =
  /** An incoming call that was admitted. */
  | { readonly kind: 'start-incoming' }
  /** A call to place; instructions run when it is answered. */
  | { readonly kind: 'start-outgoing'; readonly place: PlaceRequest }
  | { readonly kind: 'leg'; readonly event: LegEvent }
  | { readonly kind: 'fetched'; readonly fetchId: string; readonly response: InstructionResponse }
  | { readonly kind: 'prompt-ready'; readonly promptId: string; readonly result: PromptResult }
  | { readonly kind: 'timer'; readonly name: string }
  /** News of the conference or the queue that this call is in. */
  | { readonly kind: 'conference'; readonly callSid: string; readonly news: ConferenceNews }
  | { readonly kind: 'queue'; readonly callSid: string; readonly news: QueueNews }
  /** `callSid`: the call itself, or (only `end`) one of its dialled legs. */
  | { readonly kind: 'update'; readonly callSid: string; readonly change: CallUpdate }
  /** Plays something over what an answered leg hears. */
  | {
      readonly kind: 'announce';
      readonly callSid: string;
      readonly announcementSid: string;
      readonly order: AnnouncementOrder;
    }
  /** `announcementSid` undefined: whatever is announced to that leg. */
  | {
      readonly kind: 'stop-announcement';
      readonly callSid: string;
      readonly announcementSid: string | undefined;
    }
  /** A bug or an overflow: end everything at once. */
  | { readonly kind: 'crash'; readonly message: string };
