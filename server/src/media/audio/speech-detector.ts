import { FRAME_SAMPLES } from './g711.ts';

/** Root mean square above which a frame may be speech: about -41 dBov, well below a quiet talker on a telephone. */
const VOICED_RMS = 280;
/** A frame this much louder than the noise is speech. */
const ABOVE_NOISE = 2.5;
/** Share by which the noise estimate rises with each frame that is louder. It falls at once. */
const NOISE_RISE = 0.01;
/** Louder than this is never taken for noise. */
const MAX_NOISE = 600;
/** A click is shorter than this, frames. */
const MIN_VOICED = 3;

/** Root mean square of a frame, 0 to 32,768. */
export function rms(samples: Int16Array): number {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  return Math.sqrt(energy / Math.max(1, samples.length));
}

/** Tells speech from the noise of the line by its level, 20 ms at a time. Pure but for its own memory. */
export class SpeechDetector {
  #noise = 60;
  #run = 0;

  /** @returns whether somebody talks in this frame; a click is none */
  frame(samples: Int16Array): boolean {
    const level = rms(samples);
    const voiced = level > Math.max(VOICED_RMS, this.#noise * ABOVE_NOISE);
    this.#noise = level < this.#noise ? level : Math.min(MAX_NOISE, this.#noise + (level - this.#noise) * NOISE_RISE);
    this.#run = voiced ? this.#run + 1 : 0;
    return this.#run >= MIN_VOICED;
  }
}

/** Whole frames of 20 ms from frames of any length. */
export class Reframer {
  readonly #onFrame: (frame: Int16Array) => void;
  #frame = new Int16Array(FRAME_SAMPLES);
  #fill = 0;

  constructor(onFrame: (frame: Int16Array) => void) {
    this.#onFrame = onFrame;
  }

  write(samples: Int16Array): void {
    for (const sample of samples) {
      this.#frame[this.#fill++] = sample;
      if (this.#fill < FRAME_SAMPLES) continue;
      const full = this.#frame;
      this.#frame = new Int16Array(FRAME_SAMPLES);
      this.#fill = 0;
      this.#onFrame(full);
    }
  }
}
