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

const streamSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    call_sid: z.string(),
    name: z.string().nullable(),
    status: z.enum(['in-progress', 'stopped']),
    date_updated: z.string(),
    uri: z.string(),
  })
  .meta({ id: 'CallStream' });
const tags = ['Streams'];
const COLLECTION = '/Accounts/:AccountSid/Calls/:CallSid/Streams.json';
const INSTANCE = '/Accounts/:AccountSid/Calls/:CallSid/Streams/:Sid.json';
const socketUrl = z
  .string()
  .trim()
  .max(2048)
  .refine(
    (text) => /^wss?:\/\//i.test(text) && URL.canParse(text),
    'expected an address that begins with wss:// or ws://',
  );

/** Media streams of a call in progress, one way, beside its instructions. */
export function callStreamRoutes(app: RestApp, services: RestServices): void {
  create(app, services);
  stop(app, services);
}

function create(app: RestApp, services: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateStream',
        summary: 'Send the audio of a call in progress to a WebSocket server, beside its instructions',
        description: 'Parameter1.Name, Parameter1.Value and so on up to 99 are handed to the server with the start.',
        tags,
        params: callPath,
        body: z.looseObject({
          Url: socketUrl,
          Name: z.string().trim().max(200).optional(),
          Track: z.enum(['inbound_track', 'outbound_track', 'both_tracks']).optional(),
          StatusCallback: urlParameter,
          StatusCallbackMethod: methodParameter,
        }),
        response: { 201: streamSchema },
      },
    },
    async (request, reply) => {
      const call = await callOf(services, contextOf(request).account.sid, request.params.CallSid);
      if (call.endTime !== null) throw new RestError('callNotInProgress');
      const { Url, Name = '', Track = 'inbound_track', StatusCallback: callback = '', ...rest } = request.body;
      const done = await ask(services, call, {
        accountSid: call.accountSid,
        callSid: call.sid,
        kind: 'start-stream',
        url: Url,
        name: Name,
        track: Track,
        parameters: parametersIn(rest),
        ...(callback === '' ? {} : { callback: { url: callback, method: rest.StatusCallbackMethod ?? 'POST' } }),
      });
      return await reply.code(201).send(view(services, call, done, 'in-progress'));
    },
  );
}

function stop(app: RestApp, services: RestServices): void {
  app.post(
    INSTANCE,
    {
      schema: {
        operationId: 'UpdateStream',
        summary: 'Stop a stream',
        tags,
        params: callPath.extend({ Sid: z.string().min(1).max(200).describe('its sid or its name') }),
        body: z.object({ Status: z.literal('stopped') }),
        response: { 200: streamSchema },
      },
    },
    async (request) => {
      const { CallSid, Sid } = request.params;
      const call = await callOf(services, contextOf(request).account.sid, CallSid);
      if (call.endTime !== null) throw new RestError('callNotInProgress');
      const { accountSid, sid: callSid } = call;
      const done = await ask(services, call, { accountSid, callSid, kind: 'stop-stream', stream: Sid });
      return view(services, call, done, 'stopped');
    },
  );
}

/** `Parameter7.Name` and `Parameter7.Value`, as many as there are. */
function parametersIn(body: Readonly<Record<string, unknown>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (let n = 1; n <= 99; n++) {
    const [name, value] = [body[`Parameter${n}.Name`], body[`Parameter${n}.Value`]];
    if (typeof name === 'string' && name !== '') found[name] = typeof value === 'string' ? value : '';
  }
  return found;
}

function view(
  { clock }: RestServices,
  { accountSid, sid: callSid }: CallRecord,
  { stream }: Extract<CallControlReply, { ok: true }>,
  status: 'in-progress' | 'stopped',
): z.input<typeof streamSchema> {
  if (stream === undefined) throw new RestError('internal');
  return {
    sid: stream.streamSid,
    account_sid: accountSid,
    call_sid: callSid,
    name: stream.name === '' ? null : stream.name,
    status,
    date_updated: rfc2822(new Date(clock.now()).toISOString()),
    uri: `/2010-04-01/Accounts/${accountSid}/Calls/${callSid}/Streams/${stream.streamSid}.json`,
  };
}
