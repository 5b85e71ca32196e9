/** `inbound`: what the party of a leg says; `outbound`: what it hears. */
export type TranscriptionTrack = 'inbound' | 'outbound';

/** A transcription in real time to begin. */
export interface TranscriptionOrder {
  readonly transcriptionSid: string;
  /** Names it for `<Stop>`; empty: it has none. */
  readonly name: string;
  readonly tracks: readonly TranscriptionTrack[];
  /** BCP 47. */
  readonly language: string;
  /** Words and phrases to expect. */
  readonly hints: readonly string[];
  /** Tells what is understood so far, too. */
  readonly partial: boolean;
  readonly labels: { readonly inbound?: string | undefined; readonly outbound?: string | undefined };
  readonly callback?: { readonly url: string; readonly method: 'GET' | 'POST' } | undefined;
}

/** Transcriptions of a leg: by sid, by name, or all of them. */
export type WhichTranscription = { readonly transcriptionSid: string } | { readonly name: string } | 'all';

export interface TranscriptionContent {
  readonly track: TranscriptionTrack;
  readonly text: string;
  /** 0 to 1; undefined where it is not known. */
  readonly confidence: number | undefined;
  readonly final: boolean;
}

/** Who hears of a transcription. */
export interface TranscriptionListener {
  started(): void;
  content(content: TranscriptionContent): void;
  /** Once; nothing follows. @param problem why it ended by itself */
  ended(problem?: { readonly code: number; readonly message: string }): void;
}

/** The tracks that a `track` attribute names. */
export function transcribedTracks(track: 'inbound_track' | 'outbound_track' | 'both_tracks'): TranscriptionTrack[] {
  const both = ['inbound', 'outbound'] as const;
  return both.filter((one) => track === 'both_tracks' || track === `${one}_track`);
}
