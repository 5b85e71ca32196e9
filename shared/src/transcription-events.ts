import { z } from 'zod';

// Events of transcriptions in real time: their schemas, by type.

const transcription = {
  transcriptionSid: z.string(),
  callSid: z.string().describe('the leg whose audio it is'),
  name: z.string().describe('empty: it has none'),
  tracks: z.array(z.enum(['inbound', 'outbound'])),
  language: z.string(),
};

export const transcriptionEventSchemas = {
  'transcription.started': z.object(transcription),
  'transcription.content': z.object({
    ...transcription,
    track: z.enum(['inbound', 'outbound']).describe('inbound: what the party of the leg says; outbound: what it hears'),
    text: z.string(),
    confidence: z.number().describe('0 to 1').optional(),
    final: z.boolean().describe('false: what was understood so far'),
  }),
  'transcription.stopped': z.object(transcription),
  'transcription.failed': z
    .object({ ...transcription, code: z.number(), message: z.string() })
    .describe('it goes on no more'),
} as const satisfies Record<string, z.ZodType>;
