import { z } from 'zod';
import { bridgeOfferSchema, bridgeRequestEndSchema } from './bridge-requests.ts';
import { identitySchema } from './tokens.ts';

/** Name of the message extension that carries these bodies in `extension` and `result` frames. */
export const SOFTPHONE_EXTENSION = 'softphone';

/** Largest content of a message into or out of a call, bytes of its JSON text. */
export const CALL_MESSAGE_MAX_BYTES = 10_000;

/** What a device is doing: rung when it is `available` or `busy` (in a call), not when its user set it `away`. */
export const deviceStateSchema = z.enum(['available', 'busy', 'away']);
export type DeviceState = z.infer<typeof deviceStateSchema>;

const callSid = z.string().regex(/^CA[0-9a-f]{32}$/);
const digits = z
  .string()
  .min(1)
  .max(32)
  .regex(/^[0-9A-D#*wW]+$/, 'digits 0-9 A-D # *, w waits half a second, W a second');
/** Parameter objects of mediasoup-client, passed through; their own library validates them on both sides. */
const mediasoupObject = z.record(z.string(), z.unknown());

export const transportSchema = z.object({
  id: z.string(),
  iceParameters: mediasoupObject,
  iceCandidates: z.array(mediasoupObject),
  dtlsParameters: mediasoupObject,
});
export const consumerSchema = z.object({
  id: z.string(),
  producerId: z.string(),
  kind: z.literal('audio'),
  rtpParameters: mediasoupObject,
});
export const iceServerSchema = z.object({
  urls: z.array(z.string()),
  username: z.string().optional(),
  credential: z.string().optional(),
});

/** What a device needs to open its leg: one round trip after accept or connect. */
export const legMediaSchema = z.object({
  callSid,
  send: transportSchema,
  recv: transportSchema,
  consumer: consumerSchema.describe('what the device hears from the start'),
  iceServers: z.array(iceServerSchema),
  reconnectToken: z.string().describe('re-attaches this leg after the connection was lost'),
});
export type LegMedia = z.infer<typeof legMediaSchema>;

/** Requests of a device. Each is answered by a `result` frame (schema below) or an `error` frame with the same id. */
export const softphoneRequestSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('register'),
    device: z.string().max(120).optional().describe('a name an agent recognises'),
    registration: z
      .string()
      .max(64)
      .optional()
      .describe('the earlier registration of this device, to take it up again'),
  }),
  z.object({ type: z.literal('unregister') }),
  z.object({
    type: z.literal('accept'),
    callSid,
    token: z.string().max(2048),
    hint: z.string().max(200),
    rtpCapabilities: mediasoupObject,
  }),
  z.object({
    type: z.literal('reject'),
    callSid,
    token: z.string().max(2048),
    hint: z.string().max(200),
    reason: z.enum(['rejected', 'busy']).default('rejected'),
  }),
  z.object({
    type: z.literal('connect'),
    params: z
      .record(z.string().max(64), z.string().max(1024))
      .describe('handed to the application, e.g. {To: "+15550100"}'),
    bridgeToken: z
      .string()
      .max(200)
      .optional()
      .describe('answers a bridge request: the call goes where that says, whatever the params are'),
    rtpCapabilities: mediasoupObject,
  }),
  z.object({ type: z.literal('connect-transport'), callSid, transportId: z.string(), dtlsParameters: mediasoupObject }),
  z.object({
    type: z.literal('produce'),
    callSid,
    transportId: z.string(),
    rtpParameters: mediasoupObject,
    codec: z.enum(['PCMU', 'opus']),
  }),
  z.object({ type: z.literal('restart-ice'), callSid, transportId: z.string() }),
  z.object({ type: z.literal('hangup'), callSid }),
  z.object({ type: z.literal('mute'), callSid, muted: z.boolean() }),
  z.object({ type: z.literal('digits'), callSid, digits }),
  z.object({
    type: z.literal('message'),
    callSid,
    messageId: z.string().min(1).max(64).describe('chosen by the device: repeating it stores nothing new'),
    content: z.unknown().describe(`any JSON value of at most ${CALL_MESSAGE_MAX_BYTES} bytes`),
  }),
  z.object({
    type: z.literal('presence'),
    state: z.enum(['available', 'away']).describe('away: calls do not ring this device'),
  }),
  z.object({ type: z.literal('reattach'), callSid, hint: z.string().max(200), reconnectToken: z.string().max(2048) }),
]);
export type SoftphoneRequest = z.infer<typeof softphoneRequestSchema>;
export type SoftphoneRequestInput = z.input<typeof softphoneRequestSchema>;

