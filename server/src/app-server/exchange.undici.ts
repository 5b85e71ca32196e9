import { request } from 'undici';
import type { Dispatcher } from 'undici';
import type { Clock } from '../kernel/index.ts';
import type { InstructionRequest } from '../calls/ports.ts';
import type { Agents } from './agents.undici.ts';
import { outgoingRequest, parseHttpUrl, publicUrl } from './application-request.ts';
import { conditionalHeaders } from './document-cache.ts';
import type { CacheKey, CachedDocument, DocumentCache } from './document-cache.ts';
import { watchExchange } from './exchange-watch.ts';
import type { HttpTap, SessionKey, SessionState, SessionTurn, SigningKeys } from './ports.ts';
import { FAILURES, badStatus, failureOf } from './request-failure.ts';
import type { RequestFailure } from './request-failure.ts';
import type { RequestOptions } from './request-options.ts';
import { readText } from './response-body.ts';

export type Attempt =
  | {
      readonly ok: true;
      readonly url: string;
      readonly status: number;
      readonly contentType: string;
      readonly body: string;
    }
  | ({ readonly ok: false; readonly url: string } & RequestFailure);

/** What stays the same over attempts and redirects. */
export interface Job {
  readonly request: InstructionRequest;
  readonly options: RequestOptions;
  readonly idempotencyToken: string;
  readonly session: SessionKey;
  readonly signal: AbortSignal;
}

interface Target {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly credentials: string | undefined;
}

/** A document, a failure, or the way to another address. */
export type Answer =
  | { readonly kind: 'outcome'; readonly outcome: Attempt }
  | { readonly kind: 'redirect'; readonly next: URL; readonly status: number };

export interface ExchangeParts {
  readonly keys: SigningKeys;
  readonly sessions: SessionState;
  readonly agents: Agents;
  readonly cache: DocumentCache;
  readonly clock: Clock;
  readonly tap: HttpTap | undefined;
}

/** Largest document, bytes. */
const MAX_BYTES = 65_536;

/** Single HTTP requests, each with the session's cookies, each told to the tap. */
export class Exchanges {
  readonly #parts: ExchangeParts;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  /** Rejects only when the job's signal aborts. @param begun the session's turn, if it has begun */
  async send(job: Job, target: Target, begun?: SessionTurn): Promise<Answer> {
    const { tap, clock, sessions, cache } = this.#parts;
    const { url, method } = target;
    const over = watchExchange({ tap, clock, job }, target);
    try {
      const turn = begun ?? (await sessions.begin(job.session, url.href));
      const outgoing = this.#outgoing(job, target, turn.cookies);
      const { accountSid } = job.request;
      const key: CacheKey = { accountSid, url: outgoing.url, cookies: turn.cookies };
      const cached = method === 'GET' ? cache.get(key) : undefined;
      const response = await request(outgoing.url, {
        dispatcher: this.#parts.agents.for(job.options.connectMs),
        method,
        headers: { ...outgoing.headers, ...(cached === undefined ? {} : conditionalHeaders(cached)) },
        body: outgoing.body,
        signal: job.signal,
        headersTimeout: job.options.readMs,
        bodyTimeout: job.options.readMs,
      });
      const set = response.headers['set-cookie'];
      if (set !== undefined) await turn.keep(typeof set === 'string' ? [set] : set);
      const next = redirectOf(response, url);
      if (next !== undefined) {
        await response.body.dump();
        over({ status: response.statusCode, location: publicUrl(next) });
        return { kind: 'redirect', next, status: response.statusCode };
      }
      const outcome = await this.#outcome(response, url, cached);
      if (method === 'GET' && outcome.ok && response.statusCode === 200) remember(cache, key, { response, outcome });
      over(
        outcome.ok
          ? { status: response.statusCode, contentType: outcome.contentType, body: outcome.body }
          : { status: response.statusCode, problem: outcome.message, code: outcome.code },
      );
      return { kind: 'outcome', outcome };
    } catch (error) {
      if (job.signal.aborted) {
        over({ problem: 'no complete answer in time, or given up', code: FAILURES.givenUp().code });
        throw error;
      }
      const failure = failureOf(error, url.host);
      over({ problem: failure.message, code: failure.code });
      return { kind: 'outcome', outcome: { ok: false, url: publicUrl(url), ...failure } };
    }
  }

  #outgoing(job: Job, target: Target, cookies: string | undefined): ReturnType<typeof outgoingRequest> {
    const { accountSid, params } = job.request;
    return outgoingRequest({
      ...target,
      params,
      authToken: this.#parts.keys.authToken(accountSid),
      idempotencyToken: job.idempotencyToken,
      cookies,
      format: job.options.format,
    });
  }

  async #outcome(
    { statusCode, headers, body }: Dispatcher.ResponseData,
    url: URL,
    cached: CachedDocument | undefined,
  ): Promise<Attempt> {
    const address = publicUrl(url);
    if (statusCode === 304 && cached !== undefined) {
      await body.dump();
      return { ok: true, url: url.href, status: 200, contentType: cached.contentType, body: cached.body };
    }
    if (statusCode < 200 || statusCode > 299) {
      await body.dump();
      return { ok: false, url: address, ...badStatus(statusCode) };
    }
    const contentType = headerOf(headers, 'content-type');
    if (/^\s*audio\//i.test(contentType)) {
      // It is played from its address; it may be long, and nobody reads it here.
      body.on('error', () => undefined).destroy();
      return { ok: true, url: url.href, status: statusCode, contentType, body: '' };
    }
    const text = await readText(body, contentType, MAX_BYTES);
    if (text !== undefined) return { ok: true, url: url.href, status: statusCode, contentType, body: text };
    return { ok: false, url: address, ...FAILURES.tooLarge(MAX_BYTES) };
  }
}

function remember(
  cache: DocumentCache,
  key: CacheKey,
  { response: { headers }, outcome }: { response: Dispatcher.ResponseData; outcome: Attempt & { ok: true } },
): void {
  const { contentType, body } = outcome;
  // Audio is not read, so there is nothing to keep.
  if (body === '') return;
  const etag = headerOf(headers, 'etag');
  const lastModified = headerOf(headers, 'last-modified');
  cache.keep(
    key,
    {
      contentType,
      body,
      etag: etag === '' ? undefined : etag,
      lastModified: lastModified === '' ? undefined : lastModified,
    },
    { cacheControl: headerOf(headers, 'cache-control'), vary: headerOf(headers, 'vary') },
  );
}

function headerOf(headers: Dispatcher.ResponseData['headers'], name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : (value ?? []).join(', ');
}

function redirectOf({ statusCode, headers }: Dispatcher.ResponseData, url: URL): URL | undefined {
  const { location } = headers;
  if (![301, 302, 303, 307, 308].includes(statusCode) || typeof location !== 'string') return undefined;
  return parseHttpUrl(location, url);
}
