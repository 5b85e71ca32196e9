import { z } from 'zod';

/** Largest `data` of a bridge request, bytes of its JSON text. */
export const BRIDGE_REQUEST_DATA_MAX_BYTES = 4096;

/** What became of a bridge request that is not offered any more. */
export const bridgeRequestEndSchema = z.enum(['accepted', 'expired', 'canceled']);
export type BridgeRequestEnd = z.infer<typeof bridgeRequestEndSchema>;

/** A bridge request as it is offered to a client: opening a leg with the token connects it with `to`. */
export const bridgeOfferSchema = z.object({
  requestSid: z.string(),
  token: z.string().describe('for one use, by a client of the identity: goes into connect as bridgeToken'),
  from: z.string().describe('shown to the other party'),
  to: z.string().describe('whom the call is placed to: a number, client:identity or a SIP URI'),
  data: z.unknown().describe('whatever the request was made with, null without it'),
  expiresAt: z.number().describe('epoch milliseconds'),
});
export type BridgeOffer = z.infer<typeof bridgeOfferSchema>;

/** Life of a bridge request: one of the first, then one of the second. */
export const bridgeRequestEventSchemas = {
  'client.bridge-request': z
    .object({ identity: z.string(), ...bridgeOfferSchema.shape })
    .describe('something that is no call may be answered by opening a leg, which is merged with a call to `to`'),
  'client.bridge-request-closed': z
    .object({
      identity: z.string(),
      requestSid: z.string(),
      status: bridgeRequestEndSchema,
      callSid: z.string().optional().describe("accepted: the client's call; its events tell the rest"),
      registration: z.string().optional().describe('accepted: the device, if it is registered'),
    })
    .describe('it is not offered any more; once for each request'),
} as const;
