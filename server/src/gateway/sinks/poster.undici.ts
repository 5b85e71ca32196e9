import { Agent, request } from 'undici';
import { describeError } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';
import { BlockedAddressError, isPublicAddress, literalAddress, publicLookup } from './address-guard.ts';
import type { PostOutcome, WebhookPost, WebhookPoster } from './ports.ts';

export interface UndiciPosterOptions {
  readonly clock: Clock;
  /** Whether private, loopback and other special addresses may be called (default false). */
  readonly allowPrivate?: boolean;
  /** Certificate authorities trusted besides the system's, PEM. */
  readonly ca?: string;
}

const CONNECT_MS = 5000;
/** Longest that a receiver may ask to be left alone, milliseconds. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** POSTs by undici: every address checked, no redirects, bounded in time; the answer's body is not read. */
export class UndiciPoster implements WebhookPoster {
  readonly #agent: Agent;
  readonly #allowPrivate: boolean;
  readonly #clock: Clock;

  constructor({ clock, allowPrivate = false, ca }: UndiciPosterOptions) {
    this.#clock = clock;
    this.#allowPrivate = allowPrivate;
    const connect = {
      timeout: CONNECT_MS,
      ...(allowPrivate ? {} : { lookup: publicLookup }),
      ...(ca === undefined ? {} : { ca }),
    };
    this.#agent = new Agent({ connect, connections: 16, maxResponseSize: 64 * 1024 });
  }

  async post({ url, headers, body, timeoutMs, signal }: WebhookPost): Promise<PostOutcome> {
    const total = new AbortController();
    const timer = this.#clock.setTimer(timeoutMs, () => {
      total.abort(new Error(`no answer within ${timeoutMs} ms`));
    });
    try {
      // Literals are not looked up, so they are checked here.
      const literal = literalAddress(new URL(url).hostname);
      if (!this.#allowPrivate && literal !== undefined && !isPublicAddress(literal))
        throw new BlockedAddressError(literal);
      const response = await request(url, {
        dispatcher: this.#agent,
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.any([signal, total.signal]),
        // The one timer above is enough.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      const { statusCode: status } = response;
      await response.body.dump().catch(() => undefined);
      if (status >= 200 && status < 300) return { status, problem: undefined };
      const retryAfterMs = this.#retryAfter(response.headers['retry-after']);
      return { status, retryAfterMs, problem: `the receiver answered ${status}` };
    } catch (error) {
      return { status: undefined, problem: describeError(total.signal.aborted ? total.signal.reason : error) };
    } finally {
      timer.cancel();
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Seconds or a date (RFC 9110 section 10.2.3). */
  #retryAfter(value: string | string[] | undefined): number | undefined {
    if (typeof value !== 'string') return undefined;
    const ms = /^[0-9]+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - this.#clock.now();
    return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined;
  }
}
