import type { StreamRequest, StreamTrack } from '../../media-streams/ports.ts';

/** A media stream to begin. */
export interface StreamOrder extends Omit<StreamRequest, 'accountSid' | 'callSid'> {
  /** Names it for `<Stop>`; empty: it has none. */
  readonly name: string;
  readonly callback: { readonly url: string; readonly method: 'GET' | 'POST' } | undefined;
}

/** Streams of a leg, by sid or by name. */
export type WhichStream = { readonly streamSid: string } | { readonly name: string };

export type StreamEvent =
  /** Told when a stream is over, before the end of its leg. */
  {
    readonly kind: 'stream-ended';
    readonly callSid: string;
    readonly streamSid: string;
    /** `call`: it was stopped, or the leg ends. */
    readonly by: 'application' | 'call';
    readonly problem?: { readonly code: number; readonly message: string } | undefined;
  };

/** The tracks that a `track` attribute names. */
export function tracksOf(track: 'inbound_track' | 'outbound_track' | 'both_tracks'): StreamTrack[] {
  const both = ['inbound', 'outbound'] as const;
  return both.filter((one) => track === 'both_tracks' || track === `${one}_track`);
}
