import { z } from 'zod';
import { flag, httpMethod, urlReference, whole, wordList } from './attributes.ts';
import { readAttributes, reportStrangers, schemaProblem, textOf } from './element.ts';
import type { ReportTwimlProblem, TwimlElement } from './element.ts';
import { recordingCallbackAttributes, trimming } from './recording.ts';

/** Steps of a conference that its status callback can report. */
export const CONFERENCE_EVENTS = [
  'start',
  'end',
  'join',
  'leave',
  'mute',
  'hold',
  'modify',
  'speaker',
  'announcement',
] as const;

const BEEPS = { true: 'true', false: 'false', onenter: 'onEnter', onexit: 'onExit' } as const;

/** `<Conference>` in Dial: a room of the account in which all hear each other. */
export const conferenceAttributes = z.object({
  muted: flag.default(false).describe('hears and is not heard'),
  beep: z
    .string()
    .trim()
    .toLowerCase()
    .pipe(z.enum(['true', 'false', 'onenter', 'onexit'], 'expected true, false, onEnter or onExit'))
    .transform((word) => BEEPS[word])
    .default('true'),
  startConferenceOnEnter: flag.default(true),
  endConferenceOnExit: flag.default(false),
  waitUrl: urlReference
    .optional()
    .describe('instructions until the conference starts (default: music); empty: silence'),
  waitMethod: httpMethod.default('POST'),
  maxParticipants: whole(2, 250).default(250),
  record: z.enum(['do-not-record', 'record-from-start'], 'expected do-not-record or record-from-start').optional(),
  trim: trimming.default('trim-silence'),
  coach: z.string().trim().max(64).optional().describe('CallSid of the only participant who hears this one'),
  participantLabel: z.string().trim().max(128).optional(),
  region: z.string().optional().describe('has no effect: it is mixed where its owner is'),
  jitterBufferSize: z
    .enum(['off', 'small', 'medium', 'large'], 'expected off, small, medium or large')
    .optional()
    .describe('has no effect: 40 ms, more when packets come late'),
  statusCallback: urlReference.optional(),
  statusCallbackMethod: httpMethod.default('POST'),
  statusCallbackEvent: wordList(CONFERENCE_EVENTS).default(['start', 'end']),
  ...recordingCallbackAttributes,
  eventCallbackUrl: urlReference.optional().describe('told when the recording of the conference is there'),
  recordingConfigurationId: z.string().optional().describe('has no effect'),
});
export type ConferenceNoun = {
  readonly noun: 'Conference';
  readonly name: string;
} & z.output<typeof conferenceAttributes>;

/** Longest name of a conference, characters. */
const MAX_NAME = 128;

export function readConference(element: TwimlElement, report: ReportTwimlProblem): ConferenceNoun | undefined {
  reportStrangers(element, [], report);
  const name = textOf(element);
  if (name !== '' && name.length <= MAX_NAME) {
    return { noun: 'Conference', name, ...readAttributes(element, conferenceAttributes, report) };
  }
  report(schemaProblem(element, `needs a name of at most ${MAX_NAME} characters and was skipped`));
  return undefined;
}
