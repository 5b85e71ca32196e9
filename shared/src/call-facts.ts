import { z } from 'zod';

export const callDirectionSchema = z.enum(['inbound', 'outbound-api', 'outbound-dial']);
export type CallDirection = z.infer<typeof callDirectionSchema>;

/** What every event of a leg says of it. */
export const callFacts = {
  callSid: z.string(),
  parentCallSid: z.string().optional(),
  direction: callDirectionSchema,
  from: z.string().describe('E.164 number, client:identity or SIP URI'),
  to: z.string().describe('E.164 number, client:identity or SIP URI'),
  applicationSid: z.string().optional().describe('the application that runs the call'),
};
