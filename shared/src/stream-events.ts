import { z } from 'zod';

// Events of media streams: their schemas, by type.

const stream = {
  streamSid: z.string(),
  callSid: z.string().describe('the leg whose audio it is'),
  name: z.string().describe('empty: it has none'),
  url: z.string().describe('without its query, which may hold secrets'),
  tracks: z.array(z.enum(['inbound', 'outbound'])),
  bidirectional: z.boolean().describe('the application is heard by the party of the leg'),
};
const problem = {
  code: z.number().describe('319xx, see docs/media-streams.md'),
  message: z.string(),
};

export const streamEventSchemas = {
  'stream.started': z.object(stream).describe("the application's server took the connection"),
  'stream.warning': z.object({ ...stream, ...problem }).describe('something was ignored or left out; it goes on'),
  'stream.stopped': z
    .object({
      ...stream,
      by: z.enum(['application', 'call']).describe('call: it was stopped, or the leg ended'),
      durationSeconds: z.number().describe('0: the connection never was'),
    })
    .describe('the last event of a stream that did not fail'),
  'stream.failed': z
    .object({ ...stream, ...problem, durationSeconds: z.number() })
    .describe('the connection could not be had, or was lost'),
} as const satisfies Record<string, z.ZodType>;
