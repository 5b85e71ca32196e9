import { isSid } from '@hookswitch/shared';
import { z } from 'zod';
import type { NodeRpc } from '../bridge/ports.ts';
import type { PlaceOutcome, StoredRequest } from '../cluster/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { Log, Unsubscribe } from '../kernel/index.ts';
import type { RecordingChange } from './recordings/recording-desk.ts';
import type { PlacedCalls } from './placed-calls.ts';
import type { CallControl, CallControlReply, CallControlRequest } from './ports.ts';
import type { NodeCallRouter } from './router.ts';
import type { TranscriptionFacts } from './transcriptions/transcription-desk.ts';
import type { StreamFacts } from './streams/stream-desk.ts';

/** Methods of a node that has calls. */
const RPC = { place: 'call-place', control: 'call-control' } as const;

const storedRequestSchema = z.object({
  accountSid: z.string(),
  callSid: z.string(),
  queuedAt: z.number(),
  order: z.unknown(),
  state: z.enum(['queued', 'claimed', 'dialling']),
  node: z.string().optional(),
  revision: z.number(),
  priority: z.number().optional(),
  startAt: z.number().optional(),
  expiresAt: z.number().optional(),
});
/** A request for the node that is to place it, and whether it takes a channel of a trunk first. */
const placeSchema = z.object({ request: storedRequestSchema, takesChannel: z.boolean() });
const outcomeSchema = z.enum(['placed', 'refused', 'gone', 'no-channel']);
const method = z.enum(['GET', 'POST']);
const ofCall = { accountSid: z.string(), callSid: z.string() };
const requestSchema = z.discriminatedUnion('kind', [
  z.object({ ...ofCall, kind: z.literal('redirect'), url: z.string(), method }),
  z.object({ ...ofCall, kind: z.literal('twiml'), document: z.string() }),
  z.object({ ...ofCall, kind: z.literal('end') }),
  z.object({
    ...ofCall,
    kind: z.literal('settings'),
    fallback: z.object({ url: z.string(), method }).nullable().optional(),
    statusCallback: z
      .object({ url: z.string(), method, events: z.array(z.enum(['initiated', 'ringing', 'answered', 'completed'])) })
      .nullable()
      .optional(),
  }),
  z.object({ ...ofCall, kind: z.literal('time-limit'), ms: z.number() }),
  z.object({ ...ofCall, kind: z.literal('send-digits'), digits: z.string() }),
  z.object({
    ...ofCall,
    kind: z.literal('record'),
    channels: z.enum(['mono', 'dual']),
    track: z.enum(['both', 'inbound', 'outbound']),
    trim: z.boolean(),
    callback: z
      .object({ url: z.string(), method, events: z.array(z.enum(['in-progress', 'completed', 'absent'])) })
      .optional(),
  }),
  z.object({
    ...ofCall,
    kind: z.literal('change-recording'),
    recordingSid: z.string().optional(),
    change: z.enum(['pause-skip', 'pause-silence', 'resume', 'stop']),
  }),
  z.object({
    ...ofCall,
    kind: z.literal('start-stream'),
    url: z.string(),
    name: z.string(),
    track: z.enum(['inbound_track', 'outbound_track', 'both_tracks']),
    parameters: z.record(z.string(), z.string()),
    callback: z.object({ url: z.string(), method }).optional(),
  }),
  z.object({ ...ofCall, kind: z.literal('stop-stream'), stream: z.string() }),
  z.object({
    ...ofCall,
    kind: z.literal('start-transcription'),
    name: z.string(),
    track: z.enum(['inbound_track', 'outbound_track', 'both_tracks']),
    language: z.string(),
    hints: z.array(z.string()),
    partial: z.boolean(),
    labels: z.object({ inbound: z.string(), outbound: z.string() }).partial(),
    callback: z.object({ url: z.string(), method }).optional(),
  }),
  z.object({ ...ofCall, kind: z.literal('stop-transcription'), transcription: z.string() }),
  z.object({
    ...ofCall,
    kind: z.literal('announce'),
    prompt: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('fetch'), url: z.string() }),
      z.object({
        kind: z.literal('say'),
        text: z.string(),
        ssml: z.string().optional(),
        voice: z.string().optional(),
        language: z.string().optional(),
      }),
    ]),
    to: z.enum(['leg', 'both']),
    loop: z.number(),
  }),
  z.object({ ...ofCall, kind: z.literal('stop-announcement'), announcementSid: z.string().optional() }),
]);
const replySchema = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    recording: z
      .object({
        recordingSid: z.string(),
        channels: z.enum(['mono', 'dual']),
        track: z.enum(['both', 'inbound', 'outbound']),
        source: z.string(),
        startedAt: z.number(),
      })
      .optional(),
    stream: z.object({ streamSid: z.string(), name: z.string() }).optional(),
    transcription: z.object({ transcriptionSid: z.string(), name: z.string() }).optional(),
    announcementSid: z.string().optional(),
  }),
  z.object({
    ok: z.literal(false),
    reason: z.enum([
      'no-such-call',
      'not-supported',
      'not-answered',
      'no-such-recording',
      'no-such-stream',
      'no-such-transcription',
      'no-such-announcement',
      'unavailable',
    ]),
  }),
]);

