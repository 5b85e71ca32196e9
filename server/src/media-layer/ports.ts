/** What the prompts need from outside: somebody who speaks and somebody who fetches. Both throw PromptError only. */

export interface SpeechRequest {
  readonly text: string;
  /** `man`, `woman` or a name the engine knows; others get the language's usual voice. */
  readonly voice?: string;
  /** BCP 47 tag (default en-US). */
  readonly language?: string;
}

/** Turns text into a WAV file. Bounded in time, size and concurrency. @throws PromptError */
export interface SpeechEngine {
  synthesize(request: SpeechRequest): Promise<Uint8Array>;
}

/** Fetches a recording as a WAV file. Bounded in time, size and redirects. @throws PromptError */
export interface MediaFetcher {
  fetch(url: string): Promise<Uint8Array>;
  /** Drops connections. Idempotent. */
  close(): Promise<void>;
}
