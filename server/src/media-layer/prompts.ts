import { SingleFlight, systemClock, toError } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';
import type { PromptResult, Prompts } from '../calls/ports.ts';
import { LruCache } from './lru-cache.ts';
import type { MediaFetcher, SpeechEngine } from './ports.ts';
import { PromptError } from './prompt-error.ts';

export interface PromptsOptions {
  readonly speech: SpeechEngine;
  readonly fetcher: MediaFetcher;
  readonly log: Log;
  readonly clock?: Clock;
  /** Bound of the cache, bytes (default 32 MiB). */
  readonly cacheBytes?: number;
}

/** Spoken text does not change; it is given out again for a day. */
const SPEECH_TTL_MS = 86_400_000;
/** A recording may change at its origin; a looped or much called prompt is still fetched once in this time. */
const RECORDING_TTL_MS = 10_000;

/**
 * Prompts of the call router: speech and recordings, cached in a bounded memory and never made twice at the same time. Speech is
 * shared by all accounts, recordings are kept apart (a URL may be a secret).
 */
export function createPrompts(options: PromptsOptions): Prompts {
  const { speech, fetcher, log } = options;
  const cache = new LruCache({
    clock: options.clock ?? systemClock,
    maxBytes: options.cacheBytes ?? 32 * 1024 * 1024,
  });
  const flights = new SingleFlight<string, PromptResult>();
  const obtain = (key: string, ttlMs: number, make: () => Promise<Uint8Array>): Promise<PromptResult> => {
    const cached = cache.get(key);
    if (cached !== undefined) return Promise.resolve({ ok: true, wav: cached });
    return flights.run(key, async () => {
      try {
        const wav = await make();
        cache.set(key, wav, ttlMs);
        return { ok: true, wav };
      } catch (error) {
        if (error instanceof PromptError) return { ok: false, code: error.code, message: error.message };
        log.error({ err: toError(error) }, 'a prompt could not be made for a reason nobody foresaw');
        return { ok: false, code: 12_400, message: 'internal error while the prompt was being made; see the log' };
      }
    });
  };
  return {
    say({ text, voice, language }) {
      const key = JSON.stringify(['say', text, voice ?? '', language ?? '']);
      return obtain(key, SPEECH_TTL_MS, () =>
        speech.synthesize({
          text,
          ...(voice === undefined ? {} : { voice }),
          ...(language === undefined ? {} : { language }),
        }),
      );
    },
    fetch({ accountSid, url }) {
      return obtain(JSON.stringify(['fetch', accountSid, url]), RECORDING_TTL_MS, () => fetcher.fetch(url));
    },
  };
}
