import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { delay, randomHex } from '../kernel/index.ts';
import type { Clock, Log, Random } from '../kernel/index.ts';
import type { InstructionRequest, InstructionResponse, Instructions } from '../calls/ports.ts';
import { credentialsOf, outgoingRequest, parseHttpUrl } from './application-request.ts';
import { noSessionState } from './no-session-state.ts';
import type { SessionKey, SessionState, SigningKeys } from './ports.ts';
import type { RequestFailure } from './request-failure.ts';
import { REQUEST_CODES, failureOf } from './request-failure.ts';
import type { RequestOptions } from './request-options.ts';
import { requestOptions } from './request-options.ts';
import { readText } from './response-body.ts';

export interface InstructionsOptions {
  readonly keys: SigningKeys;
  readonly sessions?: SessionState;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Certificate authorities trusted besides the system's, PEM. */
  readonly ca?: string;
}

/** Largest document, bytes. */
const MAX_BYTES = 65_536;
const MAX_REDIRECTS = 5;
/** Before another attempt, milliseconds. */
const RETRY_DELAY_MS = 200;
/** Connection pools kept, one for each connect time-out in use. */
const MAX_AGENTS = 8;

type Attempt =
  | {
      readonly ok: true;
      readonly url: string;
      readonly status: number;
      readonly contentType: string;
      readonly body: string;
    }
  | ({ readonly ok: false; readonly url: string } & RequestFailure);

/** What stays the same over attempts and redirects. */
interface Job {
  readonly request: InstructionRequest;
  readonly options: RequestOptions;
  readonly idempotencyToken: string;
  readonly session: SessionKey;
  readonly signal: AbortSignal;
}

/** Requests to application servers by HTTP: signed, bounded in time and size, retried and redirected as their URL says. */
export class UndiciInstructions implements Instructions {
  readonly #options: InstructionsOptions;
  readonly #sessions: SessionState;
  readonly #agents = new Map<number, Agent>();
  #closing: Promise<void> | undefined;

  constructor(options: InstructionsOptions) {
    this.#options = options;
    this.#sessions = options.sessions ?? noSessionState;
  }

