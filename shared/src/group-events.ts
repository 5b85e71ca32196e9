import { z } from 'zod';

// Events of conferences and queues: their schemas, by the part of the type behind the first dot.

const conference = {
  conferenceSid: z.string(),
  friendlyName: z.string(),
  sequence: z.number().describe('gapless per conference, from 1'),
};
const participant = {
  ...conference,
  callSid: z.string(),
  label: z.string().optional(),
  muted: z.boolean(),
  hold: z.boolean(),
  coaching: z.boolean(),
  callSidToCoach: z.string().optional(),
  startConferenceOnEnter: z.boolean(),
  endConferenceOnExit: z.boolean(),
};
const announcement = { ...conference, url: z.string() };

const conferenceSchemas = {
  started: z.object(conference).describe('two participants at least, one of whom starts it: they hear each other'),
  ended: z
    .object({
      ...conference,
      sequence: conference.sequence.optional(),
      reason: z.enum([
        'conference-ended-via-api',
        'participant-with-end-conference-on-exit-left',
        'participant-with-end-conference-on-exit-kicked',
        'last-participant-kicked',
        'last-participant-left',
        'node-lost',
      ]),
      callSidEndingConference: z.string().optional(),
    })
    .describe(
      'the last event of a conference, whether it had started or not; node-lost: its node died, others tell it',
    ),
  'participant-joined': z.object(participant).describe('the first one of a conference creates it'),
  'participant-left': z.object({
    ...participant,
    reason: z.enum([
      'participant-hung-up',
      'participant-updated-via-api',
      'participant-kicked',
      'participant-lost',
      'conference-ended',
    ]),
    callStatus: z.string().describe('of its call at that time'),
  }),
  'participant-muted': z.object(participant),
  'participant-unmuted': z.object(participant),
  'participant-held': z.object(participant),
  'participant-unheld': z.object(participant),
  'participant-modified': z.object(participant),
  'participant-speech-started': z.object(participant),
  'participant-speech-stopped': z.object(participant),
  'announcement-ended': z.object(announcement),
  'announcement-failed': z.object({ ...announcement, message: z.string() }),
} as const;
export type ConferenceEventName = keyof typeof conferenceSchemas;

const queue = { queueSid: z.string(), friendlyName: z.string() };
const member = {
  ...queue,
  callSid: z.string(),
  currentSize: z.number().describe('calls that wait after this'),
  waitSeconds: z.number().describe('time that this one has waited'),
};
const queueSchemas = {
  created: z.object({ ...queue, maxSize: z.number() }),
  updated: z.object({ ...queue, maxSize: z.number() }),
  deleted: z.object(queue),
  'member-joined': z.object({ ...member, position: z.number().describe('from 1'), priority: z.number() }),
  'member-left': z.object({
    ...member,
    reason: z.enum(['dequeued', 'redirected', 'left', 'hung-up', 'lost']),
    dequeuedBy: z.string().optional().describe('CallSid of the agent'),
  }),
  'member-bridged': z.object({ ...queue, callSid: z.string(), agentCallSid: z.string(), waitSeconds: z.number() }),
} as const;
export type QueueEventName = keyof typeof queueSchemas;

type Prefixed<P extends string, T extends Record<string, unknown>> = { [K in keyof T & string as `${P}.${K}`]: T[K] };

function prefixed<P extends string, T extends Record<string, unknown>>(prefix: P, schemas: T): Prefixed<P, T> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [`${prefix}.${name}`, schema])) as Prefixed<
    P,
    T
  >;
}

/** Schema of each event type's `data`. */
export const groupEventSchemas = { ...prefixed('conference', conferenceSchemas), ...prefixed('queue', queueSchemas) };
