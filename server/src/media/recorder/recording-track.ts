import { FRAME_SAMPLES } from '../audio/g711.ts';

/** Samples kept until they are taken: later than this nothing is waited for. */
export const WINDOW_SAMPLES = 8192;
/** A frame this far from the clock is not late: its stream began anew, or its sender's clock jumped. Samples. */
const JUMP_SAMPLES = 2000;

/**
 * One direction of a recording, put in its place on the recording's own time line: the first frame by the clock, those
 * that follow by their timestamps, so that jitter is not heard and what was lost is silence. Positions are samples at
 * 8 kHz since the beginning.
 */
export class RecordingTrack {
  readonly #ring = new Int16Array(WINDOW_SAMPLES);
  /** What is taken already: nothing before it can be written any more. */
  #taken = 0;
  /** Position and timestamp of the latest frame. */
  #last: { readonly position: number; readonly timestamp: number } | undefined;

  /** @param now position of this moment on the time line */
  write(samples: Int16Array, timestamp: number, now: number): void {
    const position = this.#place(timestamp, now);
    this.#last = { position, timestamp };
    for (const [at, sample] of samples.entries()) {
      const to = position + at;
      if (to >= this.#taken && to < this.#taken + WINDOW_SAMPLES) this.#ring[to % WINDOW_SAMPLES] = sample;
    }
  }

  /** The next `into.length` samples; what never came is silence. */
  take(into: Int16Array): void {
    for (let at = 0; at < into.length; at++) {
      const index = (this.#taken + at) % WINDOW_SAMPLES;
      into[at] = this.#ring[index] ?? 0;
      this.#ring[index] = 0;
    }
    this.#taken += into.length;
  }

  /** The stream goes on somewhere else on the time line. */
  interrupt(): void {
    this.#last = undefined;
  }

  #place(timestamp: number, now: number): number {
    const arrived = Math.max(0, now - FRAME_SAMPLES);
    if (this.#last === undefined) return arrived;
    const elapsed = (timestamp - this.#last.timestamp) | 0;
    const position = this.#last.position + elapsed;
    return Math.abs(position - arrived) > JUMP_SAMPLES ? arrived : position;
  }
}
