/** Mean square of 16-bit samples above which a frame is speech: about -38 dBm0, well above the noise of a telephone line. */
const LOUD = 200 * 200;
/** Frames of speech in a row that begin a talk spurt: 60 ms, longer than a click. */
const BEGIN_FRAMES = 3;
/** Frames without speech that end it: 800 ms, longer than the pauses between words. */
const END_FRAMES = 40;

/** Whether somebody talks, by the energy of each 20 ms frame with hangover. */
export class TalkDetector {
  #talking = false;
  /** Frames in a row that speak for a change. */
  #run = 0;

  get isTalking(): boolean {
    return this.#talking;
  }

  /** @param samples undefined: nothing came, or it does not count @returns true when `isTalking` has changed */
  frame(samples: Int16Array | undefined): boolean {
    const loud = samples !== undefined && meanSquare(samples) >= LOUD;
    if (loud === this.#talking) {
      this.#run = 0;
      return false;
    }
    this.#run++;
    if (this.#run < (this.#talking ? END_FRAMES : BEGIN_FRAMES)) return false;
    this.#talking = loud;
    this.#run = 0;
    return true;
  }
}

function meanSquare(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return sum / samples.length;
}
