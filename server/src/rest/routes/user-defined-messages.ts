import { CALL_MESSAGE_MAX_BYTES } from '@hookswitch/shared';
import { z } from 'zod';
import type { CallMessageReply, CallMessageRequest } from '../../bridge/ports.ts';
import { rfc2822 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { accountPath, methodParameter, sid, urlParameter } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const made = {
  account_sid: z.string(),
  call_sid: z.string(),
  sid: z.string(),
  date_created: z.string(),
};
const messageSchema = z.object(made).meta({ id: 'UserDefinedMessage' });
const subscriptionSchema = z.object({ ...made, uri: z.string() }).meta({ id: 'UserDefinedMessageSubscription' });
const path = accountPath.extend({ CallSid: sid('call') });
const IdempotencyKey = z
  .string()
  .min(1)
  .max(256)
  .optional()
  .describe('The same again, for the same call, makes nothing new');
const tags = ['Calls'];
const CALL = '/Accounts/:AccountSid/Calls/:CallSid';

/** Messages between the softphone of a call and the application. */
export function userDefinedMessageRoutes(app: RestApp, services: RestServices): void {
  messages(app, services);
  subscriptions(app, services);
}

function messages(app: RestApp, services: RestServices): void {
  app.post(
    `${CALL}/UserDefinedMessages.json`,
    {
      schema: {
        operationId: 'CreateUserDefinedMessage',
        summary: 'Send a message to the softphone of a call',
        description: 'Into the leg of a softphone, or the leg of the caller it talks with. Answered once it is stored.',
        tags,
        params: path,
        body: z.object({
          Content: z.string().describe(`JSON, at most ${CALL_MESSAGE_MAX_BYTES} bytes`),
          IdempotencyKey,
        }),
        response: { 201: messageSchema },
      },
    },
    async (request, reply) => {
      const { Content, IdempotencyKey: idempotencyKey } = request.body;
      const call = { accountSid: contextOf(request).account.sid, callSid: request.params.CallSid };
      const content = jsonOf(Content);
      const sent = await ask(services, { ...call, kind: 'send', content, idempotencyKey });
      return await reply.code(201).send(view(call, sent));
    },
  );
}

function subscriptions(app: RestApp, services: RestServices): void {
  app.post(
    `${CALL}/UserDefinedMessageSubscriptions.json`,
    {
      schema: {
        operationId: 'CreateUserDefinedMessageSubscription',
        summary: 'Be asked about messages that the softphone of a call sends',
        description: 'The JSON that Callback answers is the answer to the message. It ends with the call.',
        tags,
        params: path,
        body: z.object({ Callback: urlParameter, Method: methodParameter, IdempotencyKey }),
        response: { 201: subscriptionSchema },
      },
    },
    async (request, reply) => {
      const { Callback: url = '', Method: method = 'POST', IdempotencyKey: idempotencyKey } = request.body;
      if (url === '') throw new RestError('invalidUrl', 'Callback: expected an http or https URL');
      const call = { accountSid: contextOf(request).account.sid, callSid: request.params.CallSid };
      const subscribed = await ask(services, { ...call, kind: 'subscribe', url, method, idempotencyKey });
      const uri = `/2010-04-01/Accounts/${call.accountSid}/Calls/${call.callSid}/UserDefinedMessageSubscriptions`;
      return await reply.code(201).send({ ...view(call, subscribed), uri: `${uri}/${subscribed.sid}.json` });
    },
  );
  app.delete(
    `${CALL}/UserDefinedMessageSubscriptions/:Sid.json`,
    {
      schema: {
        operationId: 'DeleteUserDefinedMessageSubscription',
        summary: 'Be asked no more',
        tags,
        params: path.extend({ Sid: sid('messageSubscription') }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { CallSid: callSid, Sid } = request.params;
      await ask(services, { accountSid: contextOf(request).account.sid, callSid, kind: 'unsubscribe', sid: Sid });
      return await reply.code(204).send(null);
    },
  );
}

type Done = Extract<CallMessageReply, { ok: true }>;

/** @throws RestError */
async function ask({ callMessages }: RestServices, request: CallMessageRequest): Promise<Done> {
  const reply = await callMessages.request(request);
  if (reply.ok) return reply;
  const { reason, message } = reply;
  switch (reason) {
    case 'no-such-call':
      throw new RestError('notFound', 'There is no such call in progress');
    case 'not-found':
      throw new RestError('notFound');
    case 'no-client':
      throw new RestError('conflict', 'No softphone is connected in this call: send when one has answered');
    case 'limit':
      throw new RestError('tooManyRequests', message, { headers: { 'retry-after': '1' } });
    case 'unavailable':
      throw new RestError('unavailable', message, { headers: { 'retry-after': '1' } });
  }
}

function jsonOf(text: string): unknown {
  const bytes = Buffer.byteLength(text);
  if (bytes > CALL_MESSAGE_MAX_BYTES) {
    throw new RestError('tooLarge', `Content: at most ${CALL_MESSAGE_MAX_BYTES} bytes, not ${bytes}`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new RestError('badRequest', 'Content: expected JSON', { cause: error });
  }
}

function view(
  { accountSid, callSid }: { readonly accountSid: string; readonly callSid: string },
  { sid: made, at }: Done,
): z.input<typeof messageSchema> {
  return { account_sid: accountSid, call_sid: callSid, sid: made, date_created: rfc2822(at) };
}
