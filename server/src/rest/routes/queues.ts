import { z } from 'zod';
import type { QueueFacts, QueueReply } from '../../calls/index.ts';
import { rfc2822 } from '../dates.ts';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import type { PageLoad } from '../paging.ts';
import { accountPath, methodParameter, sid, urlParameter } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const queueSchema = z
  .object({
    sid: z.string(),
    account_sid: z.string(),
    friendly_name: z.string(),
    current_size: z.number().int(),
    max_size: z.number().int(),
    average_wait_time: z.number().int().describe('Seconds'),
    date_created: z.string(),
    date_updated: z.string(),
    uri: z.string(),
    subresource_uris: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Queue' });
const memberSchema = z
  .object({
    call_sid: z.string(),
    queue_sid: z.string(),
    date_enqueued: z.string(),
    position: z.number().int(),
    wait_time: z.number().int().describe('Seconds'),
    uri: z.string(),
  })
  .meta({ id: 'QueueMember' });
const tags = ['Queues'];
const queuePath = accountPath.extend({ QueueSid: sid('queue') });
const memberPath = queuePath.extend({ CallSid: z.union([sid('call'), z.literal('Front')]) });
const MAX_SIZE = z.coerce.number().int().min(1).max(5000).optional();
const INSTANCE = '/Accounts/:AccountSid/Queues/:QueueSid.json';
const MEMBER = '/Accounts/:AccountSid/Queues/:QueueSid/Members/:CallSid.json';

/** Queues and the calls that wait in them. */
export function queueRoutes(app: RestApp, services: RestServices): void {
  collection(app, services);
  instance(app, services);
  members(app, services);
  member(app, services);
}

function collection(app: RestApp, { queues, pages }: RestServices): void {
  const path = '/Accounts/:AccountSid/Queues.json';
  app.post(
    path,
    {
      schema: {
        operationId: 'CreateQueue',
        summary: 'Make a queue',
        tags,
        params: accountPath,
        body: z.object({ FriendlyName: z.string().trim().min(1).max(64), MaxSize: MAX_SIZE }),
        response: { 201: queueSchema },
      },
    },
    async (request, reply) => {
      const accountSid = contextOf(request).account.sid;
      const { FriendlyName: name, MaxSize: maxSize } = request.body;
      const made = await queues.request({ accountSid, do: 'create', name, maxSize });
      return await reply.code(201).send(view(accountSid, one(made)));
    },
  );
  app.get(
    path,
    {
      schema: {
        operationId: 'ListQueue',
        summary: 'Queues of an account',
        tags,
        params: accountPath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ queues: z.array(queueSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const accountSid = contextOf(request).account.sid;
      const reply = await queues.request({ accountSid, do: 'list' });
      const all = reply.ok && 'queues' in reply ? reply.queues : refused(reply);
      const page = await readPage(pages, { url, owner: accountSid, query }, (load) =>
        Promise.resolve(
          part(
            all.map((queue) => ({ createdAt: iso(queue.createdAt), sid: queue.queueSid, queue })),
            load,
          ),
        ),
      );
      return { queues: page.items.map(({ queue }) => view(accountSid, queue)), ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, { queues }: RestServices): void {
  const schema = { tags, params: queuePath };
  app.get(
    INSTANCE,
    { schema: { ...schema, operationId: 'FetchQueue', summary: 'One queue', response: { 200: queueSchema } } },
    async (request) => {
      const accountSid = contextOf(request).account.sid;
      const { QueueSid: queueSid } = request.params;
      return view(accountSid, one(await queues.request({ accountSid, do: 'read', queueSid })));
    },
  );
  app.post(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'UpdateQueue',
        summary: 'Change how many may wait in a queue, or its name',
        body: z.object({ FriendlyName: z.string().trim().min(1).max(64).optional(), MaxSize: MAX_SIZE }),
        response: { 200: queueSchema },
      },
    },
    async (request) => {
      const accountSid = contextOf(request).account.sid;
      const { QueueSid: queueSid } = request.params;
      const { FriendlyName, MaxSize: maxSize } = request.body;
      const before = one(await queues.request({ accountSid, do: 'read', queueSid }));
      const named =
        FriendlyName === undefined || FriendlyName === before.friendlyName
          ? before
          : one(await queues.request({ accountSid, do: 'rename', queueSid, name: FriendlyName }));
      if (maxSize === undefined) return view(accountSid, named);
      return view(accountSid, one(await queues.request({ accountSid, do: 'resize', queueSid, maxSize })));
    },
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'DeleteQueue',
        summary: 'Delete a queue that nobody waits in',
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const accountSid = contextOf(request).account.sid;
      one(await queues.request({ accountSid, do: 'delete', queueSid: request.params.QueueSid }));
      return await reply.code(204).send(null);
    },
  );
}

function members(app: RestApp, { queues, pages }: RestServices): void {
  app.get(
    '/Accounts/:AccountSid/Queues/:QueueSid/Members.json',
    {
      schema: {
        operationId: 'ListMember',
        summary: 'Calls that wait in a queue, the first one first',
        tags,
        params: queuePath,
        querystring: z.object(pageParameters),
        response: { 200: z.object({ queue_members: z.array(memberSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query, params } = request;
      const accountSid = contextOf(request).account.sid;
      const { QueueSid: queueSid } = params;
      const queue = one(await queues.request({ accountSid, do: 'read', queueSid }));
      const page = await readPage(pages, { url, owner: accountSid, query }, (load) =>
        Promise.resolve(
          part(
            // By position: what stands further back is "older" in the list.
            queue.members.map((item) => ({ createdAt: iso(-item.position), sid: item.callSid, item })),
            load,
          ),
        ),
      );
      return {
        queue_members: page.items.map(({ item }) => memberView(accountSid, queueSid, item)),
        ...legacyPage(page),
      };
    },
  );
}

function member(app: RestApp, { queues }: RestServices): void {
  const response = { 200: memberSchema };
  app.get(
    MEMBER,
    {
      schema: {
        operationId: 'FetchMember',
        summary: 'A call that waits, by CallSid or Front',
        tags,
        params: memberPath,
        response,
      },
    },
    async (request) => {
      const accountSid = contextOf(request).account.sid;
      const { QueueSid: queueSid, CallSid } = request.params;
      const queue = one(await queues.request({ accountSid, do: 'read', queueSid }));
      return memberView(accountSid, queueSid, memberOf(queue, CallSid));
    },
  );
  app.post(
    MEMBER,
    {
      schema: {
        operationId: 'UpdateMember',
        summary: 'Take a call out of its queue: it goes on with the document at Url',
        tags,
        params: memberPath,
        body: z.object({ Url: urlParameter, Method: methodParameter }),
        response,
      },
    },
    async (request) => {
      const accountSid = contextOf(request).account.sid;
      const { QueueSid: queueSid, CallSid } = request.params;
      const { Url: url = '', Method: method = 'POST' } = request.body;
      if (url === '') throw new RestError('invalidUrl', 'Url: expected an http or https URL');
      const found = memberOf(one(await queues.request({ accountSid, do: 'read', queueSid })), CallSid);
      one(await queues.request({ accountSid, do: 'dequeue', queueSid, member: found.callSid, url, method }));
      return memberView(accountSid, queueSid, found);
    },
  );
}

type Member = QueueFacts['members'][number];

function memberOf({ members: waiting }: QueueFacts, callSid: string): Member {
  const found = callSid === 'Front' ? waiting[0] : waiting.find((each) => each.callSid === callSid);
  if (found === undefined) throw new RestError('notFound');
  return found;
}

function one(reply: QueueReply): QueueFacts {
  if (reply.ok && 'queue' in reply) return reply.queue;
  return refused(reply);
}

/** @throws RestError */
function refused(reply: QueueReply): never {
  if (reply.ok) throw new RestError('internal');
  switch (reply.reason) {
    case 'no-such-queue':
    case 'no-such-member':
      throw new RestError('notFound');
    case 'name-taken':
      throw new RestError('queueExists');
    case 'not-empty':
      throw new RestError('queueNotEmpty');
    case 'unavailable':
      throw new RestError('unavailable', 'The node that has the queue does not answer: try again', {
        headers: { 'retry-after': '1' },
      });
  }
}

const iso = (time: number): string => new Date(time).toISOString();

/** A page of a list that is at hand. */
function part<T extends { createdAt: string; sid: string }>(all: T[], { limit, after, before }: PageLoad): T[] {
  const compare = (a: { createdAt: string; sid: string }, b: { createdAt: string; sid: string }): number =>
    Date.parse(b.createdAt) - Date.parse(a.createdAt) || (a.sid < b.sid ? 1 : a.sid > b.sid ? -1 : 0);
  const sorted = all.sort(compare);
  if (before !== undefined) return sorted.filter((each) => compare(each, before) < 0).slice(-limit);
  return sorted.filter((each) => after === undefined || compare(each, after) > 0).slice(0, limit);
}

function view(accountSid: string, queue: QueueFacts): z.input<typeof queueSchema> {
  const base = `/2010-04-01/Accounts/${accountSid}/Queues/${queue.queueSid}`;
  return {
    sid: queue.queueSid,
    account_sid: accountSid,
    friendly_name: queue.friendlyName,
    current_size: queue.currentSize,
    max_size: queue.maxSize,
    average_wait_time: Math.round(queue.averageWaitSeconds),
    date_created: rfc2822(queue.createdAt),
    date_updated: rfc2822(queue.createdAt),
    uri: `${base}.json`,
    subresource_uris: { members: `${base}/Members.json` },
  };
}

function memberView(accountSid: string, queueSid: string, item: Member): z.input<typeof memberSchema> {
  return {
    call_sid: item.callSid,
    queue_sid: queueSid,
    date_enqueued: rfc2822(item.enqueuedAt),
    position: item.position,
    wait_time: Math.round(item.waitSeconds),
    uri: `/2010-04-01/Accounts/${accountSid}/Queues/${queueSid}/Members/${item.callSid}.json`,
  };
}
