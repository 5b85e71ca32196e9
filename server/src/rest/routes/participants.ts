import { z } from 'zod';
import type { ParticipantRecord } from '../../records/index.ts';
import { callParameters, orderOf } from '../call-order.ts';
import type { CallParameters } from '../call-order.ts';
import { placeCall } from '../call-placing.ts';
import { timingOf } from '../call-queueing.ts';
import { conferenceDocument, participantOptions } from '../conference-document.ts';
import { participantSchema, participantView } from '../conference-view.ts';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, methodParameter, sid, urlParameter } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { untilShown } from '../until-shown.ts';
import { conferenceOf, conferencePath, done } from './conferences.ts';

const tags = ['Conferences'];
const COLLECTION = '/Accounts/:AccountSid/Conferences/:ConferenceSid/Participants.json';
const INSTANCE = '/Accounts/:AccountSid/Conferences/:ConferenceSid/Participants/:CallSid.json';
const flag = z.stringbool().optional();
/** A participant is named by CallSid or label. */
const path = conferencePath.extend({ CallSid: z.string().min(1).max(128) });

/** Participants of conferences. */
export function participantRoutes(app: RestApp, services: RestServices): void {
  list(app, services);
  create(app, services);
  instance(app, services);
  change(app, services);
}

function list(app: RestApp, services: RestServices): void {
  const { records, pages } = services;
  app.get(
    COLLECTION,
    {
      schema: {
        operationId: 'ListParticipant',
        summary: 'Who is in a conference now',
        tags,
        params: conferencePath,
        querystring: z.object({ Muted: flag, Hold: flag, Coaching: flag, ...pageParameters }),
        response: { 200: z.object({ participants: z.array(participantSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { url, query } = request;
      const owner = contextOf(request).account.sid;
      const { sid: conferenceSid } = await conferenceOf(services, owner, request.params.ConferenceSid);
      const filters = { muted: query.Muted, hold: query.Hold, coaching: query.Coaching };
      const page = await readPage(pages, { url, owner, query }, (load) =>
        records.conferences.participants({ accountSid: owner, conferenceSid, ...filters, ...load }),
      );
      return { participants: page.items.map((item) => participantView(item)), ...legacyPage(page) };
    },
  );
}

function create(app: RestApp, services: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateParticipant',
        summary: 'Call somebody into a conference, by its sid or by its name',
        tags,
        params: accountPath.extend({ ConferenceSid: z.string().min(1).max(128) }),
        body: z.object({ ...callParameters, ...participantOptions }),
        response: { 201: participantSchema },
      },
    },
    async (request, reply) => {
      const accountSid = contextOf(request).account.sid;
      const { ConferenceSid: wanted } = request.params;
      const bySid = sid('conference').safeParse(wanted).success;
      const name = bySid ? (await conferenceOf(services, accountSid, wanted)).name : wanted;
      const { body } = request;
      const twiml = conferenceDocument(name, body);
      const given: CallParameters = { ...body, Url: undefined, ApplicationSid: undefined, Twiml: twiml };
      const timing = timingOf(body, services.clock.now());
      const call = await placeCall(services, accountSid, await orderOf(services, accountSid, given), timing);
      const conferenceSid = bySid ? wanted : ((await services.conferences.sidOf(accountSid, name)) ?? '');
      const view = participantView(
        {
          conferenceSid,
          sid: call.sid,
          accountSid,
          label: body.Label ?? null,
          muted: body.Muted ?? false,
          hold: false,
          coaching: body.Coaching ?? false,
          callSidToCoach: body.CallSidToCoach ?? null,
          startConferenceOnEnter: body.StartConferenceOnEnter ?? true,
          endConferenceOnExit: body.EndConferenceOnExit ?? false,
          createdAt: call.createdAt,
          updatedAt: call.updatedAt,
        },
        'queued',
      );
      return await reply.code(201).send(view);
    },
  );
}

function instance(app: RestApp, services: RestServices): void {
  app.get(
    INSTANCE,
    {
      schema: {
        operationId: 'FetchParticipant',
        summary: 'One participant',
        tags,
        params: path,
        response: { 200: participantSchema },
      },
    },
    async (request) => {
      const { ConferenceSid, CallSid } = request.params;
      return participantView(await participantOf(services, contextOf(request).account.sid, ConferenceSid, CallSid));
    },
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        operationId: 'DeleteParticipant',
        summary: 'Have a participant leave',
        tags,
        params: path,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const accountSid = contextOf(request).account.sid;
      const { ConferenceSid: conferenceSid, CallSid: participant } = request.params;
      await conferenceOf(services, accountSid, conferenceSid);
      done(await services.conferences.request({ accountSid, conferenceSid, do: 'kick', participant }));
      return await reply.code(204).send(null);
    },
  );
}

function change(app: RestApp, services: RestServices): void {
  app.post(
    INSTANCE,
    {
      schema: {
        operationId: 'UpdateParticipant',
        summary: 'Mute, hold, announce to, or coach with a participant',
        tags,
        params: path,
        body: z.object({
          Muted: flag,
          Hold: flag,
          HoldUrl: urlParameter,
          HoldMethod: methodParameter,
          AnnounceUrl: urlParameter,
          AnnounceMethod: methodParameter,
          WaitUrl: urlParameter,
          WaitMethod: methodParameter,
          BeepOnExit: flag,
          EndConferenceOnExit: flag,
          Coaching: flag,
          CallSidToCoach: z.string().optional(),
        }),
        response: { 200: participantSchema },
      },
    },
    async (request) => {
      const accountSid = contextOf(request).account.sid;
      const { ConferenceSid: conferenceSid, CallSid: participant } = request.params;
      await conferenceOf(services, accountSid, conferenceSid);
      const { body } = request;
      const changes = {
        muted: body.Muted,
        hold: body.Hold,
        holdUrl: body.HoldUrl,
        holdMethod: body.HoldMethod,
        announceUrl: body.AnnounceUrl,
        announceMethod: body.AnnounceMethod,
        waitUrl: body.WaitUrl,
        waitMethod: body.WaitMethod,
        beepOnExit: body.BeepOnExit,
        endConferenceOnExit: body.EndConferenceOnExit,
        coaching: body.Coaching,
        callSidToCoach: body.CallSidToCoach,
      };
      const change = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      if (Object.keys(change).length === 0) throw new RestError('badRequest', 'Nothing to change');
      const now = done(
        await services.conferences.request({ accountSid, conferenceSid, do: 'update', participant, change }),
      );
      const live = now.participants.find(({ callSid, label }) => callSid === participant || label === participant);
      if (live === undefined) throw new RestError('notFound');
      const shown = await untilShown(
        services.clock,
        () => participantOf(services, accountSid, conferenceSid, participant),
        ({ muted, hold, coaching }) => muted === live.muted && hold === live.hold && coaching === live.coaching,
      );
      return participantView(shown);
    },
  );
}

async function participantOf(
  { records }: RestServices,
  accountSid: string,
  conferenceSid: string,
  name: string,
): Promise<ParticipantRecord> {
  const found = await records.conferences.participant(accountSid, conferenceSid, name);
  if (found === undefined) throw new RestError('notFound');
  return found;
}
