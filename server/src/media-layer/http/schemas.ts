import { z } from 'zod';

const text = z.string().max(8192);
const tags = z.union([z.string().max(100), z.array(z.string().max(100)).max(16)]);

/** What is wanted: one of `url`, `text` or `ssml`, `upload`, `recording`; and in which form. */
export const resourceSchema = z.object({
  url: text.optional().describe('address of the source'),
  text: text.optional().describe('a text to be spoken'),
  ssml: text.optional().describe('the same as SSML'),
  upload: z.string().max(200).optional().describe('name of an upload'),
  recording: z.string().max(40).optional().describe('sid of a completed recording'),
  voice: z.string().max(100).optional().describe('man, woman, or a name'),
  language: z.string().max(40).optional().describe('of a text; of an address: sent as Accept-Language'),
  codec: z.enum(['pcmu', 'pcma', 'l16', 'opus']).default('pcmu'),
  rate: z.coerce
    .number()
    .default(8000)
    .describe('samples a second: 8000; 16000 and 48000 too with l16; 48000 with opus'),
  tag: tags
    .transform((given) => (typeof given === 'string' ? [given] : given))
    .optional()
    .describe('kept with the source, to purge by'),
});
export type ResourceQuery = z.infer<typeof resourceSchema>;

export const purgeSchema = z
  .strictObject({
    url: z.string().max(8192).describe('what was fetched from this address'),
    prefix: z.string().min(8).max(8192).describe('what was fetched from addresses that begin so'),
    tag: z.string().min(1).max(100).describe('what was asked for with this tag'),
    everything: z.literal(true).describe('uploads too'),
  })
  .partial()
  .refine((body) => Object.keys(body).length === 1, 'give one of url, prefix, tag, everything')
  .describe('one of its members');
export type Purge = z.infer<typeof purgeSchema>;

export const purgedSchema = z.object({ purged: z.int().describe('sources') });

const whole = z.int();
/** What is known of audio. */
export const infoSchema = z.object({
  address: z.string().nullable().describe('path and query of its immutable address; null: it is not kept'),
  digest: z.string().describe('SHA-256 of account, content, form and converter: its name and entity tag'),
  codec: z.string(),
  rate: whole,
  contentType: z.string(),
  bytes: whole,
  durationSeconds: z.number(),
  peakDb: z.number().nullable().describe('of the highest sample, dB below full scale; silence: -100; null: Opus'),
  rmsDb: z.number().nullable().describe('of the whole, dB below full scale: a sine at full scale has -3.01'),
  sha256: z.string().describe('of the audio, base64url'),
  sourceType: z.string().nullable().describe('media type of what it was made of, by its first bytes'),
  ageSeconds: z.number().describe('of the source'),
  storedAt: z.string().nullable(),
});

/** What is known of a recording. */
export const recordingInfoSchema = z.object({
  recordingSid: z.string(),
  callSid: z.string(),
  address: z.string().describe('path and query of its immutable address'),
  codec: z.literal('l16'),
  rate: z.literal(8000),
  channels: whole,
  contentType: z.literal('audio/wav'),
  bytes: whole,
  durationSeconds: z.number(),
  sha256: z.string().describe('of the WAV file, base64url'),
  ageSeconds: z.number().describe('since its end'),
  startedAt: z.string(),
});

export const uploadedSchema = infoSchema.extend({ name: z.string() });
