import { z } from 'zod';
import { callFacts } from './call-facts.ts';

// Events of what is played into a call beside its instructions: their schemas, by type.

const announcement = { ...callFacts, announcementSid: z.string() };

export const announcementEventSchemas = {
  'call.announcement-started': z
    .object({ ...announcement, legs: z.array(z.string()).describe('who hears it, by CallSid') })
    .describe('played by REST over what the leg hears: its peer and its verb go on beneath it'),
  'call.announcement-ended': z.object({
    ...announcement,
    result: z.enum(['finished', 'stopped', 'failed']).describe('of the last leg that heard it'),
    message: z.string().optional().describe('why it failed'),
  }),
} as const satisfies Record<string, z.ZodType>;
