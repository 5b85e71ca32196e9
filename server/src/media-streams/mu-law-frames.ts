import { encodeG711, frameToLinear } from '../media/index.ts';
import type { AudioFrame } from '../media/ports.ts';

const FRAME_BYTES = 160;

/**
 * Frames of a leg, whatever its codec and packet time, as 20 ms of mu-law. What is left of a packet waits for the next
 * one; after a hole in the timeline it is dropped, so that no frame holds audio of two moments.
 */
export class MuLawFrames {
  readonly #write: (payload: Uint8Array, samples: number) => void;
  #rest = new Uint8Array(0);
  /** Sample counter that follows the rest. */
  #expected = 0;

  constructor(write: (payload: Uint8Array, samples: number) => void) {
    this.#write = write;
  }

  take(frame: AudioFrame, samples: number): void {
    const bytes = muLaw(frame);
    if (this.#rest.length === 0 && bytes.length === FRAME_BYTES) {
      this.#write(bytes, samples);
      return;
    }
    const joined = this.#rest.length > 0 && samples === this.#expected;
    const from = joined ? (samples - this.#rest.length) >>> 0 : samples;
    const all = joined ? Buffer.concat([this.#rest, bytes]) : bytes;
    let at = 0;
    for (; at + FRAME_BYTES <= all.length; at += FRAME_BYTES) {
      this.#write(all.subarray(at, at + FRAME_BYTES), (from + at) >>> 0);
    }
    this.#rest = Uint8Array.from(all.subarray(at));
    this.#expected = (samples + bytes.length) >>> 0;
  }
}

function muLaw(frame: AudioFrame): Uint8Array {
  return frame.format === 'PCMU' ? frame.bytes : encodeG711('PCMU', frameToLinear(frame));
}
