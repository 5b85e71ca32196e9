import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { systemClock, toError } from '../kernel/index.ts';
import type { Clock } from '../kernel/index.ts';
import type { MediaFetcher } from './ports.ts';
import { PromptError } from './prompt-error.ts';
import { asWav } from './raw-audio.ts';

export interface FetcherOptions {
  readonly clock?: Clock;
  /** For everything together, redirects and body included, milliseconds (default 15 000). */
  readonly timeoutMs?: number;
  /** Largest body, bytes (default 32 MiB). */
  readonly maxBytes?: number;
  /** Default 5. */
  readonly maxRedirects?: number;
}

type Limits = Required<Omit<FetcherOptions, 'clock'>>;

/** Recordings by HTTP and HTTPS: WAV of any kind, and headerless mu-law or A-law by content type. */
export function createFetcher(options: FetcherOptions = {}): MediaFetcher {
  const { clock = systemClock, timeoutMs = 15_000, maxBytes = 32 * 1024 * 1024, maxRedirects = 5 } = options;
  const limits: Limits = { timeoutMs, maxBytes, maxRedirects };
  const agent = new Agent({ connections: 16, connect: { timeout: timeoutMs } });
  let closing: Promise<void> | undefined;
  return {
    async fetch(url) {
      const abort = new AbortController();
      const timer = clock.setTimer(timeoutMs, () => {
        abort.abort(new PromptError('connection', `${shorten(url)} did not send its audio within ${timeoutMs} ms`));
      });
      try {
        return await follow(url, agent, limits, abort.signal);
      } catch (error) {
        if (error instanceof PromptError) throw error;
        if (abort.signal.reason instanceof PromptError) throw abort.signal.reason;
        const cause = toError(error);
        throw new PromptError('connection', `${shorten(url)} could not be reached: ${cause.message}`, { cause });
      } finally {
        timer.cancel();
        abort.abort();
      }
    },
    close() {
      closing ??= agent.destroy();
      return closing;
    },
  };
}

async function follow(start: string, agent: Agent, limits: Limits, signal: AbortSignal): Promise<Uint8Array> {
  let url = parseUrl(start, undefined);
  for (let hop = 0; hop <= limits.maxRedirects; hop++) {
    const response = await request(url, { dispatcher: agent, signal, headers: headersFor(url) });
    const { statusCode, headers, body } = response;
    const location = headers['location'];
    if (statusCode >= 300 && statusCode < 400 && typeof location === 'string') {
      await body.dump();
      url = parseUrl(location, url);
      continue;
    }
    if (statusCode < 200 || statusCode > 299) {
      await body.dump();
      throw new PromptError('http-status', `${shorten(url.href)} answered ${statusCode}; check the URL at its server`);
    }
    return readBody(response, url, limits);
  }
  throw new PromptError('redirects', `${shorten(start)} redirects more than ${limits.maxRedirects} times`);
}

/** `https://user:password@host/` asks with basic authentication; a redirect elsewhere does not take it along. */
function headersFor(url: URL): Record<string, string> {
  if (url.username === '') return { accept: 'audio/*' };
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { accept: 'audio/*', authorization: `Basic ${Buffer.from(user).toString('base64')}` };
}

async function readBody(response: Dispatcher.ResponseData, url: URL, limits: Limits): Promise<Uint8Array> {
  const { headers, body } = response;
  const tooLarge = (): PromptError => {
    body.destroy();
    return new PromptError('too-large', `${shorten(url.href)} is larger than ${limits.maxBytes} bytes; shorten it`);
  };
  if (Number(headers['content-length'] ?? 0) > limits.maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limits.maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  const type = typeof headers['content-type'] === 'string' ? headers['content-type'] : '';
  const wav = asWav(Buffer.concat(chunks), type);
  if (wav !== undefined) return wav;
  throw new PromptError(
    'not-audio',
    `${shorten(url.href)} is ${type === '' ? 'of no known type' : type.slice(0, 60)}; serve a wav file, or mu-law as audio/basic`,
  );
}

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
