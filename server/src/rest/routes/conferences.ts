import { z } from 'zod';
import type { ConferenceReply } from '../../calls/index.ts';
import type { ConferenceRecord } from '../../records/index.ts';
import { conferenceSchema, conferenceStatusSchema, conferenceView } from '../conference-view.ts';
import { timeRange } from '../dates.ts';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, methodParameter, sid, urlParameter } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { untilShown } from '../until-shown.ts';

const tags = ['Conferences'];
const date = z.string().optional().describe('YYYY-MM-DD; also with < and > behind the name');
export const conferencePath = accountPath.extend({ ConferenceSid: sid('conference') });
const INSTANCE = '/Accounts/:AccountSid/Conferences/:ConferenceSid.json';

/** Conferences: those that are up, and those that were. */
export function conferenceRoutes(app: RestApp, services: RestServices): void {
  list(app, services);
  instance(app, services);
}

function list(app: RestApp, { records, pages }: RestServices): void {
  app.get(
    '/Accounts/:AccountSid/Conferences.json',
    {
      schema: {
        operationId: 'ListConference',
        summary: 'Conferences of an account',
        tags,
        params: accountPath,
        querystring: z.object({
          DateCreated: date,
          'DateCreated<': date,
          'DateCreated>': date,
          DateUpdated: date,
          'DateUpdated<': date,
          'DateUpdated>': date,
          FriendlyName: z.string().optional(),
          Status: conferenceStatusSchema.optional(),
          ...pageParameters,
        }),
        response: { 200: z.object({ conferences: z.array(conferenceSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const { FriendlyName: name, Status: status } = query;
      const [created, updated] = [timeRange(query, 'DateCreated'), timeRange(query, 'DateUpdated')];
      const page = await readPage(pages, { url, owner, query }, (load) =>
        records.conferences.list({ accountSid: owner, name, status, created, updated, ...load }),
      );
      return { conferences: page.items.map(conferenceView), ...legacyPage(page) };
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  const schema = { tags, params: conferencePath };
  const response = { 200: conferenceSchema };
  app.get(
    INSTANCE,
    { schema: { ...schema, operationId: 'FetchConference', summary: 'One conference', response } },
    async (request) =>
      conferenceView(await conferenceOf(services, contextOf(request).account.sid, request.params.ConferenceSid)),
  );
  app.post(
    INSTANCE,
    {
      schema: {
        ...schema,
        operationId: 'UpdateConference',
        summary: 'End a conference, or announce something to all in it',
        body: z.object({
          Status: z.literal('completed').optional(),
          AnnounceUrl: urlParameter,
          AnnounceMethod: methodParameter,
        }),
        response,
      },
    },
    async (request) => {
      const { Status, AnnounceUrl: url = '', AnnounceMethod: method = 'POST' } = request.body;
      const accountSid = contextOf(request).account.sid;
      const { ConferenceSid: conferenceSid } = request.params;
      const before = await conferenceOf(services, accountSid, conferenceSid);
      const of = { accountSid, conferenceSid };
      if (Status !== undefined) {
        const announce = url === '' ? {} : { announceUrl: url, announceMethod: method };
        done(await services.conferences.request({ ...of, do: 'end', ...announce }));
        if (url === '') return conferenceView(await ended(services, before));
      } else if (url === '') throw new RestError('badRequest', 'Nothing to change: give Status or AnnounceUrl');
      else done(await services.conferences.request({ ...of, do: 'announce', url, method }));
      return conferenceView(before);
    },
  );
}

const ended = (services: RestServices, before: ConferenceRecord): Promise<ConferenceRecord> =>
  untilShown(
    services.clock,
    async () => (await services.records.conferences.get(before.accountSid, before.sid)) ?? before,
    ({ endTime }) => endTime !== null,
  );

/** @throws RestError `notFound` */
export async function conferenceOf(
  { records }: Pick<RestServices, 'records'>,
  accountSid: string,
  conferenceSid: string,
): Promise<ConferenceRecord> {
  const conference = await records.conferences.get(accountSid, conferenceSid);
  if (conference === undefined) throw new RestError('notFound');
  return conference;
}

/** @throws RestError for a refusal */
export function done(reply: ConferenceReply): Extract<ConferenceReply, { ok: true }>['conference'] {
  if (reply.ok) return reply.conference;
  throw refusedConference(reply.reason);
}

export function refusedConference(reason: Extract<ConferenceReply, { ok: false }>['reason']): RestError {
  if (reason !== 'unavailable') {
    return new RestError('notFound', reason === 'no-such-conference' ? 'The conference is over' : undefined);
  }
  const headers = { 'retry-after': '1' };
  return new RestError('unavailable', 'The node that has the conference does not answer: try again', { headers });
}
