import type { ConferenceEventName, EventData } from '@hookswitch/shared';
import type { MixSettings, PartyAt } from './ports.ts';
import type { LeaveReason, ParticipantOptions, RecordWish } from './conference-state.ts';

/** Change of a participant by REST. Undefined: as it is. */
export interface ParticipantChange {
  readonly muted?: boolean | undefined;
  readonly hold?: boolean | undefined;
  /** What is heard on hold (default: our own music). */
  readonly holdUrl?: string | undefined;
  readonly holdMethod?: 'GET' | 'POST' | undefined;
  /** Heard by this participant alone. */
  readonly announceUrl?: string | undefined;
  readonly announceMethod?: 'GET' | 'POST' | undefined;
  readonly waitUrl?: string | undefined;
  readonly waitMethod?: 'GET' | 'POST' | undefined;
  readonly beepOnExit?: boolean | undefined;
  readonly endConferenceOnExit?: boolean | undefined;
  /** False: is heard by all again. */
  readonly coaching?: boolean | undefined;
  readonly callSidToCoach?: string | undefined;
}

export interface Announcement {
  readonly url: string;
  readonly method: 'GET' | 'POST';
}

export type ConferenceInput =
  | { readonly kind: 'join'; readonly party: PartyAt; readonly options: ParticipantOptions; readonly at: number }
  /** It has gone by itself. `callStatus`: of its call now. */
  | { readonly kind: 'leave'; readonly callSid: string; readonly reason: LeaveReason; readonly callStatus: string }
  | { readonly kind: 'update'; readonly callSid: string; readonly change: ParticipantChange }
  | { readonly kind: 'kick'; readonly callSid: string }
  | { readonly kind: 'announce'; readonly announcement: Announcement }
  | { readonly kind: 'announced'; readonly url: string; readonly problem: string | undefined }
  | { readonly kind: 'end' }
  | { readonly kind: 'talking'; readonly callSid: string; readonly talking: boolean }
  /** Its audio is lost. */
  | { readonly kind: 'media-failed'; readonly callSid: string; readonly message: string }
  | { readonly kind: 'node-left'; readonly node: string };

/** What a participant's call is told. */
export type ConferenceNews =
  /** `mixed` false: it waits for the conference to start. */
  | {
      readonly kind: 'joined';
      readonly conferenceSid: string;
      readonly mixed: boolean;
      readonly muted: boolean;
      readonly startConferenceOnEnter: boolean;
    }
  | { readonly kind: 'started' }
  | { readonly kind: 'wait'; readonly url: string; readonly method: 'GET' | 'POST' }
  | { readonly kind: 'held'; readonly url: string | undefined; readonly method: 'GET' | 'POST' }
  | { readonly kind: 'unheld' }
  | { readonly kind: 'announce'; readonly url: string; readonly method: 'GET' | 'POST' }
  /** It is no participant any more. */
  | { readonly kind: 'removed'; readonly reason: LeaveReason }
  /** It did not become one. */
  | { readonly kind: 'refused'; readonly reason: 'full' | 'failed'; readonly message: string };

type ConferenceEvent = {
  [N in ConferenceEventName]: {
    readonly kind: 'emit';
    readonly type: `conference.${N}`;
    readonly data: EventData<`conference.${N}`>;
  };
}[ConferenceEventName];

export type ConferenceEffect =
  | { readonly kind: 'tell'; readonly party: PartyAt; readonly news: ConferenceNews }
  | { readonly kind: 'mix-add'; readonly party: PartyAt; readonly settings: MixSettings }
  | { readonly kind: 'mix-set'; readonly callSid: string; readonly change: Partial<MixSettings> }
  | { readonly kind: 'mix-remove'; readonly callSid: string }
  | { readonly kind: 'beep'; readonly which: 'enter' | 'exit' }
  | { readonly kind: 'announce'; readonly announcement: Announcement }
  /** Until the end. `callSid`: who joined first of those that are there. */
  | { readonly kind: 'record'; readonly callSid: string; readonly wish: RecordWish }
  | ConferenceEvent
  /** The runner adds the Timestamp. */
  | {
      readonly kind: 'callback';
      readonly url: string;
      readonly method: 'GET' | 'POST';
      readonly params: Readonly<Record<string, string>>;
    }
  /** Nobody is left; nothing follows. */
  | { readonly kind: 'closed' };

/** What a call asks of conferences. */
export type ConferenceCommand =
  | { readonly do: 'join'; readonly name: string; readonly options: ParticipantOptions }
  | { readonly do: 'leave'; readonly reason: LeaveReason };
