import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../../kernel/index.ts';
import { PromptError } from '../prompt-error.ts';
import { contentTypeOf, findForm } from '../resources/forms.ts';
import type { Addresses } from '../resources/addresses.ts';
import type { MediaAnswer, MediaFacts, MediaLayer } from '../resources/media-layer.ts';
import type { MediaRequest, MediaSource } from '../resources/media-request.ts';
import type { MediaCallers } from './ports.ts';
import { infoBody, infoHeaders, wantsInfo } from './media-info.ts';
import { statusOf } from './problems.ts';
import type { Problem } from './problems.ts';
import { matchesTag, readRange } from './range.ts';
import { resourceSchema } from './schemas.ts';
import type { ResourceQuery } from './schemas.ts';

export interface MediaRoutesOptions {
  readonly layer: MediaLayer;
  readonly addresses: Addresses;
  readonly callers: MediaCallers;
  readonly log: Log;
}

/** An address never has other bytes. */
const IMMUTABLE = 'private, max-age=31536000, immutable';
const NO_MEDIA: Problem = { status: 404, title: 'There is no such media' };
/** What never ages may be another one after an upgrade of the engine. */
const UNAGING_SECONDS = 3600;

/**
 * The media layer over HTTP. `GET /media/v1/resource?url=...` (or `text`, `upload`, `recording`) answers with telephony audio while it is being made,
 * for whoever shows an account's credentials or a token of the cluster; Content-Location is its immutable address. `GET` of such an
 * address needs nothing but its signature. Conditions, one range and the directives of RFC 9111 section 5.2.1 are understood;
 * With `Accept: application/json` the answer is what is known of the audio: length, level, form, hash, source.
 * `POST /media/v1/resource` takes the same as JSON or a form, for texts that are too long for an address. `Prefer: respond-async` has it
 * made ahead: 202, without audio.
 */
export function mediaRoutes(options: MediaRoutesOptions): FastifyPluginCallback {
  return (app, _options, done) => {
    app.setErrorHandler((error: unknown, request, reply) => sendError(options, error, { request, reply }));
    app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, parsed) => {
      parsed(null, formOf(String(body)));
    });
    resources(app, options);
    app.get('/media/v1/:name', async (request, reply) => {
      const addressed = options.addresses.read(request.url);
      if (addressed === undefined) return await sendProblem(reply, NO_MEDIA);
      const answer = await options.layer.open(addressed);
      if (answer === undefined) return await sendProblem(reply, NO_MEDIA);
      const exchange = { request, reply: reply.header('cache-control', IMMUTABLE) };
      return await send(exchange, answer, () => options.layer.facts(addressed.accountSid, answer));
    });
    done();
  };
}

function resources(app: FastifyInstance, { layer, callers }: MediaRoutesOptions): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply, given: unknown): Promise<FastifyReply> => {
    const accountSid = callers.accountOf(request.headers.authorization, request.ip);
    if (accountSid === undefined) {
      void reply.header('www-authenticate', 'Basic realm="media"');
      return await sendProblem(reply, { status: 401, title: 'Show the credentials of an account' });
    }
    const parsed = resourceSchema.safeParse(given);
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0] ?? { path: [], message: '' };
      return await sendProblem(reply, { status: 400, title: `${path.join('.')}: ${message}` });
    }
    const wanted = requestOf(parsed.data, accountSid, request.headers['cache-control']);
    if (typeof wanted === 'string') return await sendProblem(reply, { status: 400, title: wanted });
    if (isAhead(request.headers['prefer'])) {
      layer.prefetch(wanted);
      return await reply.code(202).header('preference-applied', 'respond-async').send();
    }
    const found = await layer.get(wanted);
    return await send({ request, reply: reply.headers(headersOf(found)) }, found, () => layer.facts(accountSid, found));
  };
  app.get('/media/v1/resource', (request, reply) => answer(request, reply, request.query));
  app.post('/media/v1/resource', (request, reply) => answer(request, reply, request.body ?? {}));
}

/** RFC 7240 section 4.1: nobody waits for it. */
const isAhead = (prefer: string | string[] | undefined): boolean => /(?:^|[,\s])respond-async\b/i.test(String(prefer));

/** What is wrong with it, as a sentence; else the request. */
function requestOf(query: ResourceQuery, accountSid: string, cacheControl: string | undefined): MediaRequest | string {
  const form = findForm(query.codec, query.rate);
  if (form === undefined) return `there is no ${query.codec} at ${String(query.rate)} Hz`;
  const source = sourceOf(query);
  if (source === undefined) return 'give one of url, text (or ssml), upload, recording';
  return { accountSid, source, form, cacheControl, ...(query.tag === undefined ? {} : { tags: query.tag }) };
}

