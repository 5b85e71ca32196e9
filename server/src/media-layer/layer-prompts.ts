import type { PromptResult, Prompts } from '../calls/ports.ts';
import type { Log } from '../kernel/index.ts';
import { toError } from '../kernel/index.ts';
import { GrowingBody } from './cache/growing-body.ts';
import { PromptError } from './prompt-error.ts';
import { asWav } from './raw-audio.ts';
import { TELEPHONE, contentTypeOf } from './resources/forms.ts';
import type { MediaSource } from './resources/media-request.ts';

/** Telephone audio of a source, whole or as far as it is made. @throws PromptError when there is nothing to hear */
export type FetchAudio = (accountSid: string, source: MediaSource) => Promise<Uint8Array | GrowingBody>;

/** Has audio of a source made ahead. Never throws. */
export type PrefetchAudio = (accountSid: string, source: MediaSource) => void;

/** Prompts of the call router by the media layer, in this process or over HTTP: `audio` says where it is. */
export function layerPrompts(audio: FetchAudio, log: Log, prefetch?: PrefetchAudio): Prompts {
  const obtain = async (accountSid: string, source: MediaSource): Promise<PromptResult> => {
    try {
      const body = await audio(accountSid, source);
      if (body instanceof GrowingBody && !body.over)
        return { ok: true, wav: { codec: 'PCMU', read: () => body.cursor() } };
      const whole = body instanceof GrowingBody ? await body.whole : body;
      const wav = asWav(whole, contentTypeOf(TELEPHONE));
      if (wav !== undefined) return { ok: true, wav };
      return { ok: false, code: 12_300, message: 'the recording holds no audio' };
    } catch (error) {
      if (error instanceof PromptError) return { ok: false, code: error.code, message: error.message };
      log.error({ err: toError(error) }, 'a prompt could not be had for a reason nobody foresaw');
      return { ok: false, code: 12_400, message: 'internal error while the prompt was being made; see the log' };
    }
  };
  return {
    say: ({ accountSid, ...request }) => obtain(accountSid, speechOf(request)),
    fetch: ({ accountSid, url }) => obtain(accountSid, { kind: 'url', url }),
    prefetch({ accountSid, ...request }) {
      prefetch?.(accountSid, request.kind === 'fetch' ? { kind: 'url', url: request.url } : speechOf(request));
    },
  };
}

function speechOf({ text, ssml, voice, language }: Omit<Parameters<Prompts['say']>[0], 'accountSid'>): MediaSource {
  return {
    kind: 'speech',
    text,
    ...(ssml === undefined ? {} : { ssml }),
    ...(voice === undefined ? {} : { voice }),
    ...(language === undefined ? {} : { language }),
  };
}
