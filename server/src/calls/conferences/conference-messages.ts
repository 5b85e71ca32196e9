import { z } from 'zod';
import type { ConferenceNews, ParticipantChange } from './conference-io.ts';
import type { ParticipantOptions, RecordWish } from './conference-state.ts';

/** Methods between nodes. `command`: to the owner of a conference. `news`: to the node of a participant's call. */
export const CONFERENCE_RPC = { command: 'conference-command', news: 'conference-news' } as const;

const method = z.enum(['GET', 'POST']);
const party = z.object({ callSid: z.string(), node: z.string() });
const record: z.ZodType<RecordWish> = z.object({
  trim: z.boolean(),
  eventUrl: z.string().optional(),
  callback: z
    .object({ url: z.string(), method, events: z.array(z.enum(['in-progress', 'completed', 'absent'])) })
    .optional(),
}) as z.ZodType<RecordWish>;
const options: z.ZodType<ParticipantOptions> = z.object({
  label: z.string().optional(),
  muted: z.boolean(),
  beep: z.enum(['true', 'false', 'onEnter', 'onExit']),
  startConferenceOnEnter: z.boolean(),
  endConferenceOnExit: z.boolean(),
  maxParticipants: z.number(),
  coach: z.string().optional(),
  callback: z
    .object({
      url: z.string(),
      method,
      events: z.array(z.enum(['start', 'end', 'join', 'leave', 'mute', 'hold', 'modify', 'speaker', 'announcement'])),
    })
    .optional(),
  record: record.optional(),
});
const leaveReason = z.enum([
  'participant-hung-up',
  'participant-updated-via-api',
  'participant-kicked',
  'participant-lost',
  'conference-ended',
]);
const change: z.ZodType<ParticipantChange> = z.object({
  muted: z.boolean().optional(),
  hold: z.boolean().optional(),
  holdUrl: z.string().optional(),
  holdMethod: method.optional(),
  announceUrl: z.string().optional(),
  announceMethod: method.optional(),
  waitUrl: z.string().optional(),
  waitMethod: method.optional(),
  beepOnExit: z.boolean().optional(),
  endConferenceOnExit: z.boolean().optional(),
  coaching: z.boolean().optional(),
  callSidToCoach: z.string().optional(),
});

const of = { accountSid: z.string(), conferenceSid: z.string() };
export const conferenceCommandSchema = z.discriminatedUnion('do', [
  z.object({ ...of, do: z.literal('join'), name: z.string(), createdAt: z.number(), party, options }),
  z.object({ ...of, do: z.literal('leave'), callSid: z.string(), reason: leaveReason, callStatus: z.string() }),
  z.object({ ...of, do: z.literal('read') }),
  z.object({ ...of, do: z.literal('end'), announceUrl: z.string().optional(), announceMethod: method.optional() }),
  z.object({ ...of, do: z.literal('announce'), url: z.string(), method }),
  z.object({ ...of, do: z.literal('update'), participant: z.string(), change }),
  z.object({ ...of, do: z.literal('kick'), participant: z.string() }),
  z.object({
    ...of,
    do: z.literal('recording'),
    /** Left out: the latest. */
    recordingSid: z.string().optional(),
    change: z.enum(['pause', 'pause-skip', 'resume', 'stop']),
  }),
  z.object({
    ...of,
    do: z.literal('start-recording'),
    trim: z.boolean(),
    callback: z
      .object({ url: z.string(), method, events: z.array(z.enum(['in-progress', 'completed', 'absent'])) })
      .optional(),
  }),
]);
export type ConferenceRequest = z.infer<typeof conferenceCommandSchema>;

const participantSchema = z.object({
  callSid: z.string(),
  label: z.string().optional(),
  muted: z.boolean(),
  hold: z.boolean(),
  coaching: z.boolean(),
  callSidToCoach: z.string().optional(),
  startConferenceOnEnter: z.boolean(),
  endConferenceOnExit: z.boolean(),
  joinedAt: z.number(),
});
const conferenceSchema = z.object({
  conferenceSid: z.string(),
  friendlyName: z.string(),
  status: z.enum(['init', 'in-progress', 'completed']),
  createdAt: z.number(),
  participants: z.array(participantSchema),
});

export const conferenceReplySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), conference: conferenceSchema, recordingSid: z.string().optional() }),
  z.object({
    ok: z.literal(false),
    reason: z.enum(['no-such-conference', 'no-such-participant', 'no-such-recording', 'unavailable']),
  }),
]);
export type ConferenceReply = z.infer<typeof conferenceReplySchema>;

const news: z.ZodType<ConferenceNews> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('joined'),
    conferenceSid: z.string(),
    mixed: z.boolean(),
    muted: z.boolean(),
    startConferenceOnEnter: z.boolean(),
  }),
  z.object({ kind: z.literal('started') }),
  z.object({ kind: z.literal('wait'), url: z.string(), method }),
  z.object({ kind: z.literal('held'), url: z.string().optional(), method }),
  z.object({ kind: z.literal('unheld') }),
  z.object({ kind: z.literal('announce'), url: z.string(), method }),
  z.object({ kind: z.literal('removed'), reason: leaveReason }),
  z.object({ kind: z.literal('refused'), reason: z.enum(['full', 'failed']), message: z.string() }),
]) as z.ZodType<ConferenceNews>;
export const conferenceNewsSchema = z.object({ callSid: z.string(), news });
