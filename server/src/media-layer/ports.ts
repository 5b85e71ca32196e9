/** What the media layer needs from outside: somebody who speaks, and somewhere to keep recordings. */

export interface SpeechRequest {
  readonly text: string;
  /** The same text with SSML mark-up, without a root element; what the engine cannot do has no effect. */
  readonly ssml?: string;
  /** `man`, `woman` or a name the engine knows; others get the language's usual voice. */
  readonly voice?: string;
  /** BCP 47 tag (default en-US). */
  readonly language?: string;
}

/** Turns text into a WAV file. Bounded in time, size and concurrency. @throws PromptError */
export interface SpeechEngine {
  synthesize(request: SpeechRequest): Promise<Uint8Array>;
}

/** A recording that is kept: a WAV file of 16-bit samples at 8 kHz. */
export interface StoredRecording {
  readonly accountSid: string;
  readonly recordingSid: string;
  readonly callSid: string;
  readonly channels: 1 | 2;
  /** Of the WAV file. */
  readonly bytes: number;
  readonly durationMs: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
}

/** A recording in the store. */
export interface KeptRecording extends StoredRecording {
  /** SHA-256 of the WAV file, base64url. */
  readonly sha256: string;
}

/** What an account keeps. */
export interface RecordingUse {
  readonly recordings: number;
  readonly bytes: number;
  readonly durationMs: number;
}

export interface RecordingBody {
  readonly facts: KeptRecording;
  /** To be read to its end, or left by `return`. Rejects when the store fails on the way. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Where recordings are kept. What `put` has resolved for is there for every process, whole: a reader never sees half of
 * it. Methods reject with RecordingError `unavailable` when the store cannot be reached.
 */
export interface RecordingStore {
  /** A recording of the same sid is replaced. @param file the WAV file */
  put(facts: StoredRecording, file: AsyncIterable<Uint8Array>): Promise<void>;
  stat(accountSid: string, recordingSid: string): Promise<KeptRecording | undefined>;
  /** @param range bytes of the WAV file, both ends included; what is beyond its end is left out */
  read(
    accountSid: string,
    recordingSid: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<RecordingBody | undefined>;
  /** @returns false when there is none */
  remove(accountSid: string, recordingSid: string): Promise<boolean>;
  /** A scan. */
  usage(accountSid: string): Promise<RecordingUse>;
  /** Removes what began before this time, epoch milliseconds. @param accountSid of this account alone @returns how many */
  purge(before: number, accountSid?: string): Promise<number>;
}
