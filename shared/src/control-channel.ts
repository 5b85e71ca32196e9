import { z } from 'zod';

/**
 * Frames of the control channel: a WebSocket that the server opens to an application whose address is `ws:` or `wss:`, one
 * for each call. JSON objects, one a text message. docs/spec/control-channel.md describes the exchange.
 */
export const CONTROL_SUBPROTOCOL = 'hookswitch.control.v1';

const id = z.string().min(1).max(64);
const program = {
  instructions: z.array(z.unknown()).optional().describe('JSON instructions'),
  twiml: z.string().max(65_536).optional().describe('a TwiML document, in their place'),
};
const httpMethod = z.enum(['GET', 'POST']);

/** What an application sends. */
export const controlClientFrameSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('instructions'), id, ...program }).describe('answers the request of this id'),
  z
    .object({ type: z.literal('decline'), id, reason: z.string().max(1000).optional() })
    .describe('no instructions for the request of this id: the next delegate, or the fallback URL, is asked'),
  z
    .object({ type: z.literal('run'), id, ...program })
    .describe('interrupts what the call is doing and runs these instructions'),
  z
    .object({
      type: z.literal('play'),
      id,
      url: z.string().max(2048),
      loop: z.number().int().min(0).max(1000).optional(),
    })
    .describe('interrupts what the call is doing, plays this, then asks for instructions'),
  z
    .object({ type: z.literal('redirect'), id, url: z.string().max(2048), method: httpMethod.optional() })
    .describe('interrupts what the call is doing and goes on with the instructions of this address'),
  z.object({ type: z.literal('send-digits'), id, digits: z.string().min(1).max(128) }),
  z.object({ type: z.literal('hangup'), id }),
]);
export type ControlClientFrame = z.infer<typeof controlClientFrameSchema>;

/** What the server sends. */
export const controlServerFrameSchema = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('hello'),
      accountSid: z.string(),
      callSid: z.string(),
      from: z.string(),
      to: z.string(),
      resumed: z.boolean().describe('the call had a connection before; events of the moment in between may be missing'),
    })
    .describe('first frame of every connection'),
  z
    .object({
      type: z.literal('request'),
      id,
      url: z.string(),
      method: httpMethod,
      params: z.record(z.string(), z.string()),
    })
    .describe('instructions are wanted, as by an HTTP request with these parameters; sent again on a new connection'),
  z.object({
    type: z.literal('event'),
    event: z.object({
      type: z.string(),
      subject: z.string(),
      sequence: z.number().optional(),
      data: z.record(z.string(), z.unknown()),
    }),
  }),
  z
    .object({ type: z.literal('result'), id, ok: z.boolean(), problem: z.string().optional() })
    .describe('what came of a command'),
  z.object({ type: z.literal('problem'), message: z.string() }).describe('a frame was not understood'),
]);
export type ControlServerFrame = z.infer<typeof controlServerFrameSchema>;
