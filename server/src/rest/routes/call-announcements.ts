import { z } from 'zod';
import { ask } from '../call-update.ts';
import { RestError } from '../errors.ts';
import { accountPath, sid } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { callOf } from './calls.ts';

const path = accountPath.extend({ CallSid: sid('call') });
const tags = ['Calls'];
const COLLECTION = '/accounts/:AccountSid/calls/:CallSid/announcements';
const announcementSchema = z
  .object({ announcementSid: z.string(), callSid: z.string() })
  .meta({ id: 'CallAnnouncement' });
const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }).max(2048);
const common = {
  to: z
    .enum(['leg', 'both'])
    .default('leg')
    .describe('who hears it: the party of this call, or whom it is merged with too'),
  loop: z.number().int().min(0).max(1000).default(1).describe('times; 0: until it is stopped'),
};
const orderSchema = z.union([
  z.strictObject({ url: httpUrl.describe('of an audio file'), ...common }),
  z.strictObject({
    say: z.string().trim().min(1).max(4000),
    language: z.string().max(35).optional(),
    voice: z.string().max(64).optional(),
    ...common,
  }),
]);

/** Plays something into a call in progress, beside its instructions, which go on. */
export function callAnnouncementRoutes(app: RestApp, services: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'createCallAnnouncement',
        summary: 'Play or say something into a call in progress, merged or not, beside its instructions',
        tags,
        params: path,
        body: orderSchema,
        response: { 202: announcementSchema },
      },
    },
    async (request, reply) => {
      const call = await callOf(services, contextOf(request).account.sid, request.params.CallSid);
      if (call.endTime !== null) throw new RestError('callNotInProgress');
      const { body } = request;
      const prompt =
        'url' in body
          ? ({ kind: 'fetch', url: body.url } as const)
          : ({ kind: 'say', text: body.say, language: body.language, voice: body.voice } as const);
      const { accountSid, sid: callSid } = call;
      const order = { kind: 'announce', prompt, to: body.to, loop: body.loop } as const;
      const { announcementSid } = await ask(services, call, { accountSid, callSid, ...order });
      if (announcementSid === undefined) throw new RestError('internal');
      return await reply.code(202).send({ announcementSid, callSid });
    },
  );
  stop(app, services);
}

function stop(app: RestApp, services: RestServices): void {
  for (const [url, operationId, summary] of [
    [COLLECTION, 'deleteCallAnnouncements', 'Stop whatever is played into a call beside its instructions'],
    [`${COLLECTION}/:Sid`, 'deleteCallAnnouncement', 'Stop one announcement'],
  ] as const) {
    app.delete(
      url,
      {
        schema: {
          operationId,
          summary,
          tags,
          params: url === COLLECTION ? path : path.extend({ Sid: z.string().max(64) }),
          response: { 204: z.null() },
        },
      },
      async (request, reply) => {
        const { CallSid, Sid: announcementSid } = request.params as { CallSid: string; Sid?: string };
        const call = await callOf(services, contextOf(request).account.sid, CallSid);
        const { accountSid, sid: callSid } = call;
        await ask(services, call, { accountSid, callSid, kind: 'stop-announcement', announcementSid });
        return await reply.code(204).send(null);
      },
    );
  }
}
