import { z } from 'zod';
import { filterSchema } from '@hookswitch/shared';
import type { DeadLetter, NewWebhook, Webhook, Webhooks } from '../../gateway/ports.ts';
import { DomainError } from '../../kernel/index.ts';
import { iso8601 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { metaOf, metaSchema, pageParameters, readPage } from '../paging.ts';
import type { PageLoad } from '../paging.ts';
import { accountPath, sid } from '../parameters.ts';
import { baseOf, contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import type { RecordPosition } from '../../tenants/index.ts';

const url = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .refine((text) => {
    const parsed = URL.parse(text);
    return parsed !== null && parsed.username === '' && parsed.password === '';
  }, 'without user name and password: the signature tells who sends');
const members = {
  url,
  name: z.string().max(64),
  topics: z.array(z.string().min(1).max(512)).min(1).max(100).describe('topics and patterns'),
  filter: filterSchema,
  batchEvents: z.number().int().min(1).max(500).describe('events in one request at most'),
  batchWindowMs: z.number().int().min(0).max(10_000).describe('how long events wait for others to come with them'),
  orderBy: z
    .enum(['topic', 'subject', 'none'])
    .describe('events with the same one arrive in order; the others do not wait for them'),
};
const newSchema = z.strictObject({
  ...members,
  name: members.name.default(''),
  filter: members.filter.optional(),
  batchEvents: members.batchEvents.default(100),
  batchWindowMs: members.batchWindowMs.default(100),
  orderBy: members.orderBy.default('subject'),
  secret: z.string().max(200).optional().describe('whsec_ and base64 of 24 to 64 bytes; made when left out'),
});
const changesSchema = z
  .strictObject({
    ...members,
    secret: z.string().max(200),
    status: z.enum(['active', 'paused']).describe('active: goes on from where it stopped'),
  })
  .partial();
const webhookSchema = z
  .object({
    sid: z.string(),
    accountSid: z.string(),
    ...members,
    url: z.string(),
    filter: members.filter.nullable(),
    status: z.enum(['active', 'paused']),
    pauseReason: z.enum(['requested', 'gone', 'failing']).nullable(),
    pauseDetail: z.string().nullable(),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: 'Webhook' });
const createdSchema = webhookSchema.extend({ secret: z.string().describe('shown this once') });
const letterSchema = z
  .object({
    id: z.string(),
    topic: z.string(),
    at: z.string(),
    attempts: z.number().int(),
    problem: z.string(),
    event: z.unknown(),
  })
  .meta({ id: 'DeadLetter' });
const testSchema = z.object({
  status: z.number().int().nullable().describe('null: nobody answered'),
  problem: z.string().nullable(),
  durationMs: z.number(),
});

const path = accountPath.extend({ Sid: sid('webhook') });
const tags = ['Webhooks'];
const COLLECTION = '/accounts/:AccountSid/webhooks';
const INSTANCE = `${COLLECTION}/:Sid`;

/** Webhooks: events by POST to a server of the account's. */
export function webhookRoutes(app: RestApp, services: RestServices): void {
  collection(app, services);
  instance(app, services);
  actions(app, services);
  deadLetters(app, services);
}

function collection(app: RestApp, services: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'createWebhook',
        summary: 'Send events to an address from now on',
        tags,
        params: accountPath,
        body: newSchema,
        response: { 201: createdSchema },
      },
    },
    async (request, reply) => {
      const accountSid = contextOf(request).account.sid;
      const made = await known(() => webhooksOf(services).create(accountSid, request.body));
      return await reply.code(201).send({ ...view(made.webhook), secret: made.secret });
    },
  );
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'listWebhooks',
        summary: 'Webhooks of an account',
        tags,
        params: accountPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ webhooks: z.array(webhookSchema), meta: metaSchema }) },
      },
    },
    async (request) => {
      const owner = contextOf(request).account.sid;
      const all = webhooksOf(services)
        .list(owner)
        .map((webhook) => ({ webhook, sid: webhook.sid, createdAt: new Date(webhook.createdAt).toISOString() }));
      const { url: asked, query } = request;
      const page = await readPage(services.pages, { url: asked, owner, query }, (load) =>
        Promise.resolve(pageOf(all, load)),
      );
      const items = page.items.map(({ webhook }) => view(webhook));
      return { webhooks: items, meta: metaOf('webhooks', page, baseOf(request)) };
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  const schema = { tags, params: path };
  app.get(
    INSTANCE,
    { schema: { ...schema, operationId: 'fetchWebhook', summary: 'One webhook', response: { 200: webhookSchema } } },
    (request) => view(find(services, contextOf(request).account.sid, request.params.Sid)),
  );
  app.post(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'updateWebhook',
        summary: 'Change what is given of a webhook, pause or resume it',
        body: changesSchema,
        response: { 200: webhookSchema },
      },
    },
    async (request) => {
      const { status, ...changes } = request.body;
      const webhooks = webhooksOf(services);
      let webhook = find(services, contextOf(request).account.sid, request.params.Sid);
      if (status === 'paused') webhook = await known(() => webhooks.pause(webhook));
      if (Object.keys(changes).length > 0) {
        webhook = await known(() => webhooks.update(webhook, changes as Partial<NewWebhook>));
      }
      if (status === 'active') webhook = await known(() => webhooks.resume(webhook));
      return view(webhook);
    },
  );
  app.delete(
    INSTANCE,
    { schema: { ...schema, operationId: 'deleteWebhook', summary: 'Delete a webhook', response: { 204: z.null() } } },
    async (request, reply) => {
      const webhook = find(services, contextOf(request).account.sid, request.params.Sid);
      await known(() => webhooksOf(services).remove(webhook));
      return await reply.code(204).send(null);
    },
  );
}

