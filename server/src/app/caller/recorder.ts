import { decodeG711, encodeWav, toneShare } from '../../media/index.ts';
import type { AudioFrame, FrameSink } from '../../media/index.ts';

const RATE = 8000;
/** Ten minutes: what comes after is not kept. */
const MAX_SAMPLES = RATE * 600;

/** Keeps what one leg's far end said, placed by its RTP timestamps, so that lost packets are silence. */
export class CallRecorder implements FrameSink {
  #samples = new Int16Array(RATE * 10);
  #first: number | undefined;
  #length = 0;

  write(direction: 'received' | 'sent', frame: AudioFrame, timestamp: number): void {
    if (direction !== 'received') return;
    const audio = frame.format === 'linear16' ? frame.samples : decodeG711(frame.format, frame.bytes);
    this.#first ??= timestamp;
    const at = (timestamp - this.#first) >>> 0;
    if (at + audio.length > MAX_SAMPLES) return;
    while (at + audio.length > this.#samples.length) {
      const larger = new Int16Array(this.#samples.length * 2);
      larger.set(this.#samples);
      this.#samples = larger;
    }
    this.#samples.set(audio, at);
    this.#length = Math.max(this.#length, at + audio.length);
  }

  get seconds(): number {
    return this.#length / RATE;
  }

  wav(): Uint8Array {
    return encodeWav(this.#samples.subarray(0, this.#length));
  }

  /** What it sounded like, for the summary line: silence, a tone, or something else such as speech. */
  describe(): string {
    const heard = this.#samples.subarray(0, this.#length);
    const window = heard.subarray(Math.max(0, heard.length - RATE * 2));
    if (window.length === 0) return 'nothing';
    const rms = Math.sqrt(window.reduce((sum, x) => sum + x * x, 0) / window.length) / 32_768;
    if (rms < 0.002) return 'silence';
    let best = { hz: 0, share: 0 };
    for (let hz = 200; hz <= 3400; hz++) {
      const share = toneShare(window, hz);
      if (share > best.share) best = { hz, share };
    }
    return best.share > 0.4 ? `a tone of about ${best.hz} Hz` : `sound (level ${Math.round(20 * Math.log10(rms))} dB)`;
  }
}
