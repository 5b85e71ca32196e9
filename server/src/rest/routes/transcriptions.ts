import { z } from 'zod';
import { RestError } from '../errors.ts';
import { legacyPage, legacyPageSchema, pageParameters, readPage } from '../paging.ts';
import { accountPath, sid } from '../parameters.ts';
import { transcriptionSchema, transcriptionView } from '../recording-view.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';

const tags = ['Recordings'];
const INSTANCE = '/Accounts/:AccountSid/Transcriptions/:Sid.json';
const path = accountPath.extend({ Sid: sid('transcription') });

/** What was understood of recordings. */
export function transcriptionRoutes(app: RestApp, services: RestServices): void {
  const { records, pages } = services;
  for (const [url, params, operationId] of [
    ['/Accounts/:AccountSid/Transcriptions.json', accountPath, 'ListTranscription'],
    [
      '/Accounts/:AccountSid/Recordings/:RecordingSid/Transcriptions.json',
      accountPath.extend({ RecordingSid: sid('recording') }),
      'ListRecordingTranscription',
    ],
  ] as const) {
    app.get(
      url,
      {
        schema: {
          operationId,
          summary: 'Transcriptions',
          tags,
          params,
          querystring: z.object(pageParameters),
          response: { 200: z.object({ transcriptions: z.array(transcriptionSchema), ...legacyPageSchema }) },
        },
      },
      async (request) => {
        const owner = contextOf(request).account.sid;
        const { RecordingSid: recordingSid } = request.params as { RecordingSid?: string };
        const page = await readPage(pages, { url: request.url, owner, query: request.query }, (load) =>
          records.recordings.transcriptions({ accountSid: owner, recordingSid, ...load }),
        );
        return { transcriptions: page.items.map(transcriptionView), ...legacyPage(page) };
      },
    );
  }
  app.get(
    INSTANCE,
    {
      schema: {
        operationId: 'FetchTranscription',
        summary: 'One transcription',
        tags,
        params: path,
        response: { 200: transcriptionSchema },
      },
    },
    async (request) => {
      const found = await records.recordings.transcription(contextOf(request).account.sid, request.params.Sid);
      if (found === undefined) throw new RestError('notFound');
      return transcriptionView(found);
    },
  );
  app.delete(
    INSTANCE,
    {
      schema: {
        operationId: 'DeleteTranscription',
        summary: 'Delete a transcription',
        tags,
        params: path,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const removed = await records.recordings.removeTranscription(contextOf(request).account.sid, request.params.Sid);
      if (!removed) throw new RestError('notFound');
      return await reply.code(204).send(null);
    },
  );
}
