import { sidFromHex } from '@hookswitch/shared';
import { z } from 'zod';
import { randomHex } from '../../kernel/index.ts';
import type { UsageTriggerRecord } from '../../records/index.ts';
import { rfc2822 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, methodParameter, nameParameter, sid, urlParameter } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { triggerPeriod } from '../usage-spans.ts';
import { USAGE_CATEGORIES } from './usage.ts';

const recurring = z.enum(['daily', 'monthly', 'yearly', 'alltime']);
const triggerSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    api_version: z.literal('2010-04-01'),
    friendly_name: z.string(),
    usage_category: z.string(),
    trigger_by: z.enum(['count', 'usage', 'price']),
    trigger_value: z.string(),
    current_value: z.string(),
    recurring: recurring.nullable(),
    callback_url: z.string(),
    callback_method: z.enum(['GET', 'POST']),
    date_created: z.string(),
    date_updated: z.string(),
    date_fired: z.string().nullable(),
    usage_record_uri: z.string(),
    uri: z.string(),
  })
  .meta({ id: 'UsageTrigger' });
const tags = ['Usage'];
const path = accountPath.extend({ Sid: sid('usageTrigger') });
const COLLECTION = '/Accounts/:AccountSid/Usage/Triggers.json';
const INSTANCE = '/Accounts/:AccountSid/Usage/Triggers/:Sid.json';
const category = z.enum(Object.keys(USAGE_CATEGORIES) as [string, ...string[]]);
const triggerBy = z.enum(['count', 'usage', 'price']);

/** Webhooks that are told once the usage of an account reaches a value. */
export function usageTriggerRoutes(app: RestApp, services: RestServices): void {
  create(app, services);
  list(app, services);
  instance(app, services);
}

function create(app: RestApp, services: RestServices): void {
  const { records, random, clock } = services;
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateUsageTrigger',
        summary: 'Be told when the usage reaches a value',
        tags,
        params: accountPath,
        body: z.object({
          CallbackUrl: urlParameter,
          CallbackMethod: methodParameter,
          TriggerValue: z
            .string()
            .regex(/^\+?[0-9]{1,15}$/)
            .describe('+ in front: from where the usage stands now'),
          UsageCategory: category,
          TriggerBy: triggerBy.default('usage'),
          Recurring: recurring.optional(),
          FriendlyName: nameParameter,
        }),
        response: { 201: triggerSchema },
      },
    },
    async (request, reply) => {
      const accountSid = contextOf(request).account.sid;
      const { body } = request;
      const { CallbackUrl: callbackUrl = '', TriggerValue, Recurring } = body;
      if (callbackUrl === '') throw new RestError('invalidUrl', 'CallbackUrl: expected an http or https URL');
      const at = new Date(clock.now()).toISOString();
      const made: UsageTriggerRecord = {
        sid: sidFromHex('usageTrigger', randomHex(random, 16)),
        accountSid,
        name: body.FriendlyName ?? '',
        category: body.UsageCategory,
        triggerBy: body.TriggerBy,
        value: Number(TriggerValue.replace('+', '')),
        relative: TriggerValue.startsWith('+'),
        base: 0,
        recurring: Recurring === undefined || Recurring === 'alltime' ? null : Recurring,
        callbackUrl,
        callbackMethod: body.CallbackMethod ?? 'POST',
        createdAt: at,
        updatedAt: at,
        firedAt: null,
        firedFor: null,
      };
      const base = made.relative ? await currentValue(services, made) : 0;
      await records.triggers.insert({ ...made, base });
      return await reply.code(201).send(await view(services, { ...made, base }));
    },
  );
}