/** Results by request type. */
export const softphoneResultSchemas = {
  register: z.object({
    registration: z.string(),
    identity: identitySchema,
    rtpCapabilities: mediasoupObject.describe('of the server, the same for every call: load the media device with it'),
    iceServers: z.array(iceServerSchema),
    bridgeRequests: z.array(bridgeOfferSchema).optional().describe('that the identity may answer now; absent: none'),
  }),
  unregister: z.object({}),
  accept: legMediaSchema,
  reject: z.object({}),
  connect: legMediaSchema.extend({ hint: z.string() }),
  'connect-transport': z.object({}),
  produce: z.object({ producerId: z.string() }),
  'restart-ice': z.object({ iceParameters: mediasoupObject }),
  hangup: z.object({}),
  mute: z.object({}),
  digits: z.object({}),
  message: z.object({ messageSid: z.string() }).describe('it is stored; `message-answer` follows'),
  presence: z.object({ state: deviceStateSchema }),
  reattach: z.object({ callSid, state: z.enum(['connecting', 'ringing', 'open']), reconnectToken: z.string() }),
} as const satisfies Record<SoftphoneRequest['type'], z.ZodType>;
export type SoftphoneResults = { [K in SoftphoneRequest['type']]: z.infer<(typeof softphoneResultSchemas)[K]> };

/** Why a ringing device stops ringing. */
export const cancelReasonSchema = z.enum([
  'answered-elsewhere',
  'caller-hung-up',
  'timeout',
  'rejected-elsewhere',
  'canceled',
  'failed',
]);

/** How a call ended, as every party is told. */
export const endCauseSchema = z.enum([
  'hangup-caller',
  'hangup-callee',
  'hangup-api',
  'rejected',
  'busy',
  'no-answer',
  'not-registered',
  'canceled',
  'unreachable',
  'application-error',
  'media-timeout',
  'media-worker-died',
  'connection-lost',
  'time-limit',
  'shutdown',
  'internal-error',
]);
export type EndCause = z.infer<typeof endCauseSchema>;

/** Messages the server pushes to a device (body of an `extension` frame). */
export const softphonePushSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('incoming'),
    callSid,
    token: z.string().describe('sealed: hand it back with accept or reject'),
    hint: z.string().describe('routes the answer to the node that holds the caller'),
    expiresAt: z.number().describe('epoch milliseconds'),
    from: z.string(),
    to: z.string(),
    callerName: z.string().optional(),
    parameters: z.record(z.string(), z.string()),
  }),
  z.object({ type: z.literal('cancel'), callSid, reason: cancelReasonSchema, by: z.string().optional() }),
  z.object({ type: z.literal('ringing'), callSid, earlyMedia: z.boolean() }),
  z.object({ type: z.literal('answered'), callSid }),
  z.object({ type: z.literal('merged'), callSid }),
  z.object({
    type: z.literal('consumer'),
    callSid,
    consumer: consumerSchema.describe('replaces what the device hears'),
  }),
  z.object({
    type: z.literal('codec'),
    callSid,
    codec: z.enum(['PCMU', 'opus']).describe('produce in this codec from now on'),
  }),
  z.object({ type: z.literal('digit'), callSid, digit: z.string().length(1) }),
  z.object({ type: z.literal('message'), callSid, messageSid: z.string(), content: z.unknown() }),
  z.object({
    type: z.literal('message-answer'),
    callSid,
    messageId: z.string(),
    messageSid: z.string(),
    answer: z.unknown().optional().describe("JSON of the application's answer; absent when nobody answers messages"),
    problem: z.string().optional().describe('why there is no answer'),
  }),
  z.object({ type: z.literal('one-way-audio'), callSid, silent: z.enum(['caller', 'client']) }),
  z.object({ type: z.literal('ended'), callSid, cause: endCauseSchema, message: z.string() }),
  z.object({ type: z.literal('bridge-request'), ...bridgeOfferSchema.shape }),
  z.object({ type: z.literal('bridge-request-closed'), requestSid: z.string(), status: bridgeRequestEndSchema }),
]);
export type SoftphonePush = z.infer<typeof softphonePushSchema>;
