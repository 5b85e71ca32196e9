import { z } from 'zod';
import type { CallControlReply } from '../../calls/index.ts';
import type { CallRecord } from '../../records/index.ts';
import { ask } from '../call-update.ts';
import { RestError } from '../errors.ts';
import { methodParameter, sid, urlParameter } from '../parameters.ts';
import { recordingSchema, recordingView } from '../recording-view.ts';
import { baseOf, contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { callOf, callPath } from './calls.ts';

const tags = ['Recordings'];
/** In the place of a sid: the recording that goes on. */
export const CURRENT = 'Twilio.CURRENT';
const COLLECTION = '/Accounts/:AccountSid/Calls/:CallSid/Recordings.json';
const INSTANCE = '/Accounts/:AccountSid/Calls/:CallSid/Recordings/:Sid.json';
export const recordingEvents = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [given].flat().flatMap((text) => text.trim().split(/[\s,]+/)))
  .pipe(z.array(z.enum(['in-progress', 'completed', 'absent'])))
  .optional();

/** Recordings of a call in progress: begun, paused, gone on with, stopped. */
export function callRecordingRoutes(app: RestApp, services: RestServices): void {
  create(app, services);
  change(app, services);
}

function create(app: RestApp, services: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateCallRecording',
        summary: 'Record a call in progress, beside its instructions',
        tags,
        params: callPath,
        body: z.object({
          RecordingStatusCallback: urlParameter,
          RecordingStatusCallbackMethod: methodParameter,
          RecordingStatusCallbackEvent: recordingEvents,
          Trim: z.enum(['trim-silence', 'do-not-trim']).optional(),
          RecordingChannels: z.enum(['mono', 'dual']).optional(),
          RecordingTrack: z.enum(['both', 'inbound', 'outbound']).optional(),
        }),
        response: { 201: recordingSchema },
      },
    },
    async (request, reply) => {
      const call = await callOf(services, contextOf(request).account.sid, request.params.CallSid);
      if (call.endTime !== null) throw new RestError('callNotInProgress');
      const {
        RecordingStatusCallback: url = '',
        RecordingStatusCallbackMethod: method = 'POST',
        ...given
      } = request.body;
      const { RecordingStatusCallbackEvent: wanted = ['completed'] } = given;
      const done = await ask(services, call, {
        accountSid: call.accountSid,
        callSid: call.sid,
        kind: 'record',
        channels: given.RecordingChannels ?? 'mono',
        track: given.RecordingTrack ?? 'both',
        trim: given.Trim === 'trim-silence',
        ...(url === '' ? {} : { callback: { url, method, events: wanted } }),
      });
      return await reply.code(201).send(live(services, call, { done, status: 'in-progress', base: baseOf(request) }));
    },
  );
}

function change(app: RestApp, services: RestServices): void {
  app.post(
    INSTANCE,
    {
      schema: {
        operationId: 'UpdateCallRecording',
        summary: 'Pause, resume or stop a recording',
        tags,
        params: callPath.extend({ Sid: z.union([sid('recording'), z.literal(CURRENT)]) }),
        body: z.object({
          Status: z.enum(['paused', 'in-progress', 'stopped']),
          PauseBehavior: z.enum(['skip', 'silence']).default('silence'),
        }),
        response: { 200: recordingSchema },
      },
    },
    async (request) => {
      const { CallSid, Sid } = request.params;
      const call = await callOf(services, contextOf(request).account.sid, CallSid);
      if (call.endTime !== null) throw new RestError('callNotInProgress');
      const { Status, PauseBehavior } = request.body;
      const changes = { paused: `pause-${PauseBehavior}`, 'in-progress': 'resume', stopped: 'stop' } as const;
      const done = await ask(services, call, {
        accountSid: call.accountSid,
        callSid: call.sid,
        kind: 'change-recording',
        ...(Sid === CURRENT ? {} : { recordingSid: Sid }),
        change: changes[Status],
      });
      return live(services, call, { done, status: Status, base: baseOf(request) });
    },
  );
}

/** The recording as it is now, which its record may not show yet. */
function live(
  { clock }: RestServices,
  { accountSid, sid: callSid }: CallRecord,
  {
    done,
    status,
    base,
  }: {
    done: Extract<CallControlReply, { ok: true }>;
    status: 'in-progress' | 'paused' | 'stopped';
    base: string;
  },
): z.input<typeof recordingSchema> {
  const { recording } = done;
  if (recording === undefined) throw new RestError('internal');
  const { recordingSid, channels, track, source, startedAt } = recording;
  const startTime = new Date(startedAt).toISOString();
  const view = recordingView(
    {
      sid: recordingSid,
      accountSid,
      callSid,
      conferenceSid: null,
      source,
      channels: channels === 'dual' ? 2 : 1,
      track,
      status: 'in-progress',
      startTime,
      createdAt: startTime,
      updatedAt: new Date(clock.now()).toISOString(),
      durationMs: null,
      bytes: null,
      message: null,
    },
    base,
  );
  return { ...view, status };
}
