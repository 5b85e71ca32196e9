import { z } from 'zod';
import { eventSchema, filterSchema, positionSchema } from '@hookswitch/shared';

/** Events with the same key reach the receiver one after another; others do not wait for them. */
export const orderBySchema = z.enum(['topic', 'subject', 'none']);

/** Why nothing is sent. */
export const pauseSchema = z.object({
  reason: z.enum(['requested', 'gone', 'failing']).describe('gone: the receiver answered 410'),
  at: z.number(),
  detail: z.string(),
});

export const webhookSchema = z.object({
  sid: z.string(),
  accountSid: z.string(),
  name: z.string(),
  url: z.string(),
  /** Normalised patterns. */
  topics: z.array(z.string()),
  filter: filterSchema.optional(),
  batchEvents: z.number().int(),
  batchWindowMs: z.number().int(),
  orderBy: orderBySchema,
  /** Sealed; the context is the sid. */
  sealedSecret: z.string(),
  pause: pauseSchema.optional(),
  /** When dead letters were to be sent again, the last time. Epoch milliseconds, as the other times. */
  redriveAt: z.number().optional(),
  createdAt: z.number(),
  updatedAt: z.number(),
});

/** How far a sink has come. */
export const cursorSchema = z.object({
  /** Everything up to here was taken by the receiver, or is a dead letter. */
  position: positionSchema,
  /** Of the shard's holder that wrote it: an older one must not write any more. */
  fence: z.number(),
  /** Since when nothing has been taken, epoch milliseconds. */
  failingSince: z.number().optional(),
});

/** An event that the receiver did not take. */
export const deadLetterSchema = z.object({
  id: z.string(),
  topic: z.string(),
  position: positionSchema,
  event: eventSchema.loose(),
  at: z.number(),
  attempts: z.number(),
  problem: z.string(),
});

export type Webhook = z.infer<typeof webhookSchema>;
export type WebhookPause = z.infer<typeof pauseSchema>;
export type SinkCursor = z.infer<typeof cursorSchema>;
export type DeadLetter = z.infer<typeof deadLetterSchema>;
