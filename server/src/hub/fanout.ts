import type { Clock, Timer } from '../kernel/index.ts';
import { OutboundFrame } from './outbound-frame.ts';
import type { LoggedEvent } from './ports.ts';

/** A receiver that writes what has gathered when told to. */
export interface Flushable {
  /** Writes what is waiting. Returns the number of frames written. Never throws. */
  flush(): number;
}

export interface FanoutOptions {
  readonly clock: Clock;
  /** Shortest and longest gathering time, milliseconds (default 2 and 5). */
  readonly windowMs?: { readonly min: number; readonly max: number };
}

/** Frames per write from which the longer window pays. */
const BUSY = 4;

/**
 * Decides when frames are written. The first frame for a receiver that had nothing in this window goes out at once; what
 * comes after it gathers until the window ends and leaves in one write. Windows go on while there is traffic, longer
 * when the writes are full; without traffic no timer runs.
 */
export class Fanout {
  readonly #clock: Clock;
  readonly #min: number;
  readonly #max: number;
  readonly #frames = new WeakMap<LoggedEvent, OutboundFrame>();
  readonly #written = new Set<Flushable>();
  readonly #waiting = new Set<Flushable>();
  #timer: Timer | undefined;
  #windowMs: number;

  constructor(options: FanoutOptions) {
    this.#clock = options.clock;
    this.#min = options.windowMs?.min ?? 2;
    this.#max = options.windowMs?.max ?? 5;
    this.#windowMs = this.#min;
  }

  /** The one frame of an event, shared by all receivers. */
  frameOf(event: LoggedEvent): OutboundFrame {
    let frame = this.#frames.get(event);
    if (frame === undefined) this.#frames.set(event, (frame = OutboundFrame.event(event)));
    return frame;
  }

  /** `receiver` has frames to write. */
  touch(receiver: Flushable): void {
    if (this.#written.has(receiver)) {
      this.#waiting.add(receiver);
      return;
    }
    this.#written.add(receiver);
    receiver.flush();
    this.#timer ??= this.#clock.setTimer(this.#windowMs, () => {
      this.#windowEnd();
    });
  }

  /** The receiver is gone. */
  forget(receiver: Flushable): void {
    this.#written.delete(receiver);
    this.#waiting.delete(receiver);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#written.clear();
    this.#waiting.clear();
  }

  #windowEnd(): void {
    this.#timer = undefined;
    this.#written.clear();
    const due = [...this.#waiting];
    this.#waiting.clear();
    if (due.length === 0) {
      this.#windowMs = this.#min;
      return;
    }
    this.#timer = this.#clock.setTimer(this.#windowMs, () => {
      this.#windowEnd();
    });
    let frames = 0;
    for (const receiver of due) {
      this.#written.add(receiver);
      frames += receiver.flush();
    }
    this.#windowMs = frames / due.length >= BUSY ? this.#max : this.#min;
  }
}
