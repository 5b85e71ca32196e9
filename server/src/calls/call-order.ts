import { z } from 'zod';

const url = z.string().max(4096);
const method = z.enum(['GET', 'POST']);
const target = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('client'), identity: z.string(), parameters: z.record(z.string(), z.string()) }),
  z.object({ kind: z.literal('number'), number: z.string(), sendDigits: z.string().optional() }),
  z.object({
    kind: z.literal('sip'),
    uri: z.string(),
    username: z.string().optional(),
    password: z.string().optional(),
    /** In the place of `password` while it waits. */
    sealedPassword: z.string().optional(),
    headers: z.array(z.tuple([z.string(), z.string()])),
  }),
]);
const application = z.object({
  applicationSid: z.string().optional(),
  voice: z.object({ url, method }),
  fallback: z.object({ url, method }).optional(),
  statusCallback: z
    .object({ url, method, events: z.array(z.enum(['initiated', 'ringing', 'answered', 'completed'])) })
    .optional(),
});

/** A call to place, as it waits in the store of call requests. */
export const callOrderSchema = z.object({
  from: z.string(),
  to: z.string(),
  target,
  application,
  /** TwiML that runs in place of the application's URL. */
  document: z.string().optional(),
  /** Ringing time, milliseconds. */
  timeoutMs: z.number(),
  /** Recorded from the answer on. */
  record: z
    .object({
      channels: z.enum(['mono', 'dual']),
      track: z.enum(['both', 'inbound', 'outbound']),
      trim: z.boolean(),
      callback: z.object({ url, method, events: z.array(z.enum(['in-progress', 'completed', 'absent'])) }).optional(),
    })
    .optional(),
  /** Who answers is found out. Times in milliseconds. */
  machineDetection: z
    .object({
      options: z.object({
        mode: z.enum(['enable', 'message-end']),
        timeoutMs: z.number(),
        speechThresholdMs: z.number(),
        speechEndThresholdMs: z.number(),
        silenceTimeoutMs: z.number(),
      }),
      /** The instructions do not wait for it. */
      background: z.object({ callback: z.object({ url, method }).optional() }).optional(),
    })
    .optional(),
  /** From the answer on, milliseconds. */
  timeLimitMs: z.number().optional(),
});
export type CallOrder = z.infer<typeof callOrderSchema>;