/** Answers the requests of others about calls of this node. */
export function serveCallControl(rpc: NodeRpc, router: NodeCallRouter, placed: PlacedCalls): Unsubscribe {
  const stops = [
    rpc.serve(RPC.place, (payload) => {
      const { request, takesChannel } = placeSchema.parse(payload);
      return placed.place(request, { takesChannel });
    }),
    rpc.serve(RPC.control, (payload) => Promise.resolve(control(router, requestSchema.parse(payload)))),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function control(router: NodeCallRouter, request: CallControlRequest): CallControlReply {
  const { callSid, accountSid } = request;
  const leg = router.liveLeg(callSid);
  if (leg?.accountSid !== accountSid) return { ok: false, reason: 'no-such-call' };
  switch (request.kind) {
    case 'settings': {
      const { fallback, statusCallback } = request;
      const settings = {
        ...(fallback === undefined ? {} : { fallback }),
        ...(statusCallback === undefined ? {} : { statusCallback }),
      };
      const result = router.update(callSid, { kind: 'settings', ...settings });
      return result === 'accepted' ? { ok: true } : { ok: false, reason: 'not-supported' };
    }
    case 'redirect':
    case 'twiml': {
      const result = router.update(callSid, request);
      return result === 'accepted' ? { ok: true } : { ok: false, reason: 'not-supported' };
    }
    case 'end':
      router.update(callSid, {
        kind: 'end',
        request: { cause: leg.answered ? 'hangup-api' : 'canceled', message: 'the call was ended by the REST API' },
      });
      return { ok: true };
    case 'time-limit':
      router.limit(callSid, request.ms);
      return { ok: true };
    case 'send-digits':
      return router.act(callSid, request) ? { ok: true } : { ok: false, reason: 'not-answered' };
    case 'record':
      return record(router, request);
    case 'start-stream':
      if (!leg.answered) return { ok: false, reason: 'not-answered' };
      return { ok: true, stream: namesOf(router.streams.begin(accountSid, callSid, request)) };
    case 'stop-stream': {
      const { stream: which } = request;
      const stream = router.streams.stop(callSid, isSid('stream', which) ? { streamSid: which } : { name: which });
      return stream === undefined ? { ok: false, reason: 'no-such-stream' } : { ok: true, stream: namesOf(stream) };
    }
    case 'start-transcription':
      if (!leg.answered) return { ok: false, reason: 'not-answered' };
      return { ok: true, transcription: namedTranscription(router.transcriptions.begin(accountSid, callSid, request)) };
    case 'stop-transcription': {
      const { transcription: which } = request;
      const isOfSid = isSid('realtimeTranscription', which);
      const found = router.transcriptions.stop(callSid, isOfSid ? { transcriptionSid: which } : { name: which });
      if (found === undefined) return { ok: false, reason: 'no-such-transcription' };
      return { ok: true, transcription: namedTranscription(found) };
    }
    case 'announce': {
      const announcementSid = router.announce(callSid, request);
      return announcementSid === undefined ? { ok: false, reason: 'not-answered' } : { ok: true, announcementSid };
    }
    case 'stop-announcement': {
      const announcementSid = router.stopAnnouncement(callSid, request.announcementSid);
      return announcementSid === undefined
        ? { ok: false, reason: 'no-such-announcement' }
        : { ok: true, announcementSid };
    }
    case 'change-recording': {
      const recording = router.changeRecording(callSid, request.recordingSid, CHANGES[request.change]);
      return recording === undefined ? { ok: false, reason: 'no-such-recording' } : { ok: true, recording };
    }
  }
}

const namedTranscription = ({ transcriptionSid, name }: TranscriptionFacts) => ({ transcriptionSid, name });
const namesOf = ({ streamSid, name }: StreamFacts): { streamSid: string; name: string } => ({ streamSid, name });

/** Longest recording that was not given a length, milliseconds. */
const MAX_RECORDING_MS = 14_400_000;
const CHANGES: Readonly<Record<Extract<CallControlRequest, { kind: 'change-recording' }>['change'], RecordingChange>> =
  {
    'pause-skip': { kind: 'pause', behavior: 'skip' },
    'pause-silence': { kind: 'pause', behavior: 'silence' },
    resume: { kind: 'resume' },
    stop: { kind: 'stop' },
  };

function record(router: NodeCallRouter, request: Extract<CallControlRequest, { kind: 'record' }>): CallControlReply {
  const { callSid, channels, track, trim, callback } = request;
  const options = { channels, track, trim, endSilenceMs: undefined, maxMs: MAX_RECORDING_MS };
  const recording = router.record(callSid, {
    source: 'StartCallRecordingAPI',
    options,
    callback,
    transcribe: undefined,
  });
  return recording === undefined ? { ok: false, reason: 'not-answered' } : { ok: true, recording };
}

export interface CallControlParts {
  readonly rpc: NodeRpc;
  /** Nodes that hold calls, the likeliest first; asked for at every use. */
  readonly nodes: () => readonly string[];
  readonly log: Log;
}

/** Calls of all nodes: asks the node that is known to hold one, else one after another until one knows it. */
export function callControl({ rpc, nodes, log }: CallControlParts): CallControl & {
  /** Hands a claimed request to its node. @throws NodeRpcError */
  place(node: string, request: StoredRequest, how: { readonly takesChannel: boolean }): Promise<PlaceOutcome>;
} {
  return {
    async place(node, request, { takesChannel }) {
      return outcomeSchema.parse(await rpc.request(node, RPC.place, { request, takesChannel }));
    },
    async request(request, hint) {
      const all = nodes();
      const order =
        hint === undefined ? all : [...all.filter((node) => node === hint), ...all.filter((node) => node !== hint)];
      let unreachable = 0;
      for (const node of order) {
        try {
          const reply = replySchema.parse(await rpc.request(node, RPC.control, request));
          if (reply.ok || reply.reason !== 'no-such-call') return reply;
        } catch (error) {
          unreachable++;
          log.warn({ node, callSid: request.callSid, reason: describeError(error) }, 'a call node does not answer');
        }
      }
      return { ok: false, reason: unreachable === 0 ? 'no-such-call' : 'unavailable' };
    },
  };
}
