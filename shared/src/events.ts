import { z } from 'zod';
import { guardEventSchemas } from './guard-events.ts';
import { announcementEventSchemas } from './announcement-events.ts';
import { applicationEventSchemas } from './application-events.ts';
import { bridgeRequestEventSchemas } from './bridge-requests.ts';
import { callFacts as call } from './call-facts.ts';
import { cancelReasonSchema, deviceStateSchema, endCauseSchema } from './softphone.ts';
import { groupEventSchemas } from './group-events.ts';
import { recordingEventSchemas } from './recording-events.ts';
import { streamEventSchemas } from './stream-events.ts';
import { transcriptionEventSchemas } from './transcription-events.ts';
import { escapeToken } from './topics.ts';

/** Final status of a call, as REST and callbacks report it. */
export const callFinalStatusSchema = z.enum(['completed', 'busy', 'failed', 'no-answer', 'canceled']);
export type CallFinalStatus = z.infer<typeof callFinalStatusSchema>;

const gateway = {
  trunkSid: z.string(),
  name: z.string(),
  gateway: z.string().describe('host:port/transport'),
  gatewaysUp: z.number().describe('gateways of the trunk that are not down; 0: the trunk is out'),
  message: z.string(),
};
const phone = {
  address: z.string().describe('user@domain'),
  contact: z.string().describe('SIP URI that the phone gave'),
  source: z.string().describe('address:port/transport that it registered from'),
  userAgent: z.string().optional(),
  instance: z.string().optional().describe('its +sip.instance (RFC 5626)'),
};
const side = {
  side: z.string().optional().describe('of a document that runs beside the verb in progress: wait, whisper ...'),
};
const http = { url: z.string(), method: z.string() };
/** A transfer, told of the leg whose party hands the other one on. */
const transfer = {
  ...call,
  target: z.string().describe('SIP URI or number that the other party is to go to'),
  kind: z.enum(['blind', 'attended']).describe('attended: to a call that the transferor already has'),
  by: z.enum(['party', 'application']).describe('the party of this leg sent REFER, or <Refer> asks it to'),
  otherCallSid: z.string().optional().describe('leg of the party that is handed on'),
};

/** One direction of a leg's audio, as far as it is known. */
const streamQualitySchema = z.object({
  packets: z.number(),
  lost: z.number().describe('packets that did not arrive; not below 0').optional(),
  lossPercent: z.number().optional(),
  jitterMs: z.number().describe('RFC 3550 section 6.4.1').optional(),
  mos: z
    .number()
    .describe('estimated listening quality, 1 to 4.5 (ITU-T G.107); absent when nothing was sent')
    .optional(),
});

/** Why a connection is on a topic no more. */
export const presenceReasonSchema = z
  .enum(['unsubscribed', 'disconnected', 'not-permitted', 'node-lost'])
  .describe('not-permitted: its token does not allow it any more; node-lost: the process that held it died');
const presence = {
  topic: z.string().describe('the topic that the member is on'),
  connection: z.string(),
  identity: z.string().optional(),
  info: z.record(z.string(), z.unknown()).optional(),
  since: z.number().describe('epoch milliseconds'),
  node: z.string().describe('process that holds the connection'),
  occupancy: z.number().describe('members of the topic after this'),
  identityCount: z
    .number()
    .optional()
    .describe('of these, connections of this identity: 1 when it came first, 0 when it left for good'),
};

