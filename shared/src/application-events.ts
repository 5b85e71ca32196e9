import { z } from 'zod';

/** Events of requests to application servers, and of what they do by other ways. */
export const applicationEventSchemas = {
  'call.exchange': z
    .object({
      callSid: z.string().describe('call, conference or queue that the request was for'),
      purpose: z
        .enum(['instructions', 'callback', 'stream'])
        .describe('callback: nobody waits for what it answers; stream: an upgrade request'),
      method: z.string(),
      url: z.string().describe('without user name, password and fragment, and without the parameters of a GET'),
      params: z.record(z.string(), z.string()).describe('values that are longer than 1,024 characters are cut'),
      idempotencyToken: z.string().describe('the same for every attempt at one request'),
      status: z.number().optional().describe('absent: nobody answered'),
      durationMs: z.number(),
      contentType: z.string().optional(),
      body: z.string().optional().describe('the first 4,096 characters; of redirects and errors nothing'),
      bodyTruncated: z.boolean().optional(),
      location: z.string().optional().describe('where a redirect leads'),
      problem: z.string().optional(),
      code: z.number().optional().describe('of the problem, as in call.instructions-failed'),
    })
    .describe('one HTTP request to an application server; redirects and repeated attempts each on their own'),
  'link.visited': z
    .object({
      linkSid: z.string(),
      from: z.string(),
      to: z.string(),
      callSid: z.string().optional(),
      url: z.string().describe('where the visitor was sent'),
      webSession: z.string().describe('of the browser: the same for all its visits'),
      at: z.string().describe('RFC 3339'),
    })
    .describe('somebody followed a tracking link'),
} as const;