  async fetch(instruction: InstructionRequest, signal: AbortSignal): Promise<InstructionResponse> {
    const { clock, random } = this.#options;
    const startedAt = clock.monotonic();
    const timed = (outcome: Attempt): InstructionResponse => {
      const durationMs = clock.monotonic() - startedAt;
      if (outcome.ok) return { ...outcome, durationMs };
      const { code, message, hint, url } = outcome;
      return { ok: false, url, code, message, hint, durationMs };
    };
    const url = parseHttpUrl(instruction.url);
    if (url === undefined) return timed(badUrl(instruction.url));
    const options = requestOptions(url.hash);
    const total = new AbortController();
    const timer = clock.setTimer(options.totalMs, () => {
      total.abort(new Error('time is up'));
    });
    const { accountSid, callSid, params } = instruction;
    const job: Job = {
      request: instruction,
      options,
      idempotencyToken: randomHex(random, 16),
      session: { accountSid, callSid, from: params['From'] ?? '', to: params['To'] ?? '' },
      signal: AbortSignal.any([signal, total.signal]),
    };
    try {
      return timed(await this.#attempts(job, url));
    } catch (error) {
      if (signal.aborted) return timed(givenUp(url));
      if (total.signal.aborted) return timed(timedOut(url, options.totalMs));
      this.#options.log.error({ err: error, callSid }, 'a request to an application server failed in an unknown way');
      return timed({ ok: false, url: publicUrl(url), ...failureOf(error, url.host) });
    } finally {
      timer.cancel();
    }
  }

  /** Gives up what is under way. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#agents.values()].map((agent) => agent.destroy())).then(() => undefined);
    return this.#closing;
  }

  async #attempts(job: Job, url: URL): Promise<Attempt> {
    const { retries, retryOn } = job.options;
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#follow(job, url);
      if (outcome.ok || attempt >= retries || outcome.retry === undefined || !retryOn.has(outcome.retry))
        return outcome;
      this.#options.log.debug({ url: outcome.url, attempt, code: outcome.code }, `trying again: ${outcome.message}`);
      await delay(this.#options.clock, RETRY_DELAY_MS, job.signal);
    }
  }

  /** One attempt: the request and the redirects it leads to. Rejects only when the job's signal aborts. */
  async #follow(job: Job, start: URL): Promise<Attempt> {
    let url = start;
    let { method } = job.request;
    let credentials = credentialsOf(url);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      let response: Dispatcher.ResponseData;
      try {
        response = await this.#send(job, { url, method, credentials });
        await this.#keepCookies(job, url, response);
        const next = redirectOf(response, url);
        if (next === undefined) return await this.#read(response, url);
        await response.body.dump();
        // RFC 9110 section 15.4: 307 and 308 keep the method, what else redirects a POST turns it into a GET.
        if (response.statusCode !== 307 && response.statusCode !== 308) method = 'GET';
        // Credentials are for the origin they were given for.
        credentials = credentialsOf(next) ?? (next.origin === url.origin ? credentials : undefined);
        url = next;
      } catch (error) {
        if (job.signal.aborted) throw error;
        return { ok: false, url: publicUrl(url), ...failureOf(error, url.host) };
      }
    }
    return {
      ok: false,
      url: publicUrl(start),
      code: REQUEST_CODES.redirects,
      message: `more than ${MAX_REDIRECTS} redirects, the last one to ${publicUrl(url)}`,
      hint: 'Give the address that the redirects lead to, or mend the loop.',
      retry: undefined,
    };
  }

  async #send(
    job: Job,
    target: { url: URL; method: 'GET' | 'POST'; credentials: string | undefined },
  ): Promise<Dispatcher.ResponseData> {
    const { accountSid, params } = job.request;
    const outgoing = outgoingRequest({
      ...target,
      params,
      authToken: this.#options.keys.authToken(accountSid),
      idempotencyToken: job.idempotencyToken,
      cookies: await this.#sessions.cookies(job.session, target.url.href),
    });
    const { url, method, headers, body } = outgoing;
    return request(url, {
      dispatcher: this.#agent(job.options.connectMs),
      method,
      headers,
      body,
      signal: job.signal,
      headersTimeout: job.options.readMs,
      bodyTimeout: job.options.readMs,
    });
  }

  async #keepCookies(job: Job, url: URL, { headers }: Dispatcher.ResponseData): Promise<void> {
    const set = headers['set-cookie'];
    if (set !== undefined) await this.#sessions.keep(job.session, url.href, typeof set === 'string' ? [set] : set);
  }

  async #read({ statusCode, headers, body }: Dispatcher.ResponseData, url: URL): Promise<Attempt> {
    const address = publicUrl(url);
    if (statusCode < 200 || statusCode > 299) {
      await body.dump();
      return { ok: false, url: address, ...badStatus(statusCode) };
    }
    const header = headers['content-type'];
    const contentType = typeof header === 'string' ? header : '';
    if (/^\s*audio\//i.test(contentType)) {
      // It is played from its address; it may be long, and nobody reads it here.
      body.on('error', () => undefined).destroy();
      return { ok: true, url: url.href, status: statusCode, contentType, body: '' };
    }
    const text = await readText(body, contentType, MAX_BYTES);
    if (text !== undefined) return { ok: true, url: url.href, status: statusCode, contentType, body: text };
    return {
      ok: false,
      url: address,
      code: REQUEST_CODES.tooLarge,
      message: `the response is larger than ${MAX_BYTES} bytes`,
      hint: 'Split the document with <Redirect>.',
      retry: undefined,
    };
  }

  #agent(connectMs: number): Agent {
    const known = this.#agents.get(connectMs);
    if (known !== undefined) return known;
    const { ca } = this.#options;
    const agent = new Agent({ connect: { timeout: connectMs, ...(ca === undefined ? {} : { ca }) } });
    const oldest = this.#agents.size >= MAX_AGENTS ? [...this.#agents.keys()][0] : undefined;
    if (oldest !== undefined) {
      // Finishes what it has under way, then goes.
      void this.#agents.get(oldest)?.close();
      this.#agents.delete(oldest);
    }
    this.#agents.set(connectMs, agent);
    return agent;
  }
}

function redirectOf({ statusCode, headers }: Dispatcher.ResponseData, url: URL): URL | undefined {
  const { location } = headers;
  if (![301, 302, 303, 307, 308].includes(statusCode) || typeof location !== 'string') return undefined;
  return parseHttpUrl(location, url);
}

function badStatus(status: number): RequestFailure {
  return {
    code: REQUEST_CODES.status,
    message: `the application server answered ${status}`,
    hint: status >= 500 ? "See the application server's log." : 'Is the path in the URL right, and its method?',
    retry: status >= 500 ? '5xx' : status >= 400 ? '4xx' : undefined,
  };
}

function badUrl(url: string): Attempt {
  return {
    ok: false,
    url,
    code: REQUEST_CODES.badUrl,
    message: `"${url.slice(0, 200)}" is not an http or https URL`,
    hint: 'Set a full URL, as https://app.example.com/voice.',
    retry: undefined,
  };
}

function timedOut(url: URL, totalMs: number): Attempt {
  return {
    ok: false,
    url: publicUrl(url),
    code: REQUEST_CODES.connection,
    message: `no complete answer within ${totalMs} ms`,
    hint: 'Make the application answer faster, or raise #tt= in the URL.',
    retry: undefined,
  };
}

function givenUp(url: URL): Attempt {
  return {
    ok: false,
    url: publicUrl(url),
    code: REQUEST_CODES.connection,
    message: 'the request was given up: the call ended or was changed',
    hint: 'Nothing to mend.',
    retry: undefined,
  };
}

/** Without user name and password, for messages. */
function publicUrl(url: URL): string {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare.href;
}
