import type { ConferenceEventName } from '@hookswitch/shared';
import type { RecordingCallback } from '../ports.ts';

/** Steps of a conference that a status callback can be asked to tell, as the attribute names them. */
export type CallbackWish = 'start' | 'end' | 'join' | 'leave' | 'mute' | 'hold' | 'modify' | 'speaker' | 'announcement';

export interface ConferenceCallback {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly events: readonly CallbackWish[];
}

/** How a conference is recorded, from its start to its end. */
export interface RecordWish {
  /** Silence at the beginning and the end is left out. */
  readonly trim: boolean;
  readonly callback: RecordingCallback | undefined;
  /** Told once, when it is safe (`eventCallbackUrl`). */
  readonly eventUrl?: string | undefined;
}

export type Beep = 'true' | 'false' | 'onEnter' | 'onExit';

/** What a participant joins with: the attributes of `<Conference>`. */
export interface ParticipantOptions {
  readonly label?: string | undefined;
  readonly muted: boolean;
  readonly beep: Beep;
  readonly startConferenceOnEnter: boolean;
  readonly endConferenceOnExit: boolean;
  readonly maxParticipants: number;
  /** CallSid of the participant that it coaches: the only one who hears it. */
  readonly coach?: string | undefined;
  /** The first one given to a conference is that conference's. */
  readonly callback?: ConferenceCallback | undefined;
  /** The first wish given to a conference counts. */
  readonly record?: RecordWish | undefined;
}

export interface Participant extends Omit<ParticipantOptions, 'maxParticipants' | 'callback' | 'record'> {
  readonly callSid: string;
  /** Where its leg is. */
  readonly node: string;
  readonly held: boolean;
  readonly talking: boolean;
  /** Epoch milliseconds. */
  readonly joinedAt: number;
}

/** Why somebody is a participant no more. */
export type LeaveReason =
  | 'participant-hung-up'
  | 'participant-updated-via-api'
  | 'participant-kicked'
  | 'participant-lost'
  | 'conference-ended';

/** The words of the 2010 API, and `conference-failed` where it has none. */
export type ConferenceEndReason =
  | 'conference-ended-via-api'
  | 'participant-with-end-conference-on-exit-left'
  | 'participant-with-end-conference-on-exit-kicked'
  | 'last-participant-kicked'
  | 'last-participant-left';

/**
 *     init --two participants, one of whom starts it--> in-progress --ended--> completed       init may end too
 */
export interface ConferenceState {
  readonly sid: string;
  readonly accountSid: string;
  readonly name: string;
  readonly status: 'init' | 'in-progress' | 'completed';
  readonly participants: ReadonlyMap<string, Participant>;
  readonly callback: ConferenceCallback | undefined;
  readonly record: RecordWish | undefined;
  /** Number of the next event. */
  readonly sequence: number;
  /** SequenceNumber of the next callback. */
  readonly callbackSequence: number;
  readonly createdAt: number;
  readonly end: { readonly reason: ConferenceEndReason; readonly callSid: string | undefined } | undefined;
}

export function newConference(
  facts: Pick<ConferenceState, 'sid' | 'accountSid' | 'name' | 'createdAt'>,
): ConferenceState {
  return {
    ...facts,
    status: 'init',
    participants: new Map(),
    callback: undefined,
    record: undefined,
    sequence: 1,
    callbackSequence: 1,
    end: undefined,
  };
}

/** By CallSid or label. */
export function participantOf(state: ConferenceState, who: string): Participant | undefined {
  return state.participants.get(who) ?? [...state.participants.values()].find(({ label }) => label === who);
}

/** Which wish covers an event, and how its callback names it. */
export const CALLBACK_EVENTS: Readonly<Record<ConferenceEventName, readonly [CallbackWish, string]>> = {
  started: ['start', 'conference-start'],
  ended: ['end', 'conference-end'],
  'participant-joined': ['join', 'participant-join'],
  'participant-left': ['leave', 'participant-leave'],
  'participant-muted': ['mute', 'participant-mute'],
  'participant-unmuted': ['mute', 'participant-unmute'],
  'participant-held': ['hold', 'participant-hold'],
  'participant-unheld': ['hold', 'participant-unhold'],
  'participant-modified': ['modify', 'participant-modify'],
  'participant-speech-started': ['speaker', 'participant-speech-start'],
  'participant-speech-stopped': ['speaker', 'participant-speech-stop'],
  'announcement-ended': ['announcement', 'announcement-end'],
  'announcement-failed': ['announcement', 'announcement-fail'],
};
