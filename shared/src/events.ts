import { z } from 'zod';
import { cancelReasonSchema, endCauseSchema } from './softphone.ts';
import { escapeToken, topics } from './topics.ts';

/** Final status of a call, as REST and callbacks report it. */
export const callFinalStatusSchema = z.enum(['completed', 'busy', 'failed', 'no-answer', 'canceled']);
export type CallFinalStatus = z.infer<typeof callFinalStatusSchema>;

export const callDirectionSchema = z.enum(['inbound', 'outbound-api', 'outbound-dial']);
export type CallDirection = z.infer<typeof callDirectionSchema>;

const call = {
  callSid: z.string(),
  parentCallSid: z.string().optional(),
  direction: callDirectionSchema,
  from: z.string().describe('E.164 number, client:identity or SIP URI'),
  to: z.string().describe('E.164 number, client:identity or SIP URI'),
};
const http = { url: z.string(), method: z.string() };

/** Schema of each event type's `data`. The type's last part is the last token of its topic. */
export const eventDataSchemas = {
  'call.initiated': z.object({
    ...call,
    applicationSid: z.string().optional(),
    trunk: z.string().optional(),
    sipCallId: z.string().optional(),
  }),
  'call.ringing': z.object(call),
  'call.early-media': z.object(call),
  'call.answered': z.object(call),
  'call.parked': z.object({ ...call, targets: z.array(z.string()) }),
  'call.instructions-requested': z.object({ ...call, ...http }),
  'call.instructions-received': z.object({
    ...call,
    ...http,
    status: z.number(),
    durationMs: z.number(),
    verbs: z.array(z.string()),
  }),
  'call.instructions-failed': z.object({ ...call, ...http, code: z.number(), message: z.string(), hint: z.string() }),
  'call.verb-started': z.object({ ...call, verb: z.string(), index: z.number() }),
  'call.verb-ended': z.object({ ...call, verb: z.string(), index: z.number(), outcome: z.string() }),
  'call.merged': z.object({ ...call, peerCallSid: z.string() }),
  'call.unmerged': z.object({ ...call, peerCallSid: z.string() }),
  'call.one-way-audio': z.object({ ...call, silent: z.enum(['this', 'peer']) }),
  'call.digit': z.object({ ...call, digit: z.string() }),
  'call.held': z.object(call),
  'call.resumed': z.object(call),
  'call.warning': z.object({ ...call, code: z.number(), message: z.string() }),
  'call.ended': z.object({
    ...call,
    status: callFinalStatusSchema,
    cause: endCauseSchema,
    message: z.string(),
    sipStatus: z.number().optional(),
    durationSeconds: z.number(),
  }),
  'client.registered': z.object({ identity: z.string(), registration: z.string(), device: z.string().optional() }),
  'client.unregistered': z.object({ identity: z.string(), registration: z.string(), reason: z.string() }),
  'client.incoming': z.object({
    identity: z.string(),
    registration: z.string(),
    callSid: z.string(),
    token: z.string(),
    hint: z.string(),
    expiresAt: z.number(),
    from: z.string(),
    to: z.string(),
    callerName: z.string().optional(),
    parameters: z.record(z.string(), z.string()),
  }),
  'client.cancel': z.object({
    identity: z.string(),
    registration: z.string(),
    callSid: z.string(),
    reason: cancelReasonSchema,
    by: z.string().optional(),
  }),
  'client.accepted': z.object({ identity: z.string(), registration: z.string(), callSid: z.string() }),
  'client.rejected': z.object({
    identity: z.string(),
    registration: z.string(),
    callSid: z.string(),
    reason: z.string(),
  }),
  'node.media-worker-died': z.object({ node: z.string(), pid: z.number(), endedCalls: z.array(z.string()) }),
  'node.started': z.object({ node: z.string(), roles: z.array(z.string()) }),
  'node.stopped': z.object({ node: z.string(), reason: z.string() }),
} as const satisfies Record<string, z.ZodType>;

export type EventType = keyof typeof eventDataSchemas;
export type EventData<T extends EventType> = z.infer<(typeof eventDataSchemas)[T]>;

/** CloudEvents 1.0 envelope in JSON, with the extensions `accountsid`, `fence` and, for call events, `sequence`. */
export const eventSchema = z.object({
  specversion: z.literal('1.0'),
  id: z.string().min(1).max(128),
  source: z.string(),
  type: z.string(),
  subject: z.string().optional().describe('the call, conference, queue or identity'),
  time: z.string().describe('RFC 3339'),
  datacontenttype: z.literal('application/json'),
  accountsid: z.string(),
  fence: z.number().int().nonnegative().optional().describe('fencing number of the node that published'),
  sequence: z.number().int().nonnegative().optional().describe('gapless per call, from 0'),
  data: z.unknown(),
});
export type HookswitchEvent = z.infer<typeof eventSchema>;

/** Life-cycle types that are published on the topics of the numbers involved as well. */
const ON_NUMBERS: ReadonlySet<string> = new Set(['call.initiated', 'call.answered', 'call.ended']);
const E164 = /^\+[0-9]{3,15}$/;

/**
 * The table of types and topics: every topic an event of this type is published on, the same event id on each.
 * The first topic is the event's own; a call's event order is defined on its `calls.<CallSid>` topics.
 */
export function topicsOf<T extends EventType>(type: T, data: EventData<T>): string[] {
  const event = type.slice(type.indexOf('.') + 1);
  const facts = data as Record<string, unknown>;
  if (type.startsWith('client.')) return [topics.client(String(facts['identity']), event)];
  if (type.startsWith('node.')) return [topics.cluster(String(facts['node']), event)];
  const list = [topics.call(String(facts['callSid']), event)];
  if (ON_NUMBERS.has(type)) {
    for (const number of new Set([facts['from'], facts['to']])) {
      if (typeof number === 'string' && E164.test(number)) list.push(topics.number(number, event));
    }
  }
  return list;
}

/** Topics under which clients and backends publish their own events. */
export function isApplicationTopic(topic: string): boolean {
  return topic.startsWith(`${escapeToken('app')}.`);
}
