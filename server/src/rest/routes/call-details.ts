import { z } from 'zod';
import type { RecordVersion } from '../../records/index.ts';
import { ask } from '../call-update.ts';
import { RestError } from '../errors.ts';
import { accountPath, sid } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { callOf } from './calls.ts';

const path = accountPath.extend({ CallSid: sid('call') });
const tags = ['Calls'];
const versionSchema = z
  .object({
    version: z.number().int(),
    at: z.string(),
    source: z.string().describe('event type, or request for what the API did'),
    changes: z.record(z.string(), z.unknown()).describe('what this version changed'),
    state: z.record(z.string(), z.unknown()).describe('the resource from this version on'),
  })
  .meta({ id: 'CallVersion' });

/** What /v1 has of calls: their history (CR-6), and keys that are pressed into them. */
export function callDetailRoutes(app: RestApp, services: RestServices): void {
  versions(app, services);
  digits(app, services);
}

function versions(app: RestApp, services: RestServices): void {
  app.get(
    '/accounts/:AccountSid/calls/:CallSid/versions',
    {
      schema: {
        operationId: 'listCallVersions',
        summary: 'What became of a call, version by version, the first one first',
        tags,
        params: path,
        querystring: z.object({ version: z.coerce.number().int().min(1).optional().describe('only this one') }),
        response: { 200: z.object({ versions: z.array(versionSchema) }) },
      },
    },
    async (request) => {
      const accountSid = contextOf(request).account.sid;
      const { CallSid } = request.params;
      const { version } = request.query;
      await callOf(services, accountSid, CallSid);
      const all = withStates(await services.records.calls.versions(accountSid, CallSid));
      if (version === undefined) return { versions: all };
      const found = all[version - 1];
      if (found === undefined) throw new RestError('notFound');
      return { versions: [found] };
    },
  );
}

function withStates(all: readonly RecordVersion[]): z.input<typeof versionSchema>[] {
  let state: Record<string, unknown> = {};
  return all.map((each) => {
    state = { ...state, ...each.changes };
    return { ...each, state };
  });
}

function digits(app: RestApp, services: RestServices): void {
  app.post(
    '/accounts/:AccountSid/calls/:CallSid/digits',
    {
      schema: {
        operationId: 'sendCallDigits',
        summary: 'Press keys into a call in progress, beside its instructions',
        tags,
        params: path,
        body: z.strictObject({
          digits: z.string().regex(/^[0-9A-Da-d#*wW]{1,64}$/, 'expected up to 64 of 0-9 A-D # * w W'),
        }),
        response: { 202: z.object({ callSid: z.string() }) },
      },
    },
    async (request, reply) => {
      const call = await callOf(services, contextOf(request).account.sid, request.params.CallSid);
      if (call.endTime !== null) throw new RestError('callNotInProgress');
      const of = { accountSid: call.accountSid, callSid: call.sid };
      await ask(services, call, { ...of, kind: 'send-digits', digits: request.body.digits });
      return await reply.code(202).send({ callSid: call.sid });
    },
  );
}
