import { z } from 'zod';

// Events of recordings: their schemas, by type.

const recording = {
  recordingSid: z.string(),
  callSid: z.string().describe('the leg that is recorded'),
  conferenceSid: z.string().optional().describe('of a recording of a conference'),
  source: z
    .enum([
      'RecordVerb',
      'DialVerb',
      'StartCallRecordingTwiML',
      'StartCallRecordingAPI',
      'OutboundAPI',
      'Conference',
      'StartConferenceRecordingAPI',
      'StartConferenceRecordingAPI',
    ])
    .describe('who asked for it'),
  channels: z.number().describe('2: what the party of the leg says, and what it hears, on channels of their own'),
  track: z.enum(['both', 'inbound', 'outbound']),
  startedAt: z.number().describe('epoch milliseconds'),
};

export const recordingEventSchemas = {
  'recording.started': z.object(recording),
  'recording.paused': z.object(recording),
  'recording.resumed': z.object(recording),
  'recording.completed': z
    .object({
      ...recording,
      durationSeconds: z.number(),
      bytes: z.number().describe('size of the WAV file'),
      recovered: z.boolean().optional().describe('its process died: what was written until then is kept'),
    })
    .describe('it is stored'),
  'recording.absent': z.object(recording).describe('there was nothing to record: nothing is kept'),
  'recording.failed': z.object({ ...recording, message: z.string() }).describe('it is lost'),
  'recording.transcribed': z.object({
    ...recording,
    transcriptionSid: z.string(),
    status: z.enum(['completed', 'failed']),
    text: z.string(),
    message: z.string().optional().describe('why it failed'),
  }),
} as const satisfies Record<string, z.ZodType>;