function list(app: RestApp, services: RestServices): void {
  const { records, pages } = services;
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'ListUsageTrigger',
        summary: 'Usage triggers',
        tags,
        params: accountPath,
        querystring: z.object({
          UsageCategory: z.string().optional(),
          TriggerBy: triggerBy.optional(),
          Recurring: recurring.optional(),
          ...pageParameters,
        }),
        response: { 200: z.object({ usage_triggers: z.array(triggerSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const { UsageCategory, TriggerBy, Recurring } = query;
      const filters = {
        ...(UsageCategory === undefined ? {} : { category: UsageCategory }),
        ...(TriggerBy === undefined ? {} : { triggerBy: TriggerBy }),
        ...(Recurring === undefined || Recurring === 'alltime' ? {} : { recurring: Recurring }),
      };
      const page = await readPage(pages, { url, owner, query }, (load) =>
        records.triggers.list({ accountSid: owner, ...filters, ...load }),
      );
      const usage_triggers = await Promise.all(page.items.map((item) => view(services, item)));
      return { usage_triggers, ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  const { records, clock } = services;
  const schema = { tags, params: path };
  const response = { 200: triggerSchema };
  const found = async (accountSid: string, wanted: string): Promise<UsageTriggerRecord> => {
    const trigger = await records.triggers.get(accountSid, wanted);
    if (trigger === undefined) throw new RestError('notFound');
    return trigger;
  };
  app.get(
    INSTANCE,
    { schema: { ...schema, operationId: 'FetchUsageTrigger', summary: 'One usage trigger', response } },
    async (request) => view(services, await found(contextOf(request).account.sid, request.params.Sid)),
  );
  app.post(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'UpdateUsageTrigger',
        summary: 'Change its name, or whom it tells',
        body: z.object({ CallbackUrl: urlParameter, CallbackMethod: methodParameter, FriendlyName: nameParameter }),
        response,
      },
    },
    async (request) => {
      const accountSid = contextOf(request).account.sid;
      const { Sid } = request.params;
      const { CallbackUrl = '', CallbackMethod, FriendlyName } = request.body;
      await found(accountSid, Sid);
      await records.triggers.update(accountSid, Sid, {
        updatedAt: new Date(clock.now()).toISOString(),
        ...(CallbackUrl === '' ? {} : { callbackUrl: CallbackUrl }),
        ...(CallbackMethod === undefined ? {} : { callbackMethod: CallbackMethod }),
        ...(FriendlyName === undefined ? {} : { name: FriendlyName }),
      });
      return view(services, await found(accountSid, Sid));
    },
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'DeleteUsageTrigger',
        summary: 'Tell nobody any more',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const removed = await records.triggers.remove(contextOf(request).account.sid, request.params.Sid);
      if (!removed) throw new RestError('notFound');
      return await reply.code(204).send(null);
    },
  );
}

async function currentValue({ records, clock }: RestServices, trigger: UsageTriggerRecord): Promise<number> {
  const from = triggerPeriod(trigger.recurring, clock.now());
  const days = await records.usage.days([trigger.accountSid], { from });
  const mine = days.filter((day) => day.category === trigger.category);
  return mine.reduce((sum, day) => sum + (trigger.triggerBy === 'count' ? day.count : day.usage), 0);
}

async function view(services: RestServices, trigger: UsageTriggerRecord): Promise<z.input<typeof triggerSchema>> {
  const { sid: wanted, accountSid, createdAt, updatedAt, firedAt } = trigger;
  const base = `/2010-04-01/Accounts/${accountSid}/Usage`;
  return {
    sid: wanted,
    account_sid: accountSid,
    api_version: '2010-04-01',
    friendly_name: trigger.name,
    usage_category: trigger.category,
    trigger_by: trigger.triggerBy,
    trigger_value: String(trigger.base + trigger.value),
    current_value: String(await currentValue(services, trigger)),
    recurring: trigger.recurring,
    callback_url: trigger.callbackUrl,
    callback_method: trigger.callbackMethod,
    date_created: rfc2822(createdAt),
    date_updated: rfc2822(updatedAt),
    date_fired: firedAt === null ? null : rfc2822(firedAt),
    usage_record_uri: `${base}/Records.json?Category=${trigger.category}`,
    uri: `${base}/Triggers/${wanted}.json`,
  };
}
