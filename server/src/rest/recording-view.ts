import { z } from 'zod';
import type { RecordingRecord, TranscriptionRecord } from '../records/index.ts';
import { rfc2822 } from './dates.ts';

export const recordingSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    api_version: z.literal('2010-04-01'),
    call_sid: z.string(),
    conference_sid: z.string().nullable(),
    channels: z.number().int(),
    source: z.string(),
    track: z.enum(['both', 'inbound', 'outbound']),
    status: z.enum(['in-progress', 'paused', 'stopped', 'processing', 'completed', 'absent', 'deleted']),
    error_code: z.number().int().nullable(),
    start_time: z.string(),
    duration: z.string().nullable().describe('Seconds'),
    date_created: z.string(),
    date_updated: z.string(),
    price: z.null(),
    price_unit: z.string(),
    encryption_details: z.null(),
    media_url: z.string(),
    uri: z.string(),
    subresource_uris: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Recording' });
export const transcriptionSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    api_version: z.literal('2010-04-01'),
    recording_sid: z.string(),
    status: z.enum(['in-progress', 'completed', 'failed']),
    transcription_text: z.string(),
    type: z.literal('fast'),
    duration: z.string().nullable(),
    date_created: z.string(),
    date_updated: z.string(),
    price: z.null(),
    price_unit: z.string(),
    uri: z.string(),
  })
  .meta({ id: 'Transcription' });

/** The audio could not be stored. */
const LOST = 12_400;

/** @param base scheme and authority of the server */
export function recordingView(recording: RecordingRecord, base: string): z.input<typeof recordingSchema> {
  const { sid, accountSid, status, durationMs } = recording;
  const path = `/2010-04-01/Accounts/${accountSid}/Recordings/${sid}`;
  return {
    sid,
    account_sid: accountSid,
    api_version: '2010-04-01',
    call_sid: recording.callSid,
    conference_sid: recording.conferenceSid,
    channels: recording.channels,
    source: recording.source,
    track: recording.track,
    status: status === 'failed' ? 'absent' : status,
    error_code: status === 'failed' ? LOST : null,
    start_time: rfc2822(recording.startTime),
    duration: durationMs === null ? null : String(Math.max(1, Math.round(durationMs / 1000))),
    date_created: rfc2822(recording.createdAt),
    date_updated: rfc2822(recording.updatedAt),
    price: null,
    price_unit: 'USD',
    encryption_details: null,
    media_url: `${base}${path}`,
    uri: `${path}.json`,
    subresource_uris: { transcriptions: `${path}/Transcriptions.json` },
  };
}

export function transcriptionView(record: TranscriptionRecord): z.input<typeof transcriptionSchema> {
  const { sid, accountSid, recordingSid, status, text, durationMs, createdAt } = record;
  return {
    sid,
    account_sid: accountSid,
    api_version: '2010-04-01',
    recording_sid: recordingSid,
    status,
    transcription_text: text,
    type: 'fast',
    duration: durationMs === null ? null : String(Math.round(durationMs / 1000)),
    date_created: rfc2822(createdAt),
    date_updated: rfc2822(createdAt),
    price: null,
    price_unit: 'USD',
    uri: `/2010-04-01/Accounts/${accountSid}/Transcriptions/${sid}.json`,
  };
}
