import { z } from 'zod';
import type { CallRecord } from '../../records/index.ts';
import { placeCall } from '../call-placing.ts';
import { updateCall } from '../call-update.ts';
import { timingOf } from '../call-queueing.ts';
import { callParameters, orderOf, timeLimitParameter, twimlParameter } from '../call-order.ts';
import { callSchema, callStatusSchema, callView } from '../call-view.ts';
import { timeRange } from '../dates.ts';
import { RestError } from '../errors.ts';
import { placesOf } from '../queue-places.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, methodParameter, sid, urlParameter } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { normaliseNumber } from '../../calls/index.ts';

const tags = ['Calls'];
const COLLECTION = '/Accounts/:AccountSid/Calls.json';
const INSTANCE = '/Accounts/:AccountSid/Calls/:CallSid.json';
export const callPath = accountPath.extend({ CallSid: sid('call') });
const time = z.string().optional().describe('YYYY-MM-DD or an ISO 8601 time; also with < and > behind the name');
const listQuery = z.object({
  To: z.string().optional(),
  From: z.string().optional(),
  ParentCallSid: z.string().optional(),
  Status: callStatusSchema.optional(),
  StartTime: time,
  'StartTime<': time,
  'StartTime>': time,
  EndTime: time,
  'EndTime<': time,
  'EndTime>': time,
  ...pageParameters,
});

/** Calls: placing them, looking at them, changing those in progress. */
export function callRoutes(app: RestApp, services: RestServices): void {
  create(app, services);
  list(app, services);
  instance(app, services);
  change(app, services);
}

function create(app: RestApp, services: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateCall',
        summary: 'Place a call; answered at once, it is dialled when its turn comes',
        tags,
        params: accountPath,
        body: z.object(callParameters),
        response: { 201: callSchema },
      },
    },
    async (request, reply) => {
      const accountSid = contextOf(request).account.sid;
      const timing = timingOf(request.body, services.clock.now());
      const order = await orderOf(services, accountSid, request.body);
      const made = await placeCall(services, accountSid, order, timing);
      return await reply.code(201).send(callView(made, services.directory));
    },
  );
}

function list(app: RestApp, services: RestServices): void {
  const { records, pages, directory } = services;
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'ListCall',
        summary: 'Calls of an account',
        tags,
        params: accountPath,
        querystring: listQuery,
        response: { 200: z.object({ calls: z.array(callSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const { To, From, ParentCallSid: parentCallSid, Status: status } = query;
      const filters = {
        accountSid: owner,
        to: party(To),
        from: party(From),
        parentCallSid,
        status,
        startTime: timeRange(query, 'StartTime'),
        endTime: timeRange(query, 'EndTime'),
      };
      const page = await readPage(pages, { url, owner, query }, (load) => records.calls.list({ ...filters, ...load }));
      const places = await placesOf(services, page.items);
      return { calls: page.items.map((call) => callView(call, directory, places.get(call.sid))), ...legacyPage(page) };
    },
  );
}

const party = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : normaliseNumber(text);

function instance(app: RestApp, services: RestServices): void {
  const { records } = services;
  const schema = { tags, params: callPath };
  app.get(
    INSTANCE,
    { schema: { ...schema, operationId: 'FetchCall', summary: 'One call', response: { 200: callSchema } } },
    async (request) =>
      await shown(services, await callOf(services, contextOf(request).account.sid, request.params.CallSid)),
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'DeleteCall',
        summary: 'Delete a call that is over, with what belongs to it',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const outcome = await records.calls.remove(contextOf(request).account.sid, request.params.CallSid);
      if (outcome === 'not-found') throw new RestError('notFound');
      if (outcome === 'in-progress') throw new RestError('conflict', 'The call is not over: it can be deleted then');
      return await reply.code(204).send(null);
    },
  );
}

function change(app: RestApp, services: RestServices): void {
  app.post(
    INSTANCE,
    {
      schema: {
        operationId: 'UpdateCall',
        summary: 'Change a call in progress: other instructions, its end, its time limit',
        description:
          'Url and Twiml interrupt the verb in progress. Canceled ends a call that is not answered yet. FallbackUrl and StatusCallback hold from then on; empty, they are taken away.',
        tags,
        params: callPath,
        body: z.object({
          Url: urlParameter,
          Method: methodParameter,
          Twiml: twimlParameter,
          Status: z.enum(['canceled', 'completed']).optional(),
          TimeLimit: timeLimitParameter,
          FallbackUrl: urlParameter,
          FallbackMethod: methodParameter,
          StatusCallback: urlParameter,
          StatusCallbackMethod: methodParameter,
          StatusCallbackEvent: callParameters.StatusCallbackEvent,
        }),
        response: { 200: callSchema },
      },
    },
    async (request) => {
      const accountSid = contextOf(request).account.sid;
      const call = await callOf(services, accountSid, request.params.CallSid);
      return await shown(services, await updateCall(services, call, request.body));
    },
  );
}

async function shown(services: RestServices, call: CallRecord): Promise<z.input<typeof callSchema>> {
  const places = await placesOf(services, [call]);
  return callView(call, services.directory, places.get(call.sid));
}

/** @throws RestError `notFound` */
export async function callOf(
  { records }: Pick<RestServices, 'records'>,
  accountSid: string,
  callSid: string,
): Promise<CallRecord> {
  const call = await records.calls.get(accountSid, callSid);
  if (call === undefined) throw new RestError('notFound');
  return call;
}
