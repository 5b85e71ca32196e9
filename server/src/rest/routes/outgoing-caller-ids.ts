import { sidFromHex } from '@hookswitch/shared';
import { z } from 'zod';
import { randomHex } from '../../kernel/index.ts';
import type { CallerIdRecord } from '../../records/index.ts';
import { rfc2822 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, nameParameter, numberParameter, sid } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const callerIdSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    friendly_name: z.string(),
    phone_number: z.string(),
    date_created: z.string(),
    date_updated: z.string(),
    uri: z.string(),
  })
  .meta({ id: 'OutgoingCallerId' });
const validationSchema = z
  .object({
    account_sid: z.string(),
    phone_number: z.string(),
    friendly_name: z.string(),
    validation_code: z.string(),
    call_sid: z.null(),
  })
  .meta({ id: 'ValidationRequest' });
const tags = ['OutgoingCallerIds'];
const path = accountPath.extend({ Sid: sid('phoneNumber') });
const COLLECTION = '/Accounts/:AccountSid/OutgoingCallerIds.json';
const INSTANCE = '/Accounts/:AccountSid/OutgoingCallerIds/:Sid.json';

/**
 * Numbers that calls may show as their caller without being numbers of the account.
 *
 * DEVIATION: they are declared and used at once, nobody is called to confirm them: who may say so is the account's carrier.
 */
export function outgoingCallerIdRoutes(app: RestApp, services: RestServices): void {
  create(app, services);
  list(app, services);
  instance(app, services);
}

function create(app: RestApp, { records, random, clock }: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateValidationRequest',
        summary: 'Declare a number that calls may show',
        tags,
        params: accountPath,
        body: z.object({ PhoneNumber: numberParameter, FriendlyName: nameParameter }),
        response: { 200: validationSchema },
      },
    },
    async (request) => {
      const accountSid = contextOf(request).account.sid;
      const { PhoneNumber: number, FriendlyName = '' } = request.body;
      const at = new Date(clock.now()).toISOString();
      const made = await records.callerIds.insert({
        sid: sidFromHex('phoneNumber', randomHex(random, 16)),
        accountSid,
        number,
        name: FriendlyName === '' ? number : FriendlyName,
        createdAt: at,
        updatedAt: at,
      });
      const validation_code = String(random.int(1_000_000)).padStart(6, '0');
      return {
        account_sid: accountSid,
        phone_number: made.number,
        friendly_name: made.name,
        validation_code,
        call_sid: null,
      };
    },
  );
}

function list(app: RestApp, { records, pages }: RestServices): void {
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'ListOutgoingCallerId',
        summary: 'Numbers that calls may show',
        tags,
        params: accountPath,
        querystring: z.object({
          PhoneNumber: z.string().optional(),
          FriendlyName: z.string().optional(),
          ...pageParameters,
        }),
        response: { 200: z.object({ outgoing_caller_ids: z.array(callerIdSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const { PhoneNumber: number, FriendlyName: name } = query;
      const page = await readPage(pages, { url, owner, query }, (load) =>
        records.callerIds.list({ accountSid: owner, number, name, ...load }),
      );
      return { outgoing_caller_ids: page.items.map(view), ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, { records, clock }: RestServices): void {
  const schema = { tags, params: path };
  const response = { 200: callerIdSchema };
  const found = async (accountSid: string, wanted: string): Promise<CallerIdRecord> => {
    const record = await records.callerIds.get(accountSid, wanted);
    if (record === undefined) throw new RestError('notFound');
    return record;
  };
  app.get(
    INSTANCE,
    { schema: { ...schema, operationId: 'FetchOutgoingCallerId', summary: 'One number', response } },
    async (request) => view(await found(contextOf(request).account.sid, request.params.Sid)),
  );
  app.post(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'UpdateOutgoingCallerId',
        summary: 'Rename it',
        body: z.object({ FriendlyName: nameParameter }),
        response,
      },
    },
    async (request) => {
      const accountSid = contextOf(request).account.sid;
      const before = await found(accountSid, request.params.Sid);
      const { FriendlyName: name = '' } = request.body;
      if (name === '') return view(before);
      await records.callerIds.rename(accountSid, before.sid, { name, updatedAt: new Date(clock.now()).toISOString() });
      return view(await found(accountSid, before.sid));
    },
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'DeleteOutgoingCallerId',
        summary: 'It may be shown no more',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const removed = await records.callerIds.remove(contextOf(request).account.sid, request.params.Sid);
      if (!removed) throw new RestError('notFound');
      return await reply.code(204).send(null);
    },
  );
}

function view(record: CallerIdRecord): z.input<typeof callerIdSchema> {
  const { sid: wanted, accountSid, name, number, createdAt, updatedAt } = record;
  return {
    sid: wanted,
    account_sid: accountSid,
    friendly_name: name,
    phone_number: number,
    date_created: rfc2822(createdAt),
    date_updated: rfc2822(updatedAt),
    uri: `/2010-04-01/Accounts/${accountSid}/OutgoingCallerIds/${wanted}.json`,
  };
}
