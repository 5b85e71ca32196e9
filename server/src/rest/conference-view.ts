import { z } from 'zod';
import type { ConferenceRecord, ParticipantRecord } from '../records/index.ts';
import { rfc2822 } from './dates.ts';

export const conferenceStatusSchema = z.enum(['init', 'in-progress', 'completed']);
export const conferenceSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    api_version: z.literal('2010-04-01'),
    friendly_name: z.string(),
    region: z.string(),
    status: conferenceStatusSchema,
    date_created: z.string(),
    date_updated: z.string(),
    reason_conference_ended: z.string().nullable(),
    call_sid_ending_conference: z.string().nullable(),
    uri: z.string(),
    subresource_uris: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Conference' });
export const participantSchema = z
  .object({
    account_sid: z.string(),
    call_sid: z.string(),
    conference_sid: z.string(),
    label: z.string().nullable(),
    muted: z.boolean(),
    hold: z.boolean(),
    coaching: z.boolean(),
    call_sid_to_coach: z.string().nullable(),
    start_conference_on_enter: z.boolean(),
    end_conference_on_exit: z.boolean(),
    status: z.enum(['queued', 'connecting', 'ringing', 'connected', 'complete', 'failed']),
    queue_time: z.string(),
    date_created: z.string(),
    date_updated: z.string(),
    uri: z.string(),
  })
  .meta({ id: 'Participant' });

export function conferenceView(conference: ConferenceRecord): z.input<typeof conferenceSchema> {
  const { sid, accountSid, name, status, createdAt, updatedAt, reason, endedBy } = conference;
  const base = `/2010-04-01/Accounts/${accountSid}/Conferences/${sid}`;
  return {
    sid,
    account_sid: accountSid,
    api_version: '2010-04-01',
    friendly_name: name,
    region: 'us1',
    status,
    date_created: rfc2822(createdAt),
    date_updated: rfc2822(updatedAt),
    reason_conference_ended: reason,
    call_sid_ending_conference: endedBy,
    uri: `${base}.json`,
    subresource_uris: { participants: `${base}/Participants.json`, recordings: `${base}/Recordings.json` },
  };
}

export function participantView(
  participant: Omit<ParticipantRecord, 'leftAt'>,
  status: z.input<typeof participantSchema>['status'] = 'connected',
): z.input<typeof participantSchema> {
  const { accountSid, conferenceSid, sid } = participant;
  return {
    account_sid: accountSid,
    call_sid: sid,
    conference_sid: conferenceSid,
    label: participant.label,
    muted: participant.muted,
    hold: participant.hold,
    coaching: participant.coaching,
    call_sid_to_coach: participant.callSidToCoach,
    start_conference_on_enter: participant.startConferenceOnEnter,
    end_conference_on_exit: participant.endConferenceOnExit,
    status,
    queue_time: '0',
    date_created: rfc2822(participant.createdAt),
    date_updated: rfc2822(participant.updatedAt),
    uri: `/2010-04-01/Accounts/${accountSid}/Conferences/${conferenceSid}/Participants/${sid}.json`,
  };
}
