import { FRAME_SAMPLES } from '../audio/g711.ts';

/**
 * The sum of one 20 ms frame of every speaker, kept in 32 bits so that nothing is lost before a listener's own voice is
 * taken out again: each speaker is added once, whatever the number of listeners.
 */
export class MixMinus {
  readonly #sum = new Int32Array(FRAME_SAMPLES);
  #speakers = 0;

  /** Frames in the sum. */
  get speakers(): number {
    return this.#speakers;
  }

  /** Begins the next frame. */
  clear(): void {
    if (this.#speakers > 0) this.#sum.fill(0);
    this.#speakers = 0;
  }

  /** @param samples 160 of them */
  add(samples: Int16Array): void {
    const sum = this.#sum;
    for (let at = 0; at < FRAME_SAMPLES; at++) sum[at] = (sum[at] ?? 0) + (samples[at] ?? 0);
    this.#speakers++;
  }

  /**
   * What one listener hears: the sum without its own frame, and with what is meant for it alone. Saturates at 16 bits.
   *
   * @param out 160 samples, written over
   */
  hear(out: Int16Array, own?: Int16Array, alone?: readonly Int16Array[]): Int16Array {
    const sum = this.#sum;
    for (let at = 0; at < FRAME_SAMPLES; at++) {
      let value = (sum[at] ?? 0) - (own?.[at] ?? 0);
      if (alone !== undefined) for (const samples of alone) value += samples[at] ?? 0;
      out[at] = value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value;
    }
    return out;
  }
}