function actions(app: RestApp, services: RestServices): void {
  const schema = { tags, params: path };
  app.post(
    `${INSTANCE}/test`,
    {
      schema: {
        ...schema,
        operationId: 'testWebhook',
        summary: 'Send one made-up event, of type webhook.test, now',
        response: { 200: testSchema },
      },
    },
    async (request) => {
      const webhook = find(services, contextOf(request).account.sid, request.params.Sid);
      const { status, problem, durationMs } = await known(() => webhooksOf(services).test(webhook));
      return { status: status ?? null, problem: problem ?? null, durationMs };
    },
  );
  app.post(
    `${INSTANCE}/redrive`,
    {
      schema: {
        ...schema,
        operationId: 'redriveWebhook',
        summary: 'Send the dead letters again; those that are taken leave the list',
        response: { 202: z.null() },
      },
    },
    async (request, reply) => {
      const webhook = find(services, contextOf(request).account.sid, request.params.Sid);
      await known(() => webhooksOf(services).redrive(webhook));
      return await reply.code(202).send(null);
    },
  );
}

function deadLetters(app: RestApp, services: RestServices): void {
  const schema = { tags, params: path };
  app.get(
    `${INSTANCE}/dead-letters`,
    {
      schema: {
        ...schema,
        operationId: 'listDeadLetters',
        summary: 'Events that were not taken, the oldest first, 500 at most',
        response: { 200: z.object({ dead_letters: z.array(letterSchema) }) },
      },
    },
    async (request) => {
      const webhook = find(services, contextOf(request).account.sid, request.params.Sid);
      const letters = await known(() => webhooksOf(services).deadLetters(webhook));
      return { dead_letters: letters.map(letterView) };
    },
  );
  app.delete(
    `${INSTANCE}/dead-letters/:Id`,
    {
      schema: {
        tags,
        params: path.extend({ Id: z.string().regex(/^[0-9]{1,20}$/) }),
        operationId: 'deleteDeadLetter',
        summary: 'Delete one of them',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const webhook = find(services, contextOf(request).account.sid, request.params.Sid);
      await known(() => webhooksOf(services).removeDeadLetter(webhook, request.params.Id));
      return await reply.code(204).send(null);
    },
  );
}

function webhooksOf({ webhooks }: RestServices): Webhooks {
  if (webhooks === undefined) throw new RestError('unavailable', 'This server has no webhooks');
  return webhooks;
}

function find(services: RestServices, accountSid: string, wanted: string): Webhook {
  const webhook = webhooksOf(services).get(accountSid, wanted);
  if (webhook === undefined) throw new RestError('notFound');
  return webhook;
}

/** The sinks' own errors as answers. */
async function known<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError) || error.name !== 'SinkError') throw error;
    if (error.reason === 'invalid') throw new RestError('badRequest', error.message, { cause: error });
    if (error.reason === 'limit') throw new RestError('conflict', error.message, { cause: error });
    throw new RestError('unavailable', error.message, { headers: { 'retry-after': '1' }, cause: error });
  }
}

/** Of a list that is newest first. */
function pageOf<T extends RecordPosition>(all: readonly T[], { limit, after, before }: PageLoad): T[] {
  if (after !== undefined) return all.filter((one) => isNewer(after, one)).slice(0, limit);
  if (before !== undefined) return all.filter((one) => isNewer(one, before)).slice(-limit);
  return all.slice(0, limit);
}

function isNewer(one: RecordPosition, other: RecordPosition): boolean {
  return one.createdAt > other.createdAt || (one.createdAt === other.createdAt && one.sid > other.sid);
}

function view(webhook: Webhook): z.infer<typeof webhookSchema> {
  return {
    sid: webhook.sid,
    accountSid: webhook.accountSid,
    url: webhook.url,
    name: webhook.name,
    topics: webhook.topics,
    filter: webhook.filter ?? null,
    batchEvents: webhook.batchEvents,
    batchWindowMs: webhook.batchWindowMs,
    orderBy: webhook.orderBy,
    status: webhook.pause === undefined ? 'active' : 'paused',
    pauseReason: webhook.pause?.reason ?? null,
    pauseDetail: webhook.pause?.detail ?? null,
    createdAt: iso8601(webhook.createdAt),
    updatedAt: iso8601(webhook.updatedAt),
  };
}

function letterView({ id, topic, at, attempts, problem, event }: DeadLetter): z.infer<typeof letterSchema> {
  return { id, topic, at: iso8601(at), attempts, problem, event };
}
