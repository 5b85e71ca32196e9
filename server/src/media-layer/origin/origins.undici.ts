import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { systemClock, toError } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';
import { Limiter } from '../limiter.ts';
import { PromptError } from '../prompt-error.ts';
import type { HeaderFields } from '../resources/freshness.ts';
import type { OriginResponse, Origins } from '../resources/ports.ts';
import { addressPolicy } from './address-policy.ts';
import { BodyTooLarge, UnknownCoding, decodedBody } from './decoded-body.ts';
import { guardedConnector } from './guarded-connector.undici.ts';
import type { AddressPolicy, Resolve } from './ports.ts';

export interface OriginsOptions {
  /** Which addresses origins may have (default: public ones). */
  readonly policy?: AddressPolicy;
  /** How names are resolved (default: by the system). */
  readonly resolve?: Resolve;
  /** Requests of one account at once (default 16), and those of it that wait (default 256; more are refused). */
  readonly atOnce?: number;
  readonly waiting?: number;
  readonly clock?: Clock;
  /** For everything together, redirects and body included, milliseconds (default 15 000). */
  readonly timeoutMs?: number;
  /** Largest body after decompression, bytes (default 32 MiB). */
  readonly maxBytes?: number;
  /** Default 5. */
  readonly maxRedirects?: number;
}

type Limits = Required<Pick<OriginsOptions, 'timeoutMs' | 'maxBytes' | 'maxRedirects'>>;

/**
 * Origins by HTTP and HTTPS, connections kept. Origins are not trusted: addresses, redirects, time and size are bounded, and an account
 * whose origins are slow has but its own share of requests. `close` drops the connections; idempotent.
 */
export function createOrigins(options: OriginsOptions = {}): Origins & { close(): Promise<void> } {
  const { clock = systemClock, timeoutMs = 15_000, maxBytes = 32 * 1024 * 1024, maxRedirects = 5 } = options;
  const { policy = addressPolicy(), resolve } = options;
  const limits: Limits = { timeoutMs, maxBytes, maxRedirects };
  const connect = guardedConnector({ policy, timeoutMs, ...(resolve === undefined ? {} : { resolve }) });
  // No bound for one origin: accounts share origins, and each has its own bound.
  const agent = new Agent({ connect, keepAliveTimeout: 10_000 });
  const lanes = new AccountLimiters({ atOnce: options.atOnce ?? 16, waiting: options.waiting ?? 256 });
  let closing: Promise<void> | undefined;
  const get = async (url: string, headers: HeaderFields): Promise<OriginResponse> => {
    const abort = new AbortController();
    const timer = clock.setTimer(timeoutMs, () => {
      const late = `${shorten(url)} did not send its audio within ${String(timeoutMs)} ms`;
      abort.abort(new PromptError('connection', late));
    });
    try {
      return await follow({ start: url, headers, agent, signal: abort.signal }, limits);
    } catch (error) {
      if (error instanceof PromptError) throw error;
      if (abort.signal.reason instanceof PromptError) throw abort.signal.reason;
      const cause = toError(error);
      throw new PromptError('connection', `${shorten(url)} could not be reached: ${cause.message}`, { cause });
    } finally {
      timer.cancel();
      abort.abort();
    }
  };
  return {
    async get({ accountSid, url, headers }) {
      const response = lanes.run(accountSid, () => get(url, headers));
      if (response === undefined)
        throw new PromptError('busy', 'too many recordings of this account wait for their origins');
      return await response;
    },
    close() {
      closing ??= agent.destroy();
      return closing;
    },
  };
}

/** A {@link Limiter} for each account that has something under way. */
class AccountLimiters {
  readonly #limits: { readonly atOnce: number; readonly waiting: number };
  readonly #lanes = new Map<string, { readonly limiter: Limiter; users: number }>();

  constructor(limits: { readonly atOnce: number; readonly waiting: number }) {
    this.#limits = limits;
  }

  run<T>(accountSid: string, work: () => Promise<T>): Promise<T> | undefined {
    const lane = this.#lanes.get(accountSid) ?? { limiter: new Limiter(this.#limits), users: 0 };
    const run = lane.limiter.run(work);
    if (run === undefined) return undefined;
    this.#lanes.set(accountSid, lane);
    lane.users++;
    return run.finally(() => {
      if (--lane.users === 0) this.#lanes.delete(accountSid);
    });
  }
}

interface Wanted {
  readonly start: string;
  readonly headers: HeaderFields;
  readonly agent: Agent;
  readonly signal: AbortSignal;
}

async function follow({ start, headers, agent, signal }: Wanted, limits: Limits): Promise<OriginResponse> {
  let url = parseUrl(start, undefined);
  for (let hop = 0; hop <= limits.maxRedirects; hop++) {
    const response = await request(url, {
      dispatcher: agent,
      signal,
      headers: { 'accept-encoding': 'identity', ...headers, ...credentialsOf(url) },
      // One timer for everything together, above, is enough.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const location = response.headers['location'];
    const { statusCode: status } = response;
    if (status >= 300 && status < 400 && status !== 304 && typeof location === 'string') {
      await response.body.dump();
      url = parseUrl(location, url);
      continue;
    }
    const fields = fieldsOf(response);
    if (status === 200 || status === 203) return { status, headers: fields, body: await bodyOf(response, url, limits) };
    await response.body.dump();
    return { status, headers: fields, body: new Uint8Array() };
  }
  throw new PromptError('redirects', `${shorten(start)} redirects more than ${String(limits.maxRedirects)} times`);
}

/** `https://user:password@host/` asks with basic authentication; a redirect elsewhere does not take it along. */
function credentialsOf(url: URL): HeaderFields {
  if (url.username === '') return {};
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { authorization: `Basic ${Buffer.from(user).toString('base64')}` };
}

function fieldsOf({ headers }: Dispatcher.ResponseData): HeaderFields {
  const fields = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value ?? ''].flat().join(', ')]);
  return Object.fromEntries(fields) as HeaderFields;
}

async function bodyOf({ headers, body }: Dispatcher.ResponseData, url: URL, limits: Limits): Promise<Uint8Array> {
  const tooLarge = (): PromptError => {
    body.destroy();
    return new PromptError(
      'too-large',
      `${shorten(url.href)} is larger than ${String(limits.maxBytes)} bytes; shorten it`,
    );
  };
  if (Number(headers['content-length'] ?? 0) > limits.maxBytes) throw tooLarge();
  const coding = [headers['content-encoding'] ?? ''].flat().join(',');
  try {
    return await decodedBody(body, coding, limits.maxBytes);
  } catch (error) {
    if (error instanceof BodyTooLarge) throw tooLarge();
    const isCoding = error instanceof UnknownCoding || /^(Z_|ERR_BROTLI|ERR__ERROR_)/.test(codeOf(error));
    if (!isCoding) throw error;
    throw new PromptError(
      'not-audio',
      `${shorten(url.href)} comes with the content coding "${coding.slice(0, 40)}", which cannot be undone; send it without`,
    );
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

function parseUrl(text: string, base: URL | undefined): URL {
  const url = URL.parse(text, base?.href);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new PromptError('bad-url', `"${shorten(text)}" is no http or https URL`);
  }
  return url;
}

/** For messages: without query and user (they may hold secrets) and not endless. */
function shorten(url: string): string {
  return (url.split('?')[0] ?? '').replace(/\/\/[^/@]*@/, '//').slice(0, 200);
}
