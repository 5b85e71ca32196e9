import { z } from 'zod';
import type { CallRecord } from '../records/index.ts';
import type { Directory } from '../tenants/index.ts';
import { rfc2822 } from './dates.ts';
import type { QueuePlace } from './queue-places.ts';

export const callStatusSchema = z.enum([
  'queued',
  'ringing',
  'in-progress',
  'completed',
  'busy',
  'failed',
  'no-answer',
  'canceled',
]);
export const callSchema = z
  .object({
    sid: z.string(),
    date_created: z.string().nullable(),
    date_updated: z.string().nullable(),
    parent_call_sid: z.string().nullable(),
    account_sid: z.string(),
    to: z.string(),
    to_formatted: z.string(),
    from: z.string(),
    from_formatted: z.string(),
    phone_number_sid: z.string().nullable(),
    status: callStatusSchema,
    start_time: z.string().nullable(),
    end_time: z.string().nullable(),
    duration: z.string().nullable().describe('Seconds, of a call that was answered and is over'),
    price: z.null(),
    price_unit: z.string(),
    direction: z.string(),
    answered_by: z.string().nullable(),
    api_version: z.literal('2010-04-01'),
    forwarded_from: z.string().nullable(),
    group_sid: z.null(),
    caller_name: z.null(),
    queue_time: z.string().nullable().describe('Milliseconds that it waited to be dialled'),
    queue_position: z
      .number()
      .int()
      .nullable()
      .describe('Extension: of a call that waits to be dialled: 1 is the next one of its account'),
    estimated_start: z
      .string()
      .nullable()
      .describe('Extension: when a call that waits is likely to be dialled, at the present pace; null: not known'),
    trunk_sid: z.string().nullable(),
    uri: z.string(),
    subresource_uris: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Call' });

/** @param place of a call that waits */
export function callView(call: CallRecord, directory: Directory, place?: QueuePlace): z.input<typeof callSchema> {
  const base = `/2010-04-01/Accounts/${call.accountSid}/Calls/${call.sid}`;
  const number = directory.numberByE164(call.direction === 'inbound' ? call.to : call.from);
  const shown = (time: string | null): string | null => (time === null ? null : rfc2822(time));
  return {
    sid: call.sid,
    date_created: rfc2822(call.createdAt),
    date_updated: rfc2822(call.updatedAt),
    parent_call_sid: call.parentCallSid,
    account_sid: call.accountSid,
    to: call.to,
    to_formatted: formatted(call.to),
    from: call.from,
    from_formatted: formatted(call.from),
    phone_number_sid: number?.accountSid === call.accountSid ? number.sid : null,
    status: call.status,
    start_time: shown(call.startTime),
    end_time: shown(call.endTime),
    duration: call.endTime === null ? null : String(call.duration ?? 0),
    price: null,
    price_unit: 'USD',
    direction: call.direction,
    answered_by: call.answeredBy,
    api_version: '2010-04-01',
    forwarded_from: call.forwardedFrom,
    group_sid: null,
    caller_name: null,
    queue_time: call.queueTimeMs === null ? null : String(call.queueTimeMs),
    queue_position: place?.position ?? null,
    estimated_start: place?.startsAt === undefined ? null : rfc2822(new Date(place.startsAt).toISOString()),
    trunk_sid: call.trunkSid,
    uri: `${base}.json`,
    subresource_uris: {
      notifications: `${base}/Notifications.json`,
      recordings: `${base}/Recordings.json`,
      events: `${base}/Events.json`,
      streams: `${base}/Streams.json`,
      transcriptions: `${base}/Transcriptions.json`,
      user_defined_messages: `${base}/UserDefinedMessages.json`,
      user_defined_message_subscriptions: `${base}/UserDefinedMessageSubscriptions.json`,
    },
  };
}

/** Numbers of North America as people there write them. */
export function formatted(party: string): string {
  if (party.length !== 12 || !party.startsWith('+1')) return party;
  return party.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '($1) $2-$3');
}
