import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  HUB_LIMITS,
  compileFilter,
  eventSchema,
  filterFromQuery,
  formatPosition,
  isApplicationTopic,
  parseTopic,
  positionSchema,
  readPosition,
} from '@hookswitch/shared';
import type { HookswitchEvent } from '@hookswitch/shared';
import { EventLogError } from '../../hub/index.ts';
import type { LoggedEvent } from '../../hub/index.ts';
import { randomHex } from '../../kernel/index.ts';
import type { OverQuota } from '../../gateway/ports.ts';
import { REST_CODES } from '../codes.ts';
import { RestError } from '../errors.ts';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../paging.ts';
import { accountPath } from '../parameters.ts';
import { baseOf, contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

/** Events of one request at most. */
const MAX_BATCH = 100;
const COLLECTION = '/accounts/:AccountSid/events';
const tags = ['Events'];

const storedSchema = z
  .object({
    topic: z.string(),
    position: positionSchema,
    storedAt: z.string().describe('when it was stored'),
    event: eventSchema.loose(),
  })
  .meta({ id: 'StoredEvent' });
const filterMember = z.union([z.string(), z.array(z.string())]).optional();
const listSchema = z.object({
  topic: z.string().max(512).default('>').describe('a topic or a pattern with * and >'),
  type: filterMember.describe('event types; call.* is every type that begins with call.'),
  call: filterMember.describe('CallSid'),
  number: filterMember.describe('E.164 number'),
  application: filterMember.describe('ApplicationSid'),
  identity: filterMember.describe('identity of a client'),
  conference: filterMember.describe('ConferenceSid'),
  queue: filterMember.describe('QueueSid'),
  from: z.iso.datetime({ offset: true }).optional().describe('stored at or after this time'),
  to: z.iso.datetime({ offset: true }).optional().describe('stored before this time'),
  order: z.enum(['newest', 'oldest']).default('newest').describe('which come first'),
  PageSize: z.coerce.number().int().min(1).max(1_000_000_000).default(DEFAULT_PAGE_SIZE),
  PageToken: z.string().max(128).optional().describe('set by next_page_url'),
});
const pageSchema = z.object({
  events: z.array(storedSchema),
  meta: z.object({
    key: z.literal('events'),
    page_size: z.number().int(),
    url: z.string(),
    next_page_url: z
      .string()
      .nullable()
      .describe('null: there is nothing more; a page may be short and have a next one'),
    complete: z.boolean().describe('false: a part of the time asked for is not kept any more'),
  }),
});
const newSchema = z.strictObject({
  topic: z.string().min(1).max(512).describe('one topic under app.'),
  type: z
    .string()
    .regex(/^[a-z][a-z0-9.-]{0,99}$/)
    .default('app.message')
    .describe('the CloudEvents type'),
  data: z.unknown().optional().describe('any JSON'),
  id: z.string().min(1).max(128).optional().describe('makes repeating it within five minutes harmless'),
  subject: z.string().min(1).max(256).optional(),
});
type NewEvent = z.infer<typeof newSchema>;
const batchSchema = z.strictObject({ events: z.array(newSchema).min(1).max(MAX_BATCH) });
const publishedSchema = z
  .object({ id: z.string(), topic: z.string(), position: positionSchema })
  .meta({ id: 'PublishedEvent' });
const outcomeSchema = z.object({
  outcome: z.enum(['stored', 'refused', 'unavailable']).describe('unavailable: repeat it with the same id or key'),
  event: publishedSchema.optional(),
  error: z
    .object({
      code: z.number().int(),
      status: z.number().int(),
      detail: z.string(),
      retryAfterMs: z.number().optional().describe('over a rate of the account: repeat it after this time'),
    })
    .optional(),
});
type Outcome = z.infer<typeof outcomeSchema>;

/** EV-5, EV-8: the event hub over HTTP: what is kept, and publishing. */
export function eventRoutes(app: RestApp, services: RestServices): void {
  list(app, services);
  publish(app, services);
}

function list(app: RestApp, { hub }: RestServices): void {
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'listEvents',
        summary: 'Events of an account, as a subscriber with a rewind gets them',
        tags,
        params: accountPath,
        querystring: listSchema,
        response: { 200: pageSchema },
      },
    },
    async (request) => {
      const { topic, from, to, order, PageSize, PageToken } = request.query;
      const parsed = parseTopic(topic, { wildcards: true });
      if (!parsed.ok) throw new RestError('badRequest', `topic: ${parsed.problem}`);
      const filter = filterFromQuery(request.query);
      if (!filter.ok) throw new RestError('badRequest', filter.problem);
      const begin = PageToken === undefined ? undefined : readPosition(PageToken);
      if (PageToken !== undefined && begin === undefined) {
        throw new RestError('badRequest', 'PageToken: not one of this list; take it from next_page_url');
      }
      const limit = Math.min(PageSize, MAX_PAGE_SIZE);
      const accepts = filter.filter === undefined ? undefined : compileFilter(filter.filter);
      const page = await available(() =>
        hub.history({
          accountSid: contextOf(request).account.sid,
          pattern: parsed.topic,
          order,
          limit,
          ...(accepts === undefined ? {} : { accepts: (one: LoggedEvent) => accepts(one.event) }),
          ...(from === undefined ? {} : { since: Date.parse(from) }),
          ...(to === undefined ? {} : { until: Date.parse(to) }),
          ...(begin === undefined ? {} : { from: begin }),
        }),
      );
      const base = baseOf(request);
      const next = page.next === undefined ? null : nextUrl(request.url, formatPosition(page.next));
      return {
        events: page.events.map(stored),
        meta: {
          key: 'events' as const,
          page_size: limit,
          url: `${base}${request.url}`,
          next_page_url: next === null ? null : `${base}${next}`,
          complete: page.complete,
        },
      };
    },
  );
}

