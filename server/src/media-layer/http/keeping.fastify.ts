import type { MediaUse } from '@hookswitch/shared';
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../../kernel/index.ts';
import type { RecordingStore } from '../ports.ts';
import { PromptError } from '../prompt-error.ts';
import { TELEPHONE } from '../resources/forms.ts';
import type { Housekeeping, PurgeSelector } from '../resources/housekeeping.ts';
import type { MediaAnswer, MediaLayer } from '../resources/media-layer.ts';
import type { MediaRequest } from '../resources/media-request.ts';
import type { Statistics } from '../resources/statistics.ts';
import { countTogether } from '../resources/statistics-shared.ts';
import type { OtherCounts } from '../resources/statistics-shared.ts';
import { infoBody } from './media-info.ts';
import type { MediaCallers } from './ports.ts';
import { statusOf } from './problems.ts';
import type { Problem } from './problems.ts';
import { purgeSchema } from './schemas.ts';
import type { Purge } from './schemas.ts';

export interface KeepingRoutesOptions {
  readonly layer: MediaLayer;
  readonly housekeeping: Housekeeping;
  readonly statistics: Statistics;
  /** Undefined: there is one process. */
  readonly others?: OtherCounts | undefined;
  readonly recordings: Pick<RecordingStore, 'usage'>;
  readonly callers: MediaCallers;
  /** What an account may keep, bytes. */
  readonly limitOf: (accountSid: string) => number;
  readonly log: Log;
}

/** Largest upload, bytes. */
const MAX_UPLOAD = 32 * 1024 * 1024;
const NAME = /^[\w.-]{1,100}$/;

/**
 * What an account keeps, for whoever shows its credentials:
 *
 *     GET    /v1/media                  how much it keeps and may keep, and what the cluster did for it
 *     POST   /v1/media/purges           { url | prefix | tag | everything: true } -> { purged }
 *     PUT    /v1/media/uploads/:name    audio of any kind, as the body -> 201, Content-Location, and what is known of it
 *     DELETE /v1/media/uploads/:name
 */
export function keepingRoutes(options: KeepingRoutesOptions): FastifyPluginCallback {
  return (app, _options, done) => {
    app.setErrorHandler((error: unknown, _request, reply) => sendError(options, error, reply));
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_UPLOAD }, (_request, body, parsed) => {
      parsed(null, body);
    });
    const account = (request: FastifyRequest): string => {
      const accountSid = options.callers.accountOf(request.headers.authorization, request.ip);
      if (accountSid === undefined) throw new Refusal(401, 'Show the credentials of an account');
      return accountSid;
    };
    app.get('/v1/media', async (request) => await overview(options, account(request)));
    app.post('/v1/media/purges', async (request) => {
      const accountSid = account(request);
      const parsed = purgeSchema.safeParse(request.body);
      if (!parsed.success) throw new Refusal(400, parsed.error.issues[0]?.message ?? 'not well-formed');
      return { purged: await options.housekeeping.purge(accountSid, selectorOf(parsed.data)) };
    });
    app.put('/v1/media/uploads/:name', { bodyLimit: MAX_UPLOAD }, async (request, reply) => {
      const accountSid = account(request);
      const source = { kind: 'upload', name: nameOf(request) } as const;
      if (!Buffer.isBuffer(request.body)) throw new Refusal(415, 'send the audio as the body, with its content type');
      const upload = { body: request.body, contentType: request.headers['content-type'] ?? '' };
      const answer = await uploaded(options, { accountSid, source, form: TELEPHONE }, upload);
      void reply.code(201).header('content-location', answer.address ?? '');
      const facts = await options.layer.facts(accountSid, answer);
      return { name: source.name, ...infoBody(answer, facts) };
    });
    app.delete('/v1/media/uploads/:name', async (request, reply) => {
      const accountSid = account(request);
      const purged = await options.housekeeping.purge(accountSid, { by: 'upload', name: nameOf(request) });
      return await reply.code(purged === 0 ? 404 : 204).send();
    });
    done();
  };
}

/** What turns out to be no audio is not kept. */
async function uploaded(
  { layer, housekeeping }: KeepingRoutesOptions,
  request: MediaRequest & { readonly source: { readonly kind: 'upload'; readonly name: string } },
  upload: { readonly body: Uint8Array; readonly contentType: string },
): Promise<MediaAnswer> {
  try {
    return await layer.upload(request, upload);
  } catch (error) {
    await housekeeping.purge(request.accountSid, { by: 'upload', name: request.source.name }).catch(() => undefined);
    throw error;
  }
}

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function overview(
  { housekeeping, statistics, others, recordings, limitOf }: KeepingRoutesOptions,
  accountSid: string,
): Promise<MediaUse> {
  const [{ sources, renditions, bytes }, recorded, together] = await Promise.all([
    housekeeping.usage(accountSid),
    recordings.usage(accountSid),
    countTogether(accountSid, { statistics, others }),
  ]);
  const { conversionMs, ageSeconds, ...counts } = together.counts;
  const asked = counts.hits + counts.misses + counts.revalidations + counts.stale;
  const kept = asked - counts.misses;
  return {
    kept: {
      ...{ sources, renditions, bytes, limit: limitOf(accountSid) },
      ...{ recordings: recorded.recordings, recordingBytes: recorded.bytes },
      recordingSeconds: recorded.durationMs / 1000,
    },
    done: {
      ...counts,
      processes: together.processes,
      hitRatio: asked === 0 ? null : kept / asked,
      meanAgeSeconds: kept === 0 ? null : ageSeconds / kept,
      conversionSeconds: conversionMs / 1000,
    },
  };
}

function selectorOf({ url, prefix, tag }: Purge): PurgeSelector {
  if (url !== undefined) return { by: 'url', url };
  if (prefix !== undefined) return { by: 'prefix', prefix };
  return tag === undefined ? { by: 'everything' } : { by: 'tag', tag };
}

function nameOf(request: FastifyRequest): string {
  const { name } = request.params as { name: string };
  if (!NAME.test(name)) throw new Refusal(400, 'a name has up to 100 letters, digits, dots, - and _');
  return name;
}

async function sendError({ log }: KeepingRoutesOptions, error: unknown, reply: FastifyReply): Promise<FastifyReply> {
  const problem = problemOf(error);
  if (problem.status === 401) void reply.header('www-authenticate', 'Basic realm="media"');
  if (problem.status === 500) log.error({ err: error }, 'the media layer failed');
  void reply.code(problem.status).type('application/problem+json');
  return await reply.serializer((body: unknown) => JSON.stringify(body)).send(problem);
}

function problemOf(error: unknown): Problem {
  if (error instanceof Refusal) return { status: error.status, title: error.message };
  if (error instanceof PromptError) {
    // What is uploaded is the client's own: nobody else is to blame.
    const status = error.reason === 'not-audio' ? 415 : error.reason === 'too-large' ? 507 : statusOf(error.reason);
    return { status, title: error.message, reason: error.reason, code: error.code };
  }
  const { statusCode = 500, message } = error as { statusCode?: number; message: string };
  return { status: statusCode, title: statusCode < 500 ? message : 'Internal error; see the log' };
}
