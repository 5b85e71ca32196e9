import { z } from 'zod';
import type { RecordingRecord } from '../../records/index.ts';
import { RestError } from '../errors.ts';
import { methodParameter, sid, urlParameter } from '../parameters.ts';
import { recordingSchema, recordingView } from '../recording-view.ts';
import { baseOf, contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { untilShown } from '../until-shown.ts';
import { CURRENT, recordingEvents } from './call-recordings.ts';
import { conferenceOf, conferencePath, refusedConference } from './conferences.ts';

const tags = ['Recordings'];
const COLLECTION = '/Accounts/:AccountSid/Conferences/:ConferenceSid/Recordings.json';
const INSTANCE = '/Accounts/:AccountSid/Conferences/:ConferenceSid/Recordings/:Sid.json';
const CHANGES = { 'in-progress': 'resume', stopped: 'stop' } as const;

/** Recordings of a conference that is up: begun, paused, gone on with, stopped. */
export function conferenceRecordingRoutes(app: RestApp, services: RestServices): void {
  create(app, services);
  change(app, services);
}

function create(app: RestApp, services: RestServices): void {
  app.post(
    COLLECTION,
    {
      schema: {
        operationId: 'CreateConferenceRecording',
        summary: 'Record a conference that is up, until its end or until it is stopped',
        tags,
        params: conferencePath,
        body: z.object({
          RecordingStatusCallback: urlParameter,
          RecordingStatusCallbackMethod: methodParameter,
          RecordingStatusCallbackEvent: recordingEvents,
          Trim: z.enum(['trim-silence', 'do-not-trim']).optional(),
        }),
        response: { 201: recordingSchema },
      },
    },
    async (request, reply) => {
      const { sid: conferenceSid, accountSid } = await conferenceOf(
        services,
        contextOf(request).account.sid,
        request.params.ConferenceSid,
      );
      const { RecordingStatusCallback: url = '', RecordingStatusCallbackMethod: method = 'POST', Trim } = request.body;
      const { RecordingStatusCallbackEvent: events = ['completed'] } = request.body;
      const started = await services.conferences.request({
        accountSid,
        conferenceSid,
        do: 'start-recording',
        trim: Trim === 'trim-silence',
        ...(url === '' ? {} : { callback: { url, method, events } }),
      });
      if (!started.ok) throw refusedConference(started.reason);
      const made = await shown(services, accountSid, started.recordingSid ?? '');
      return await reply.code(201).send(recordingView(made, baseOf(request)));
    },
  );
}

function change(app: RestApp, services: RestServices): void {
  app.post(
    INSTANCE,
    {
      schema: {
        operationId: 'UpdateConferenceRecording',
        summary: 'Pause, resume or stop a recording of a conference',
        tags,
        params: conferencePath.extend({ Sid: z.union([sid('recording'), z.literal(CURRENT)]) }),
        body: z.object({
          Status: z.enum(['paused', 'in-progress', 'stopped']),
          PauseBehavior: z.enum(['skip', 'silence']).default('silence'),
        }),
        response: { 200: recordingSchema },
      },
    },
    async (request) => {
      const { ConferenceSid: conferenceSid, Sid } = request.params;
      const { account } = contextOf(request);
      const { Status, PauseBehavior } = request.body;
      const recording = await recordingOf(services, { accountSid: account.sid, conferenceSid, sid: Sid });
      const pause = PauseBehavior === 'skip' ? 'pause-skip' : 'pause';
      const changed = await services.conferences.request({
        accountSid: account.sid,
        conferenceSid,
        do: 'recording',
        recordingSid: recording.sid,
        change: Status === 'paused' ? pause : CHANGES[Status],
      });
      if (!changed.ok) throw refusedConference(changed.reason);
      return { ...recordingView(recording, baseOf(request)), status: Status };
    },
  );
}

/** By its sid, or the one of the conference that goes on. @throws RestError `notFound` */
async function recordingOf(
  { records }: RestServices,
  wanted: { readonly accountSid: string; readonly conferenceSid: string; readonly sid: string },
): Promise<RecordingRecord> {
  const { accountSid, conferenceSid } = wanted;
  const newest = { accountSid, conferenceSid, created: {}, includeDeleted: false, limit: 20 };
  const found =
    wanted.sid === CURRENT
      ? (await records.recordings.list(newest)).find(({ status }) => status === 'in-progress' || status === 'paused')
      : await records.recordings.get(accountSid, wanted.sid);
  if (found?.conferenceSid !== conferenceSid) throw new RestError('notFound');
  return found;
}

/** The recording once it is written down. @throws RestError `unavailable` */
async function shown({ records, clock }: RestServices, accountSid: string, recordingSid: string) {
  const read = (): Promise<RecordingRecord | undefined> => records.recordings.get(accountSid, recordingSid);
  const found = await untilShown(clock, read, (record) => record !== undefined);
  if (found === undefined) throw new RestError('unavailable', 'The recording goes on, and is not written down yet');
  return found;
}
