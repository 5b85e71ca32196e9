import { FRAME_SAMPLES } from '../audio/g711.ts';
import type { AudioFrame, FrameSource, G711Codec } from '../ports.ts';

/** Where the bytes of a stream are taken from; never waits. */
export interface StreamReader {
  /** So many bytes, fewer only at the end; none: not yet so many; undefined: the end. Throws when the rest cannot be had. */
  take(bytes: number): Uint8Array | undefined;
  rewind(): void;
  close(): void;
}

/** Frames of silence after which a stream that brings nothing has failed: 15 s. */
const MOST_SILENT_FRAMES = 750;
const SILENCE: AudioFrame = { format: 'linear16', samples: new Int16Array(FRAME_SAMPLES) };

/**
 * Plays G.711 while it arrives. Where it has not arrived in time there is silence, and it goes on where it was: nothing is left out. It
 * throws, which ends the playback as `failed`, when the stream breaks off or brings nothing for 15 s.
 */
export function streamSource(codec: G711Codec, reader: StreamReader): FrameSource {
  let silent = 0;
  return {
    next() {
      const bytes = reader.take(FRAME_SAMPLES);
      if (bytes === undefined) return undefined;
      if (bytes.length > 0) {
        silent = 0;
        return { format: codec, bytes };
      }
      silent += 1;
      if (silent > MOST_SILENT_FRAMES) throw new Error('the audio stopped coming for 15 s');
      return SILENCE;
    },
    rewind() {
      reader.rewind();
    },
    close() {
      reader.close();
    },
  };
}
