import type { RecordingStore, SpeechRequest } from '../ports.ts';
import type { HeaderFields } from './freshness.ts';
import type { AudioForm } from './forms.ts';

/** One response of an origin, redirects followed. */
export interface OriginResponse {
  readonly status: number;
  readonly headers: HeaderFields;
  /** Whole; empty for a 304 and for errors. */
  readonly body: Uint8Array;
}

/** Asks origins. Bounded in time, size and redirects. @throws PromptError when there is no response, or none that may be used */
export interface Origins {
  get(request: {
    readonly accountSid: string;
    readonly url: string;
    readonly headers: HeaderFields;
  }): Promise<OriginResponse>;
}

/** A text that was spoken. */
export interface Spoken {
  readonly body: Uint8Array;
  readonly contentType: string;
  /** False: another voice stood in, so that it is not what the fingerprint says (default true). */
  readonly keep?: boolean;
}

/** Speaks texts. */
export interface Voices {
  /** Of everything that shapes what is heard: text, voice, language, engine and its version. @throws PromptError */
  fingerprint(request: SpeechRequest): Promise<string>;
  /** @param fingerprint that was given for the request @throws PromptError */
  speak(request: SpeechRequest, accountSid: string, fingerprint: string): Promise<Spoken>;
}

/** Makes telephony audio of anything that is audio. */
export interface Converter {
  /** Changes when the same input gives other bytes: part of every address. */
  readonly version: string;
  /**
   * The audio in another form, piece by piece while it is made.
   * @param contentType what the origin says it is; not to be believed
   * @throws PromptError from the iteration, when it is no audio or too long
   */
  convert(input: {
    readonly accountSid: string;
    readonly body: Uint8Array;
    readonly contentType: string;
    readonly form: AudioForm;
    /** Nobody waits for it. */
    readonly ahead?: boolean | undefined;
  }): AsyncIterable<Uint8Array>;
}

/** The store of recordings. Methods reject when it cannot be reached. */
export type Recordings = Pick<RecordingStore, 'stat' | 'read'>;

/** What an account may keep. */
export interface Allowance {
  /** Makes room, by dropping what was not used for longest. @returns false: it is too large to be kept */
  admit(accountSid: string, bytes: number): Promise<boolean>;
}
