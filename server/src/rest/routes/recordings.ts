import { z } from 'zod';
import type { RecordingRecord } from '../../records/index.ts';
import { timeRange } from '../dates.ts';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, sid } from '../parameters.ts';
import { recordingSchema, recordingView } from '../recording-view.ts';
import { sendRecording } from '../recording-media.ts';
import { baseOf, contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { untilShown } from '../until-shown.ts';
import { callPath } from './calls.ts';
import { conferencePath } from './conferences.ts';

const tags = ['Recordings'];
export const recordingPath = accountPath.extend({ Sid: sid('recording') });
const date = z.string().optional().describe('YYYY-MM-DD; also with < and > behind the name');
const listQuery = z.object({
  CallSid: z.string().optional(),
  ConferenceSid: z.string().optional(),
  DateCreated: date,
  'DateCreated<': date,
  'DateCreated>': date,
  IncludeSoftDeleted: z.stringbool().optional(),
  ...pageParameters,
});

/** Recordings: their facts, and their audio. */
export function recordingRoutes(app: RestApp, services: RestServices): void {
  lists(app, services);
  instance(app, services);
  media(app, services);
}

function lists(app: RestApp, { records, pages }: RestServices): void {
  for (const [path, params, operationId] of [
    ['/Accounts/:AccountSid/Recordings.json', accountPath, 'ListRecording'],
    ['/Accounts/:AccountSid/Calls/:CallSid/Recordings.json', callPath, 'ListCallRecording'],
    ['/Accounts/:AccountSid/Conferences/:ConferenceSid/Recordings.json', conferencePath, 'ListConferenceRecording'],
  ] as const) {
    app.get(
      path,
      {
        schema: {
          operationId,
          summary: 'Recordings',
          tags,
          params,
          querystring: listQuery,
          response: { 200: z.object({ recordings: z.array(recordingSchema), ...legacyPageSchema }) },
        },
      },
      async (request) => {
        const { url, query } = request;
        const owner = contextOf(request).account.sid;
        const within = request.params as { CallSid?: string; ConferenceSid?: string };
        const filters = {
          accountSid: owner,
          callSid: within.CallSid ?? query.CallSid,
          conferenceSid: within.ConferenceSid ?? query.ConferenceSid,
          created: timeRange(query, 'DateCreated'),
          includeDeleted: query.IncludeSoftDeleted ?? false,
        };
        const page = await readPage(pages, { url, owner, query }, (load) =>
          records.recordings.list({ ...filters, ...load }),
        );
        const base = baseOf(request);
        return { recordings: page.items.map((item) => recordingView(item, base)), ...legacyPage(page) };
      },
    );
  }
}

function instance(app: RestApp, services: RestServices): void {
  for (const [path, params, name] of [
    ['/Accounts/:AccountSid/Recordings/:Sid.json', recordingPath, ''],
    ['/Accounts/:AccountSid/Calls/:CallSid/Recordings/:Sid.json', callPath.extend(recordingPath.shape), 'Call'],
    [
      '/Accounts/:AccountSid/Conferences/:ConferenceSid/Recordings/:Sid.json',
      conferencePath.extend(recordingPath.shape),
      'Conference',
    ],
  ] as const) {
    app.get(
      path,
      {
        schema: {
          operationId: `Fetch${name}Recording`,
          summary: 'One recording',
          tags,
          params,
          response: { 200: recordingSchema },
        },
      },
      async (request) => {
        const found = await recordingOf(services, contextOf(request).account.sid, request.params);
        return recordingView(found, baseOf(request));
      },
    );
    app.delete(
      path,
      {
        schema: {
          operationId: `Delete${name}Recording`,
          summary: 'Delete the audio of a recording; its facts stay',
          tags,
          params,
          response: { 204: z.null() },
        },
      },
      async (request, reply) => {
        await removeRecording(services, await recordingOf(services, contextOf(request).account.sid, request.params));
        return await reply.code(204).send(null);
      },
    );
  }
}

interface Within {
  readonly Sid: string;
  readonly CallSid?: string;
  readonly ConferenceSid?: string;
}

async function recordingOf({ records }: RestServices, accountSid: string, within: Within): Promise<RecordingRecord> {
  const found = await records.recordings.get(accountSid, within.Sid);
  const { CallSid = found?.callSid, ConferenceSid = found?.conferenceSid } = within;
  if (found === undefined || found.callSid !== CallSid || found.conferenceSid !== ConferenceSid) {
    throw new RestError('notFound');
  }
  return found;
}

/**
 * A callback says that a recording is completed as soon as it is; the records show it a moment later. Whoever asks for the
 * audio in between waits that moment.
 */
async function completedRecording(
  services: RestServices,
  accountSid: string,
  within: Within,
): Promise<RecordingRecord> {
  const read = (): Promise<RecordingRecord | undefined> => services.records.recordings.get(accountSid, within.Sid);
  await untilShown(services.clock, read, (found) => found === undefined || !isOpen(found));
  return await recordingOf(services, accountSid, within);
}

const isOpen = ({ status }: RecordingRecord): boolean => status === 'in-progress' || status === 'paused';

async function removeRecording(
  { records, recordingFiles, clock }: RestServices,
  found: RecordingRecord,
): Promise<void> {
  if (isOpen(found)) {
    throw new RestError('conflict', 'The recording goes on: stop it first');
  }
  const { accountSid, sid: wanted } = found;
  if (!(await records.recordings.remove(accountSid, wanted, new Date(clock.now()).toISOString()))) {
    throw new RestError('notFound');
  }
  await recordingFiles.remove(accountSid, wanted);
}

function media(app: RestApp, services: RestServices): void {
  for (const [suffix, format] of [
    ['', 'wav'],
    ['.wav', 'wav'],
    ['.mp3', 'mp3'],
  ] as const) {
    app.get(
      `/Accounts/:AccountSid/Recordings/:Sid${suffix}`,
      {
        schema: {
          operationId: `DownloadRecording${suffix.slice(1)}`,
          summary: `The audio of a recording, as ${format}; ranges are served`,
          tags,
          params: recordingPath,
          querystring: z.object({
            RequestedChannels: z.enum(['1', '2']).optional().describe('1: both channels mixed into one'),
            Download: z.string().optional().describe('Says so in Content-Disposition'),
          }),
        },
      },
      async (request, reply) => {
        const found = await completedRecording(services, contextOf(request).account.sid, request.params);
        const { RequestedChannels, Download } = request.query;
        if (Download === 'true')
          void reply.header('content-disposition', `attachment; filename="${found.sid}.${format}"`);
        const mono = RequestedChannels === '1' && found.channels === 2;
        return await sendRecording(services, reply, { recording: found, format, mono, range: request.headers.range });
      },
    );
  }
}
