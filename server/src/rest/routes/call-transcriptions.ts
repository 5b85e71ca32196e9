import { z } from 'zod';
import type { CallControlReply } from '../../calls/index.ts';
import type { CallRecord } from '../../records/index.ts';
import { ask } from '../call-update.ts';
import { rfc2822 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { methodParameter, urlParameter } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { callOf, callPath } from './calls.ts';

const transcriptionSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    call_sid: z.string(),
    name: z.string().nullable(),
    status: z.enum(['in-progress', 'stopped']),
    date_updated: z.string(),
    uri: z.string(),
  })
  .meta({ id: 'RealtimeTranscription' });
const tags = ['Transcriptions'];
const COLLECTION = '/Accounts/:AccountSid/Calls/:CallSid/Transcriptions.json';
const INSTANCE = '/Accounts/:AccountSid/Calls/:CallSid/Transcriptions/:Sid.json';
const flag = z.union([z.boolean(), z.stringbool()]).optional();
const label = z.string().trim().max(64).optional();

/** What is said in a call in progress, written down as it is said, beside its instructions. */
export function callTranscriptionRoutes(app: RestApp, services: RestServices): void {
  create(app, services);
  stop(app, services);
}

function create(app: RestApp, services: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateRealtimeTranscription',
        summary: 'Write down what is said in a call in progress, as it is said',
        tags,
        params: callPath,
        body: z.object({
          Name: z.string().trim().max(200).optional(),
          Track: z.enum(['inbound_track', 'outbound_track', 'both_tracks']).default('both_tracks'),
          StatusCallbackUrl: urlParameter,
          StatusCallbackMethod: methodParameter,
          InboundTrackLabel: label,
          OutboundTrackLabel: label,
          PartialResults: flag,
          LanguageCode: z.string().max(35).default('en-US'),
          Hints: z.string().max(10_000).optional().describe('Words and phrases to expect, by commas'),
        }),
        response: { 201: transcriptionSchema },
      },
    },
    async (request, reply) => {
      const call = await callOf(services, contextOf(request).account.sid, request.params.CallSid);
      if (call.endTime !== null) throw new RestError('callNotInProgress');
      const { Name = '', Track, LanguageCode, Hints = '', PartialResults, ...given } = request.body;
      const { StatusCallbackUrl: url = '', StatusCallbackMethod: method = 'POST' } = given;
      const hints = Hints.split(',').map((hint) => hint.trim());
      const done = await ask(services, call, {
        accountSid: call.accountSid,
        callSid: call.sid,
        kind: 'start-transcription',
        name: Name,
        track: Track,
        language: LanguageCode,
        hints: hints.filter((hint) => hint !== ''),
        partial: PartialResults ?? false,
        labels: { inbound: given.InboundTrackLabel, outbound: given.OutboundTrackLabel },
        ...(url === '' ? {} : { callback: { url, method } }),
      });
      return await reply.code(201).send(view(services, call, { done, status: 'in-progress' }));
    },
  );
}

function stop(app: RestApp, services: RestServices): void {
  app.post(
    INSTANCE,
    {
      schema: {
        operationId: 'UpdateRealtimeTranscription',
        summary: 'Stop writing down',
        tags,
        params: callPath.extend({ Sid: z.string().min(1).max(200).describe('its sid or its name') }),
        body: z.object({ Status: z.literal('stopped') }),
        response: { 200: transcriptionSchema },
      },
    },
    async (request) => {
      const { CallSid, Sid } = request.params;
      const call = await callOf(services, contextOf(request).account.sid, CallSid);
      if (call.endTime !== null) throw new RestError('callNotInProgress');
      const { accountSid, sid: callSid } = call;
      const done = await ask(services, call, { accountSid, callSid, kind: 'stop-transcription', transcription: Sid });
      return view(services, call, { done, status: 'stopped' });
    },
  );
}

function view(
  { clock }: RestServices,
  { accountSid, sid: callSid }: CallRecord,
  { done, status }: { done: Extract<CallControlReply, { ok: true }>; status: 'in-progress' | 'stopped' },
): z.input<typeof transcriptionSchema> {
  const { transcription } = done;
  if (transcription === undefined) throw new RestError('internal');
  const { transcriptionSid, name } = transcription;
  return {
    sid: transcriptionSid,
    account_sid: accountSid,
    call_sid: callSid,
    name: name === '' ? null : name,
    status,
    date_updated: rfc2822(clock.now()),
    uri: `/2010-04-01/Accounts/${accountSid}/Calls/${callSid}/Transcriptions/${transcriptionSid}.json`,
  };
}
