import { z } from 'zod';
import { eventSchema } from './events.ts';
import { positionSchema } from './position.ts';

/** WebSocket subprotocol of the native endpoint. */
export const HUB_SUBPROTOCOL = 'hookswitch.v1';
/** Socket.IO event name that carries the same frames as objects, in both directions. */
export const SOCKETIO_EVENT = 'hs';

/** Limits a client can rely on (bytes are of the UTF-8 JSON text). */
export const HUB_LIMITS = {
  maxFrameBytes: 64 * 1024,
  maxPublishBytes: 32 * 1024,
  /** Deepest nesting of objects and arrays in a frame. */
  maxDepth: 64,
  maxSubscriptions: 1000,
  /** The server pings at this interval; a connection silent for twice as long is closed. */
  heartbeatMs: 15_000,
  /** Time from open to a valid connect frame. */
  handshakeMs: 10_000,
} as const;

const id = z.number().int().nonnegative().describe('chosen by the client, returned in the answer to this command');
const topic = z.string().min(1).max(512);

/** Commands from client to server. One JSON object a frame; unknown members are ignored. */
export const clientFrameSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('connect'), id, token: z.string().max(16_384), client: z.string().max(200).optional() }),
  z.object({ type: z.literal('refresh'), id, token: z.string().max(16_384) }),
  z.object({
    type: z.literal('subscribe'),
    id,
    topic: topic.describe('a topic or a pattern with * and >'),
    position: positionSchema.optional().describe('the last event seen: what came after it is delivered first'),
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
  z.object({ type: z.literal('ping'), id }),
  z.object({ type: z.literal('pong') }),
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
  }),
  z.object({ type: z.literal('unsubscribed'), id, topic }),
  z.object({ type: z.literal('published'), id, eventId: z.string(), position: positionSchema }),
  z.object({ type: z.literal('pong'), id }),
  z.object({ type: z.literal('ping') }),
  z.object({
    type: z.literal('error'),
    id: id.optional().describe('absent when the error belongs to no command'),
    code: z.number().int(),
    name: z.string(),
    message: z.string(),
    temporary: z.boolean(),
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
