import type { AnsweredBy, MachineDetectionOptions } from '../calls/ports.ts';
import type { Clock, Timer } from '../kernel/index.ts';
import { FRAME_SAMPLES, MachineDetector, Reframer, frameToLinear } from '../media/index.ts';
import type { AudioFrame, FrameSink, Leg } from '../media/ports.ts';

/** How often it is looked whether frames are missing, milliseconds. */
const LOOK_MS = 100;
const FRAME_MS = 20;
/** Frames that may be late. */
const LATE_FRAMES = 10;
const SILENCE = new Int16Array(FRAME_SAMPLES);

/** Lets a {@link MachineDetector} hear what a leg's party says; time without any audio counts as silence. */
export class MachineWatch implements FrameSink {
  readonly #clock: Clock;
  readonly #detector: MachineDetector;
  readonly #reframer: Reframer;
  readonly #release: () => void;
  readonly #startedAt: number;
  readonly #onVerdict: (answeredBy: AnsweredBy, durationMs: number) => void;
  #timer: Timer | undefined;
  #closed = false;

  constructor(
    parts: { readonly leg: Leg; readonly clock: Clock; readonly options: MachineDetectionOptions },
    onVerdict: (answeredBy: AnsweredBy, durationMs: number) => void,
  ) {
    this.#clock = parts.clock;
    this.#startedAt = parts.clock.monotonic();
    this.#onVerdict = onVerdict;
    this.#detector = new MachineDetector(parts.options);
    this.#reframer = new Reframer((frame) => {
      this.#feed(frame);
    });
    this.#release = parts.leg.addSink(this);
    this.#schedule();
  }

  write(direction: 'received' | 'sent', frame: AudioFrame): void {
    if (direction === 'received') this.#reframer.write(frameToLinear(frame));
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#release();
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimer(LOOK_MS, () => {
      const elapsed = this.#clock.monotonic() - this.#startedAt;
      while (!this.#closed && this.#detector.elapsedMs < elapsed - LATE_FRAMES * FRAME_MS) this.#feed(SILENCE);
      if (!this.#closed) this.#schedule();
    });
  }

  #feed(frame: Int16Array): void {
    if (this.#closed) return;
    const verdict = this.#detector.frame(frame);
    if (verdict === undefined) return;
    this.close();
    this.#onVerdict(verdict, this.#detector.elapsedMs);
  }
}
