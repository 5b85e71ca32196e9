import { FRAME_SAMPLES } from '../audio/g711.ts';

/** Samples held before the first is given out, and again after the buffer ran dry: 40 ms of jitter are made up for. */
const PREFILL = 2 * FRAME_SAMPLES;
/** More than this is never held: 200 ms. What is older is dropped. */
const CAPACITY = 10 * FRAME_SAMPLES;
/** When for a second never fewer than this were held, one frame is left out: delay that a burst once brought goes again. */
const SURPLUS = 3 * FRAME_SAMPLES;
const WATCHED_READS = 50;

/**
 * Evens out the arrival of one participant's packets, of any packet time, into frames of 20 ms at the mixer's own pace. A
 * loss shortens what is held and is not concealed.
 */
export class PlayoutBuffer {
  readonly #ring = new Int16Array(CAPACITY);
  #from = 0;
  #held = 0;
  #filling = true;
  #reads = 0;
  #least = CAPACITY;
  #dropped = 0;

  /** Samples held now. */
  get held(): number {
    return this.#held;
  }

  /** Samples left out because too many came. */
  get dropped(): number {
    return this.#dropped;
  }

  write(samples: Int16Array): void {
    const excess = this.#held + samples.length - CAPACITY;
    if (excess > 0) this.#drop(excess);
    let to = (this.#from + this.#held) % CAPACITY;
    const count = Math.min(samples.length, CAPACITY);
    for (let at = samples.length - count; at < samples.length; at++) {
      this.#ring[to] = samples[at] ?? 0;
      to = to + 1 === CAPACITY ? 0 : to + 1;
    }
    this.#held += count;
    if (this.#held >= PREFILL) this.#filling = false;
  }

  /** The next frame into `out`; false when there is none. */
  read(out: Int16Array): boolean {
    if (this.#filling) return false;
    if (this.#held < FRAME_SAMPLES) {
      this.#filling = true;
      return false;
    }
    for (let at = 0; at < FRAME_SAMPLES; at++) {
      out[at] = this.#ring[this.#from] ?? 0;
      this.#from = this.#from + 1 === CAPACITY ? 0 : this.#from + 1;
    }
    this.#held -= FRAME_SAMPLES;
    this.#watch();
    return true;
  }

  clear(): void {
    this.#held = 0;
    this.#filling = true;
  }

  #watch(): void {
    this.#least = Math.min(this.#least, this.#held);
    if (++this.#reads < WATCHED_READS) return;
    if (this.#least >= SURPLUS) this.#drop(FRAME_SAMPLES);
    this.#reads = 0;
    this.#least = CAPACITY;
  }

  #drop(count: number): void {
    const gone = Math.min(count, this.#held);
    this.#from = (this.#from + gone) % CAPACITY;
    this.#held -= gone;
    this.#dropped += gone;
  }
}
