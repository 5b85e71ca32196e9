import { z } from 'zod';

/** Who takes part in a call, a column of its ladder. */
export const tracePartySchema = z.object({
  id: z.string(),
  kind: z.enum(['sip', 'hookswitch', 'application', 'client']),
  label: z.string().describe('address, host or identity'),
  note: z.string().optional().describe('what tells it from others with this label, such as the number'),
});
export type TraceParty = z.infer<typeof tracePartySchema>;

/** One step of a call: an arrow between two parties, or a note on one of them (no `to`). */
export const traceEntrySchema = z.object({
  kind: z.enum(['sip', 'http', 'event', 'media', 'gap']),
  offsetMs: z.number().describe('since the first entry, with a fraction'),
  from: z.string().describe('id of a party'),
  to: z.string().optional().describe('id of a party'),
  title: z.string().describe('method, status line or event type'),
  summary: z.string().describe('what matters in a line; may be empty'),
  failed: z.boolean().optional(),
  detail: z.string().optional().describe('the whole message, secrets masked'),
  repeats: z.number().optional().describe('times it was seen, retransmissions included, when more than once'),
});
export type TraceEntry = z.infer<typeof traceEntrySchema>;

/** A line of the list of recent calls. */
export const traceHeadSchema = z.object({
  id: z.string().describe('CallSid of the first leg; the SIP Call-ID of an exchange that became no call'),
  accountSid: z.string().optional(),
  callSids: z.array(z.string()).describe('of all legs, the first leg first'),
  title: z.string().describe('"inbound", "outbound-api"..., or the SIP method of what became no call'),
  from: z.string(),
  to: z.string(),
  status: z.string().describe('final status of the first leg, "in-progress" before it'),
  startedAt: z.number().describe('epoch milliseconds'),
  durationMs: z.number().describe('first to last entry'),
  live: z.boolean(),
  bytes: z.number().describe('memory that it takes'),
});
export type TraceHead = z.infer<typeof traceHeadSchema>;

/** Everything that is known of a call, its legs together. */
export const callTraceSchema = traceHeadSchema.extend({
  parties: z.array(tracePartySchema).describe('columns, left to right'),
  entries: z.array(traceEntrySchema),
});
export type CallTrace = z.infer<typeof callTraceSchema>;

export const traceListSchema = z.object({ calls: z.array(traceHeadSchema) });
