import { Readable } from 'node:stream';
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Clock, Log } from '../../kernel/index.ts';
import { describeError } from '../../kernel/index.ts';
import type { KeptRecording, RecordingStore } from '../ports.ts';
import { readRecordingAddress, recordingAddress } from '../recordings/recording-addresses.ts';
import type { Addresses } from '../resources/addresses.ts';
import type { Statistics } from '../resources/statistics.ts';
import type { MediaCallers } from './ports.ts';
import type { Problem } from './problems.ts';
import { matchesTag, readRange } from './range.ts';
import type { recordingInfoSchema } from './schemas.ts';

export interface RecordingMediaOptions {
  readonly recordings: Pick<RecordingStore, 'stat' | 'read'>;
  readonly addresses: Addresses;
  readonly statistics: Statistics;
  readonly callers: MediaCallers;
  readonly clock: Clock;
  readonly log: Log;
}

/** A deleted recording is gone everywhere: copies are asked for again each time. */
const CACHE_CONTROL = 'private, no-cache';
const NONE: Problem = { status: 404, title: 'There is no such recording, or it is not completed yet' };

/**
 * Recordings as media: an immutable address for whoever has it, and what is known of one, for whoever shows the account's credentials.
 *
 *     GET /v1/media/recordings/:sid     address, length, size and hash, as JSON
 *     GET /media/v1/recordings/:name    the WAV file as it was recorded, whole or by one range
 */
export function recordingMediaRoutes(options: RecordingMediaOptions): FastifyPluginCallback {
  const { recordings, addresses, callers, log } = options;
  return (app, _options, done) => {
    app.setErrorHandler((error: unknown, _request, reply) => {
      log.warn({ reason: describeError(error) }, 'media: a recording could not be served');
      return sendProblem(reply, { status: 503, title: 'The store of recordings is out of reach; ask again later' });
    });
    app.get('/v1/media/recordings/:sid', async (request, reply) => {
      const accountSid = callers.accountOf(request.headers.authorization, request.ip);
      if (accountSid === undefined) {
        void reply.header('www-authenticate', 'Basic realm="media"');
        return await sendProblem(reply, { status: 401, title: 'Show the credentials of an account' });
      }
      const { sid } = request.params as { sid: string };
      const found = /^RE[0-9a-f]{32}$/.test(sid) ? await recordings.stat(accountSid, sid) : undefined;
      if (found === undefined) return await sendProblem(reply, NONE);
      const info = infoOf(found, options);
      return await reply.headers({ 'cache-control': CACHE_CONTROL, 'content-location': info.address }).send(info);
    });
    app.get('/media/v1/recordings/:name', async (request, reply) => {
      const wanted = readRecordingAddress(addresses, request.url);
      const found = wanted && (await recordings.stat(wanted.accountSid, wanted.recordingSid));
      if (found === undefined || found.sha256 !== wanted?.sha256) return await sendProblem(reply, NONE);
      return await send(options, { request, reply }, found);
    });
    done();
  };
}

async function send(
  { recordings, statistics }: RecordingMediaOptions,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  facts: KeptRecording,
): Promise<FastifyReply> {
  const { accountSid, recordingSid, sha256, bytes } = facts;
  const etag = `"${sha256}"`;
  const { 'if-none-match': tags, 'if-range': unchanged, range } = request.headers;
  void reply.headers({ etag, 'cache-control': CACHE_CONTROL, 'x-content-type-options': 'nosniff' });
  if (tags !== undefined && matchesTag(tags, etag)) return await reply.code(304).send();
  const part = unchanged === undefined || unchanged === etag ? readRange(range, bytes) : undefined;
  const digest = Buffer.from(sha256, 'base64url').toString('base64');
  void reply.type('audio/wav').headers({ 'accept-ranges': 'bytes', 'repr-digest': `sha-256=:${digest}:` });
  void reply.header('media-info', `duration=${(facts.durationMs / 1000).toFixed(3)}, codec=l16, rate=8000`);
  if (part === 'unsatisfiable')
    return await reply
      .code(416)
      .header('content-range', `bytes */${String(bytes)}`)
      .send();
  const { start, end } = part ?? { start: 0, end: bytes - 1 };
  const range206 = `bytes ${String(start)}-${String(end)}/${String(bytes)}`;
  if (part !== undefined) void reply.code(206).header('content-range', range206);
  void reply.header('content-length', String(end - start + 1));
  // A stream leaves the length as it is.
  if (request.method === 'HEAD') return await reply.send(Readable.from([]));
  const found = await recordings.read(accountSid, recordingSid, part);
  if (found === undefined) return await sendProblem(reply.removeHeader('content-length'), NONE);
  statistics.served(accountSid, end - start + 1);
  return await reply.send(Readable.from(found.body));
}

function infoOf(
  facts: KeptRecording,
  { addresses, clock }: RecordingMediaOptions,
): z.infer<typeof recordingInfoSchema> {
  const { recordingSid, callSid, channels, bytes, durationMs, sha256, startedAt } = facts;
  return {
    ...{ recordingSid, callSid, address: recordingAddress(addresses, facts) },
    ...{ codec: 'l16', rate: 8000, channels, contentType: 'audio/wav', bytes, sha256 },
    durationSeconds: durationMs / 1000,
    ageSeconds: Math.max(0, (clock.now() - startedAt - durationMs) / 1000),
    startedAt: new Date(startedAt).toISOString(),
  };
}

async function sendProblem(reply: FastifyReply, problem: Problem): Promise<FastifyReply> {
  void reply.code(problem.status).type('application/problem+json').header('cache-control', 'no-store');
  return await reply.serializer((body: unknown) => JSON.stringify(body)).send(problem);
}
