import type { Clock, Log } from '../../kernel/index.ts';
import { idOf } from '../resources/addresses.ts';
import type { Spoken, Voices } from '../resources/ports.ts';
import type { SpeechRequest } from '../ports.ts';
import { PromptError } from '../prompt-error.ts';
import { VOICE_NAMES_VERSION } from './voice-names.ts';

/** A voice elsewhere. Bounded in time and size. */
export interface RemoteVoice {
  /** Of all settings that shape what is heard, the engine's version included. */
  readonly version: string;
  /** @throws PromptError: `language` and `bad-text` for this text alone, `engine` and `busy` for the voice */
  speak(request: SpeechRequest): Promise<Spoken>;
}

export interface RemoteVoicesOptions {
  readonly remote: RemoteVoice;
  /** What speaks where the remote voice does not; undefined: its error is the answer. */
  readonly offline: Voices | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** After a failure of the voice itself it is left alone for this long, milliseconds. */
const REST_MS = 10_000;

/**
 * A remote voice, and offline ones where it fails. What stands in for it once is not kept, so that the remote voice is heard again; while
 * it is left alone, texts are the offline voices' own, kept under their own fingerprints.
 */
export function remoteVoices({ remote, offline, clock, log }: RemoteVoicesOptions): Voices {
  let restsUntil = -Infinity;
  const rests = (): boolean => offline !== undefined && clock.monotonic() < restsUntil;
  return {
    async fingerprint(request) {
      if (offline !== undefined && rests()) return await offline.fingerprint(request);
      const { text, ssml = '', voice = '', language = '' } = request;
      return idOf('remote', remote.version, VOICE_NAMES_VERSION, text, ssml, voice, language.toLowerCase());
    },
    async speak(request, accountSid, fingerprint) {
      if (offline !== undefined && rests()) {
        const own = fingerprint === (await offline.fingerprint(request));
        return { ...(await offline.speak(request, accountSid, fingerprint)), keep: own };
      }
      try {
        return await remote.speak(request);
      } catch (error) {
        if (!(error instanceof PromptError) || offline === undefined) throw error;
        if (error.reason === 'engine' || error.reason === 'busy') restsUntil = clock.monotonic() + REST_MS;
        log.warn({ reason: error.message, accountSid }, 'media: the remote voice failed, an offline voice speaks');
        return { ...(await offline.speak(request, accountSid, fingerprint)), keep: false };
      }
    },
  };
}
