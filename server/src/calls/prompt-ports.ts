/** Telephone audio that is still on its way, at 8 kHz. Who plays it begins with what there is. */
export interface AudioStream {
  readonly codec: 'PCMU';
  /** At the beginning. Each playback has its own; when the last one is closed early, the transfer ends. */
  read(): AudioStreamReader;
}
/** Never waits. */
export interface AudioStreamReader {
  /** So many bytes, fewer only at the end; none: not yet so many; undefined: the end. Throws when the rest cannot be had. */
  take(bytes: number): Uint8Array | undefined;
  rewind(): void;
  /** Idempotent. */
  close(): void;
}

/** A WAV file of any PCM or G.711 kind and rate, or a stream. */
export type PromptAudio = Uint8Array | AudioStream;

/** Audio for Say and Play. */
export type PromptResult =
  | { readonly ok: true; readonly wav: PromptAudio }
  | { readonly ok: false; readonly code: number; readonly message: string };

export interface Prompts {
  /** Speech for a text. Defaults: voice and language of the engine (en-US). Bounded in time; never throws. */
  say(request: {
    accountSid: string;
    text: string;
    /** The same text with SSML mark-up, without a root element. */
    ssml?: string | undefined;
    voice?: string | undefined;
    language?: string | undefined;
  }): Promise<PromptResult>;
  /** A recording by HTTP(S). Bounded in time, size and redirects; never throws. */
  fetch(request: { accountSid: string; url: string }): Promise<PromptResult>;
  /** Has it made when there is time, for whoever asks for it later. Never throws, never says how it went. */
  prefetch?(request: PromptRequest & { readonly accountSid: string }): void;
}

/** What is to be heard. */
export type PromptRequest =
  | {
      readonly kind: 'say';
      readonly text: string;
      readonly ssml?: string | undefined;
      readonly voice?: string | undefined;
      readonly language?: string | undefined;
    }
  | { readonly kind: 'fetch'; readonly url: string };
