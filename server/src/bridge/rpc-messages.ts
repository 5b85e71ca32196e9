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
  /** host to front: a message for a device */
  push: 'bridge-push',
} as const;

const mediasoupObject = z.record(z.string(), z.unknown());

/** The connection a request came over: everything in it is the front's own knowledge, nothing the device's word. */
export const callerSchema = z.object({
  accountSid: z.string(),
  identity: z.string(),
  registration: z.string().optional(),
  front: z.string(),
  connection: z.string(),
});
export type Caller = z.infer<typeof callerSchema>;

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