function stored({ topic, position, event, storedAt }: LoggedEvent): z.infer<typeof storedSchema> {
  return { topic, position, storedAt: new Date(storedAt ?? Date.parse(event.time)).toISOString(), event };
}

function nextUrl(url: string, token: string): string {
  const [path = '', query = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('PageToken', token);
  return `${path}?${parameters.toString()}`;
}

function publish(app: RestApp, services: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'publishEvents',
        summary: 'Publish one event, or a batch with an outcome for each; answered when they are stored',
        tags,
        params: accountPath,
        headers: z.looseObject({
          'idempotency-key': z.string().min(1).max(128).optional().describe('stands for the id of events without one'),
        }),
        body: z.union([batchSchema, newSchema]),
        response: { 200: z.object({ results: z.array(outcomeSchema) }), 201: publishedSchema },
      },
    },
    async (request, reply) => {
      const { sid } = contextOf(request).account;
      const key = request.headers['idempotency-key'];
      const { body } = request;
      const store = (item: NewEvent, at: number): Promise<z.infer<typeof publishedSchema>> =>
        available(() => storeOne(services, sid, { item, id: item.id ?? idOf(services, key, at) }));
      if (!('events' in body)) return await reply.code(201).send(await store(body, 0));
      // All are under way at once, in their order, on one connection.
      const results = await Promise.all(body.events.map((item, at) => store(item, at).then(success, failure)));
      if (results.every(({ outcome }) => outcome === 'unavailable')) throw unavailable();
      const [first] = results;
      if (first?.error?.code === TOO_MANY && results.every(({ error }) => error?.code === TOO_MANY)) {
        throw overRate({
          message: first.error.detail.slice(OVER.length),
          retryAfterMs: first.error.retryAfterMs ?? 1000,
        });
      }
      return await reply.code(200).send({ results });
    },
  );
}

function idOf({ random }: RestServices, key: string | undefined, at: number): string {
  if (key === undefined) return randomHex(random, 16);
  return `ik-${createHash('sha256').update(`${at}:${key}`).digest('hex').slice(0, 40)}`;
}

async function storeOne(
  { hub, clock, quotas }: RestServices,
  accountSid: string,
  { item, id }: { item: NewEvent; id: string },
): Promise<z.infer<typeof publishedSchema>> {
  const parsed = parseTopic(item.topic, { wildcards: false });
  if (!parsed.ok) throw new RestError('badRequest', `topic: ${parsed.problem}`);
  if (!isApplicationTopic(parsed.topic)) throw new RestError('badRequest', 'topic: publish under app. only');
  const data = item.data ?? null;
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes > HUB_LIMITS.maxPublishBytes) {
    throw new RestError('tooLarge', `data: at most ${HUB_LIMITS.maxPublishBytes} bytes of JSON`);
  }
  const over = quotas?.publish(accountSid, bytes);
  if (over !== undefined) throw overRate(over);
  const event: HookswitchEvent = {
    specversion: '1.0',
    id,
    source: `/accounts/${accountSid}`,
    type: item.type,
    ...(item.subject === undefined ? {} : { subject: item.subject }),
    time: new Date(clock.now()).toISOString(),
    datacontenttype: 'application/json',
    accountsid: accountSid,
    data,
  };
  return { id, topic: parsed.topic, position: await hub.publish(accountSid, parsed.topic, event, bytes) };
}

const success = (event: z.infer<typeof publishedSchema>): Outcome => ({ outcome: 'stored', event });

function failure(thrown: unknown): Outcome {
  if (!(thrown instanceof RestError)) throw thrown;
  const { reason, code, status, message, headers } = thrown;
  const outcome = reason === 'unavailable' ? 'unavailable' : 'refused';
  const wait = code === TOO_MANY ? { retryAfterMs: Number(headers['retry-after']) * 1000 } : {};
  return { outcome, error: { code, status, detail: message, ...wait } };
}

const OVER = 'Over a limit of the account: ';
const TOO_MANY = REST_CODES.tooManyRequests.code;

function overRate({ message, retryAfterMs }: OverQuota): RestError {
  const headers = { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
  return new RestError('tooManyRequests', `${OVER}${message}`, { headers });
}

function unavailable(cause?: unknown): RestError {
  return new RestError('unavailable', 'Events cannot be stored or read at the moment: try again', {
    headers: { 'retry-after': '1' },
    cause,
  });
}

/** What the event log throws, as what the client is told. */
async function available<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof EventLogError)) throw error;
    if (error.reason === 'invalid') throw new RestError('badRequest', error.message, { cause: error });
    if (error.reason === 'epoch-changed') {
      const message = 'PageToken: of a history that is over; begin again without it';
      throw new RestError('badRequest', message, { cause: error });
    }
    throw unavailable(error);
  }
}