/** Schema of each event type's `data`. The type's last part is the last token of its topic. */
export const eventDataSchemas = {
  'call.initiated': z.object({
    ...call,
    trunk: z.string().optional(),
    sipCallId: z.string().optional(),
  }),
  'call.ringing': z.object(call),
  'call.early-media': z.object(call),
  'call.answered': z.object(call),
  'call.parked': z.object({ ...call, targets: z.array(z.string()) }),
  'call.instructions-requested': z.object({ ...call, ...side, ...http }),
  'call.instructions-received': z.object({
    ...call,
    ...http,
    status: z.number(),
    durationMs: z.number(),
    verbs: z.array(z.string()),
    ...side,
  }),
  'call.instructions-failed': z.object({
    ...call,
    ...side,
    ...http,
    code: z.number(),
    message: z.string(),
    hint: z.string(),
  }),
  'call.verb-started': z.object({ ...call, ...side, verb: z.string(), index: z.number() }),
  'call.verb-ended': z.object({ ...call, ...side, verb: z.string(), index: z.number(), outcome: z.string() }),
  'call.merged': z.object({ ...call, peerCallSid: z.string() }),
  'call.unmerged': z.object({ ...call, peerCallSid: z.string() }),
  'call.one-way-audio': z.object({ ...call, silent: z.enum(['this', 'peer']) }),
  'call.quality': z.object({
    ...call,
    scope: z.enum(['interval', 'final']).describe('since the last report, or the whole of the leg'),
    leg: z.enum(['sip', 'client']),
    seconds: z.number().describe('time that the figures cover'),
    received: streamQualitySchema.describe("what the leg's party said"),
    sent: streamQualitySchema.describe('what it heard, as its reports tell'),
    roundTripMs: z.number().optional(),
    mos: z.number().describe('the worse direction').optional(),
    summary: z
      .object({
        mosMin: z.number().describe('worst interval').optional(),
        mosAverage: z.number().optional(),
        silenceSeconds: z.number().describe('time without packets, or with packets of silence, once it was noticed'),
        counters: z.record(z.string(), z.number()).describe('packets refused or odd, by kind'),
      })
      .optional()
      .describe('with scope final'),
  }),
  'call.silence': z.object({
    ...call,
    seconds: z.number().describe('for how long packets have come that hold nothing audible'),
    levelDbov: z.number().describe('the loudest of them, RMS below full scale'),
  }),
  'call.digit': z.object({ ...call, digit: z.string() }),
  'call.message': z
    .object({
      ...call,
      messageSid: z.string(),
      sender: z.enum(['client', 'application']).describe('client: the softphone of this leg; application: by REST'),
      identity: z.string().describe("of the leg's softphone"),
      content: z.unknown().describe('any JSON value'),
    })
    .describe('a message between the softphone of a leg and the application'),
  'call.held': z.object(call),
  'call.resumed': z.object(call),
  'call.transfer-requested': z.object({ ...transfer, referredBy: z.string().optional() }),
  'call.transferred': z.object({
    ...transfer,
    newCallSid: z.string().optional().describe("leg that now has this one's place; absent: the application goes on"),
    sipStatus: z.number().optional(),
  }),
  'call.transfer-failed': z
    .object({ ...transfer, message: z.string(), sipStatus: z.number().optional() })
    .describe('the call goes on as it was'),
  'call.warning': z.object({ ...call, code: z.number(), message: z.string() }),
  'call.ended': z.object({
    ...call,
    status: callFinalStatusSchema,
    cause: endCauseSchema,
    message: z.string(),
    sipStatus: z.number().optional(),
    durationSeconds: z.number(),
  }),
  'call.refused': z
    .object({
      ...call,
      sipCallId: z.string(),
      sourceIp: z.string(),
      trunkSid: z.string().optional(),
      reason: z.string().describe('what it was refused for, one of a closed list'),
      sipStatus: z.number(),
      message: z.string().describe('what is wrong, where'),
      hint: z.string().describe('what to do about it'),
    })
    .describe('a call from outside that was not taken: its CallSid names nothing else'),
  'call.attempt-failed': z.object({
    ...call,
    trunkSid: z.string(),
    gateway: z.string().describe('host:port/transport'),
    attempt: z.number().describe('from 1'),
    sipStatus: z.number(),
    received: z.boolean().describe('false: nothing came back, or it could not be sent'),
    message: z.string(),
    nextGateway: z.string().optional().describe('what is tried now; without it the call fails'),
  }),
  'trunk.up': z.object({ ...gateway }),
  'trunk.down': z.object({ ...gateway }),
  ...guardEventSchemas,
  'phone.registered': z
    .object({ ...phone, expiresAt: z.string().describe('RFC 3339; later REGISTERs move it on') })
    .describe('a SIP phone registered a new contact; refreshing it tells nothing'),
  'phone.unregistered': z.object({ ...phone, reason: z.enum(['unregistered', 'expired', 'replaced']) }),
  'client.registered': z.object({ identity: z.string(), registration: z.string(), device: z.string().optional() }),
  'client.unregistered': z.object({ identity: z.string(), registration: z.string(), reason: z.string() }),
  'client.presence': z
    .object({
      identity: z.string(),
      registration: z.string(),
      device: z.string().optional(),
      state: deviceStateSchema,
    })
    .describe('a registered device is doing something else now'),
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
  'presence.joined': z.object(presence).describe('a connection is a member of a topic; once for each membership'),
  'presence.left': z.object({ ...presence, reason: presenceReasonSchema }).describe('once for each membership'),
  'webhook.paused': z
    .object({
      webhookSid: z.string(),
      url: z.string(),
      reason: z.enum(['gone', 'failing']).describe('gone: the receiver answered 410'),
      message: z.string(),
    })
    .describe('nothing is sent to it until it is resumed; events are kept as long as the account keeps them'),
  'webhook.events-lost': z
    .object({ webhookSid: z.string(), url: z.string() })
    .describe('it stood still for longer than events are kept, and misses some'),
  ...announcementEventSchemas,
  ...applicationEventSchemas,
  ...bridgeRequestEventSchemas,
  ...groupEventSchemas,
  ...recordingEventSchemas,
  ...streamEventSchemas,
  ...transcriptionEventSchemas,
  'node.media-worker-died': z.object({ node: z.string(), pid: z.number(), endedCalls: z.array(z.string()) }),
  'node.started': z.object({ node: z.string(), roles: z.array(z.string()) }),
  'node.joined': z
    .object({
      node: z.string(),
      fence: z.number().describe('number of its lease: what it stamps with this number is valid until node.left'),
      roles: z.array(z.string()),
      addresses: z.record(z.string(), z.string()).describe('where it is reached, by purpose'),
    })
    .describe('a process is a member of the cluster'),
  'node.left': z
    .object({
      node: z.string(),
      fence: z.number().describe('what it stamped with this number or a lower one and comes later is not valid'),
      reason: z.enum(['stopped', 'expired']).describe('expired: it died, or was away for longer than its lease'),
      by: z.string().optional().describe('node that found it dead'),
    })
    .describe('once for each node; again when the node that tidied up after it died in between'),
  'node.overloaded': z
    .object({
      node: z.string(),
      refused: z.number().describe('new calls answered 503 since it began'),
      share: z.number().describe('of new calls that are taken now, 0 to 1'),
      load: z.number().describe('share of its time that the event loop worked, 0 to 1'),
      lateMs: z.number().describe('milliseconds that a timer came late'),
      delayMs: z.number().optional().describe('milliseconds that what arrived waited before it was read'),
      waiting: z.number().describe('new calls that nobody has answered in any way'),
    })
    .describe('more calls come than it has room for: when it begins, and every 10 s while it lasts'),
  'node.recovered': z
    .object({ node: z.string(), refused: z.number().describe('new calls answered 503 in all of it') })
    .describe('every call is taken again'),
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

/** Topics under which clients and backends publish their own events. */
export function isApplicationTopic(topic: string): boolean {
  return topic.startsWith(`${escapeToken('app')}.`);
}
