import { HUB_ERRORS, softphonePushSchema, softphoneRequestSchema } from '@hookswitch/shared';
import type { HubErrorName } from '@hookswitch/shared';
import { z } from 'zod';

/** Methods between the two sides of the bridge. Host methods are served by call nodes, front methods by gateways. */
export const RPC = {
  /** front to host: a request of a device */
  device: 'bridge-device',
  /** front to host: the connection of a device that has a leg is gone */
  detached: 'bridge-detached',
  /** front to host: what devices load their media with */
  capabilities: 'bridge-capabilities',
  /** anybody to host: does a trunk answer? */
  testTrunk: 'bridge-test-trunk',
  /** anybody to host: which SIP phones are registered? */
  phones: 'bridge-phones',
  /** anybody to host: messages of a call */
  messages: 'bridge-messages',
  /** host to host: ties a leg to an RTP port of the other node */
  tie: 'bridge-tie',
  /** host to front: a message for a device */
  push: 'bridge-push',
} as const;

const mediasoupObject = z.record(z.string(), z.unknown());

/** The connection a request came over: everything in it is the front's own knowledge, nothing the device's word. */
const callerSchema = z.object({
  accountSid: z.string(),
  identity: z.string(),
  registration: z.string().optional(),
  front: z.string(),
  connection: z.string(),
});
export type Caller = z.infer<typeof callerSchema>;

export const phonesSchema = z.object({ accountSid: z.string() });

const ofCall = { accountSid: z.string(), callSid: z.string() };
export const callMessageRequestSchema = z.discriminatedUnion('kind', [
  z.object({
    ...ofCall,
    kind: z.literal('subscribe'),
    url: z.string(),
    method: z.enum(['GET', 'POST']),
    idempotencyKey: z.string().optional(),
  }),
  z.object({ ...ofCall, kind: z.literal('unsubscribe'), sid: z.string() }),
  z.object({ ...ofCall, kind: z.literal('send'), content: z.unknown(), idempotencyKey: z.string().optional() }),
]);
export const callMessageReplySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), sid: z.string(), at: z.number() }),
  z.object({
    ok: z.literal(false),
    reason: z.enum(['no-such-call', 'not-found', 'no-client', 'limit', 'unavailable']),
    message: z.string().optional(),
  }),
]);

/** `inside`: both ends are in one process. */
export const tieRequestSchema = z.discriminatedUnion('do', [
  z.object({
    do: z.literal('tie'),
    callSid: z.string(),
    address: z.string(),
    port: z.number(),
    inside: z.boolean(),
  }),
  z.object({ do: z.literal('untie'), callSid: z.string() }),
]);
export type TieRequest = z.infer<typeof tieRequestSchema>;
export const tieReplySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), address: z.string(), port: z.number() }),
  z.object({ ok: z.literal(false), message: z.string() }),
]);

export const testTrunkSchema = z.object({ trunkSid: z.string() });

/** `outgoing` is there for `connect` alone: from the connection's grants. */
export const deviceRequestSchema = z.object({
  caller: callerSchema,
  request: softphoneRequestSchema,
  outgoing: z.object({ applicationSid: z.string(), params: z.record(z.string(), z.string()) }).optional(),
});
export type DeviceRequest = z.infer<typeof deviceRequestSchema>;

export const detachedSchema = z.object({ callSid: z.string(), connection: z.string() });

export const capabilitiesSchema = z.object({
  rtpCapabilities: mediasoupObject,
  iceServers: z.array(
    z.object({ urls: z.array(z.string()), username: z.string().optional(), credential: z.string().optional() }),
  ),
});
export type Capabilities = z.infer<typeof capabilitiesSchema>;

export const pushSchema = z.object({ connection: z.string(), push: softphonePushSchema });
export const pushedSchema = z.object({ delivered: z.boolean() });

const errorName = z.custom<HubErrorName>((value) => typeof value === 'string' && Object.hasOwn(HUB_ERRORS, value));

/** Answer to a device's request. */
export const replySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), result: z.record(z.string(), z.unknown()) }),
  z.object({ ok: z.literal(false), error: errorName, message: z.string().optional() }),
]);
export type Reply = z.infer<typeof replySchema>;

export function refusal(error: HubErrorName, message?: string): Reply {
  return message === undefined ? { ok: false, error } : { ok: false, error, message };
}
