import { z } from 'zod';
import { eventSchema } from './events.ts';
import { filterSchema } from './filter.ts';
import { HUB_LIMITS } from './limits.ts';
import { positionSchema } from './position.ts';

const id = z.number().int().nonnegative().describe('chosen by the client, returned in the answer to this command');
const topic = z.string().min(1).max(512);

/** Where a subscription begins in the past, when no position says so. One of the two, or the later of both. */
export const rewindSchema = z
  .object({
    count: z.number().int().min(1).max(1000).optional().describe('the newest events that match the topic'),
    since: z
      .number()
      .int()
      .nonnegative()
      .optional()
      .describe('epoch milliseconds: events stored at or after this time'),
  })
  .refine((rewind) => rewind.count !== undefined || rewind.since !== undefined, 'needs count or since');
export type Rewind = z.infer<typeof rewindSchema>;

/** Commands from client to server. One JSON object a frame; unknown members are ignored. */
export const clientFrameSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('connect'), id, token: z.string().max(16_384), client: z.string().max(200).optional() }),
  z.object({ type: z.literal('refresh'), id, token: z.string().max(16_384) }),
  z.object({
    type: z.literal('subscribe'),
    id,
    topic: topic.describe('a topic or a pattern with * and >'),
    position: positionSchema.optional().describe('the last event seen: what came after it is delivered first'),
    rewind: rewindSchema
      .optional()
      .describe('deliver this much of the past first; beside a position only for when that cannot be honoured'),
    filter: filterSchema.optional().describe('only these of the events that the topic matches'),
    presence: z
      .union([
        z.boolean(),
        z.object({ info: z.record(z.string(), z.unknown()).optional().describe('shown to others with the member') }),
      ])
      .optional()
      .describe('this connection becomes a member of the topic, which has no wildcards then'),
    conflate: z
      .boolean()
      .optional()
      .describe('while the client reads slowly, only the newest event of each topic is kept for it'),
  }),
  z.object({ type: z.literal('unsubscribe'), id, topic }),
  z.object({
    type: z.literal('publish'),
    id,
    topic: topic.describe('one topic under app.'),
    event: z
      .string()
      .regex(/^[a-z][a-z0-9.-]{0,99}$/)
      .default('app.message')
      .describe('the CloudEvents type'),
    data: z.unknown(),
    eventId: z.string().min(1).max(128).optional().describe('makes repeating the command harmless'),
  }),
  z.object({
    type: z.literal('presence'),
    id,
    topic: topic.describe('one topic'),
    after: z.string().max(64).optional().describe('next of the page before'),
    limit: z.number().int().min(1).max(HUB_LIMITS.maxPresencePage).default(100),
  }),
  z.object({ type: z.literal('ping'), id }),
  z.object({
    type: z.literal('pong'),
    n: z.number().int().nonnegative().optional().describe('that of the ping: everything before it was read'),
  }),
  z.object({
    type: z.literal('extension'),
    id,
    extension: z.string().min(1).max(40).describe('which message extension, e.g. softphone'),
    body: z.unknown(),
  }),
]);
export type ClientFrame = z.infer<typeof clientFrameSchema>;
export type ClientFrameInput = z.input<typeof clientFrameSchema>;

/** Frames from server to client. */
export const serverFrameSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('connected'),
    id,
    connection: z.string(),
    node: z.string(),
    accountSid: z.string(),
    identity: z.string().optional(),
    heartbeatMs: z.number(),
    expiresAt: z.number().describe('when the token expires, epoch milliseconds'),
  }),
  z.object({ type: z.literal('refreshed'), id, expiresAt: z.number() }),
  z.object({
    type: z.literal('subscribed'),
    id,
    topic: topic.describe('normalised form: events of this subscription match it'),
    position: positionSchema.describe('events after this one are delivered live'),
    recovered: z.boolean().describe('false: the position asked for could not be honoured, events may be missing'),
    start: positionSchema
      .optional()
      .describe(
        'present when events of the past are delivered first: those after this position; the client takes it over',
      ),
  }),
  z.object({ type: z.literal('unsubscribed'), id, topic }),
  z.object({
    type: z.literal('presence'),
    id,
    topic,
    members: z.array(
      z.object({
        connection: z.string(),
        identity: z.string().optional(),
        info: z.record(z.string(), z.unknown()).optional(),
        since: z.number().describe('epoch milliseconds'),
      }),
    ),
    occupancy: z.number().int().describe('members of the topic, all pages together'),
    next: z.string().optional().describe('there are more: ask with this as after'),
  }),
  z.object({ type: z.literal('published'), id, eventId: z.string(), position: positionSchema }),
  z.object({ type: z.literal('pong'), id }),
  z.object({
    type: z.literal('ping'),
    n: z.number().int().nonnegative().optional().describe('to be returned in pong'),
  }),
  z.object({
    type: z.literal('error'),
    id: id.optional().describe('absent when the error belongs to no command'),
    code: z.number().int(),
    name: z.string(),
    message: z.string(),
    temporary: z.boolean(),
    topic: topic.optional().describe('without an id: the subscription that ended'),
    retryAfterMs: z.number().optional().describe('over a limit of the account: it may be within it again by then'),
  }),
  z.object({ type: z.literal('event'), topic, position: positionSchema, event: eventSchema }),
  z.object({
    type: z.literal('gap'),
    topic: topic.describe('the subscription that lost events'),
    position: positionSchema.describe('delivery goes on after this position'),
    recovered: z
      .boolean()
      .describe('true: what was dropped is re-read from history now, nothing is lost; false: events are lost'),
  }),
  z.object({ type: z.literal('token-will-expire'), expiresAt: z.number() }),
  z.object({ type: z.literal('result'), id, extension: z.string(), body: z.unknown() }),
  z.object({ type: z.literal('extension'), extension: z.string(), body: z.unknown() }),
  z.object({
    type: z.literal('disconnect'),
    code: z.number().int(),
    reason: z.string(),
    retryAfterMs: z.number().optional(),
  }),
]);
export type ServerFrame = z.infer<typeof serverFrameSchema>;