function sourceOf(query: ResourceQuery): MediaSource | undefined {
  const { url, text, ssml, upload, recording, voice, language } = query;
  const given = [url, text ?? ssml, upload, recording].filter((source) => source !== undefined);
  if (given.length !== 1) return undefined;
  if (url !== undefined) return { kind: 'url', url, language };
  if (upload !== undefined) return { kind: 'upload', name: upload };
  if (recording !== undefined) return { kind: 'recording', recording };
  return {
    kind: 'speech',
    text: text ?? '',
    ...(ssml === undefined ? {} : { ssml }),
    ...(voice === undefined ? {} : { voice }),
    ...(language === undefined ? {} : { language }),
  };
}

function headersOf(answer: MediaAnswer): Record<string, string> {
  const { address, freshSeconds = UNAGING_SECONDS, ageSeconds, lastModified } = answer;
  return {
    ...(address === undefined ? {} : { 'content-location': address }),
    ...(lastModified === undefined ? {} : { 'last-modified': lastModified }),
    age: String(ageSeconds),
    'cache-control': address === undefined ? 'no-store' : `private, max-age=${String(ageSeconds + freshSeconds)}`,
    'cache-status': cacheStatus(answer),
  };
}

/** RFC 9211. */
function cacheStatus({ outcome, address, freshSeconds }: MediaAnswer): string {
  const ttl = freshSeconds === undefined ? '' : `; ttl=${String(freshSeconds)}`;
  switch (outcome) {
    case 'hit':
      return `hookswitch; hit${ttl}`;
    case 'stale':
      return 'hookswitch; hit; detail=stale';
    case 'revalidated':
      return `hookswitch; hit; fwd=stale; fwd-status=304${ttl}`;
    case 'miss':
      return `hookswitch; fwd=miss${address === undefined ? '' : '; stored'}${ttl}`;
  }
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** @param facts of the answer, when it is whole */
async function send(
  { request, reply }: Exchange,
  answer: MediaAnswer,
  facts: () => Promise<MediaFacts>,
): Promise<FastifyReply> {
  const { body, digest, form, lastModified } = answer;
  const etag = `"${digest}"`;
  const { 'if-none-match': tags, 'if-modified-since': since, 'if-range': unchanged, range } = request.headers;
  void reply.headers({ vary: 'accept', 'x-content-type-options': 'nosniff' });
  if (wantsInfo(request.headers.accept)) return await reply.send(infoBody(answer, await facts()));
  void reply.header('etag', etag);
  const isKnown = tags === undefined ? isNotModified(since, lastModified) : matchesTag(tags, etag);
  if (isKnown) return await reply.code(304).send();
  void reply.type(contentTypeOf(form));
  if (!(body instanceof Uint8Array)) return await reply.send(Readable.from(body.read()));
  void reply.headers(infoHeaders(answer, await facts()));
  const wanted = unchanged === undefined || unchanged === etag ? readRange(range, body.length) : undefined;
  void reply.header('accept-ranges', 'bytes');
  if (wanted === undefined) return await reply.send(bufferOf(body));
  const length = String(body.length);
  if (wanted === 'unsatisfiable') return await reply.code(416).header('content-range', `bytes */${length}`).send();
  const { start, end } = wanted;
  void reply.code(206).header('content-range', `bytes ${String(start)}-${String(end)}/${length}`);
  return await reply.send(bufferOf(body.subarray(start, end + 1)));
}

const bufferOf = (body: Uint8Array): Buffer => Buffer.from(body.buffer, body.byteOffset, body.byteLength);

function isNotModified(since: string | undefined, lastModified: string | undefined): boolean {
  return since !== undefined && lastModified !== undefined && Date.parse(lastModified) <= Date.parse(since);
}

function formOf(body: string): Record<string, string | string[]> {
  const params = new URLSearchParams(body);
  return Object.fromEntries(
    [...new Set(params.keys())].map((name) => {
      const values = params.getAll(name);
      return [name, values.length === 1 ? (values[0] ?? '') : values];
    }),
  );
}

function sendError({ log }: MediaRoutesOptions, error: unknown, { request, reply }: Exchange): Promise<FastifyReply> {
  if (error instanceof PromptError) {
    if (error.reason === 'busy') void reply.header('retry-after', '1');
    const { reason, code, message } = error;
    return sendProblem(reply, { status: statusOf(reason), title: message, reason, code });
  }
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  if (status < 500) return sendProblem(reply, { status, title: (error as Error).message });
  log.error({ err: error, path: request.url.split('?', 1)[0] }, 'the media layer failed');
  return sendProblem(reply, { status: 500, title: 'Internal error; see the log' });
}

async function sendProblem(reply: FastifyReply, problem: Problem): Promise<FastifyReply> {
  void reply.code(problem.status).type('application/problem+json').header('cache-control', 'no-store');
  return await reply.serializer((body: unknown) => JSON.stringify(body)).send(problem);
}
