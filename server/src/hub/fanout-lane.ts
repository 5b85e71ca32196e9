import type { Clock, Timer } from '../kernel/index.ts';

/** A receiver that writes what has gathered when told to. */
export interface Flushable {
  /** Writes what is waiting. Returns the number of frames written. Never throws. */
  flush(): number;
  /** Kept by the fan-out. */
  turn?: FlushTurn;
}

/** Where a receiver stands with the fan-out. */
export interface FlushTurn {
  /** It will be flushed. */
  due: boolean;
  /** The window in which it was flushed last. */
  window: number;
}

/** Gathering time, milliseconds. */
export interface Windows {
  readonly clock: Clock;
  readonly min: number;
  readonly max: number;
  readonly longest: number;
  /** Numbers them, over all lanes. */
  readonly nextNumber: () => number;
}

/** What its owner hears of a lane. */
export interface LaneOwner {
  onRound(): void;
  /** Nothing is due, no timer runs. */
  onIdle(): void;
}

/** Writing to everybody whose turn it is. */
interface Round {
  readonly due: readonly Flushable[];
  next: number;
  frames: number;
  tookMs: number;
}

/** Frames per write from which the longer window pays. */
const BUSY = 4;
/** The first frame waits for company for this part of the time that writing to everybody takes, at most MOST_WAIT_MS. */
const WAIT_SHARE = 0.25;
const MOST_WAIT_MS = 2;
/** A round of writes lets others have the event loop after so long; looked at after so many receivers. */
const SLICE_MS = 1;
const SLICE_RECEIVERS = 8;
/** Shorter waits are not worth a timer. */
const LEAST_WAIT_MS = 0.5;

/**
 * When the receivers of one account are written to. What arrived in one turn of the event loop leaves in one write at its end, when
 * the receiver had nothing in this window; what comes after it gathers until the window ends. Windows go on while there is
 * traffic, are longer when writes are full and as long as a round of writes takes (so that half of the time at least is
 * left for everything else); without traffic no timer runs. Where a round is long, one more thing holds: the first frame
 * waits a quarter of it, 2 ms at most, because others that follow closely would have to wait a whole round.
 */
export class FanoutLane {
  readonly #windows: Windows;
  readonly #owner: LaneOwner;
  /** To be flushed at the end of this turn, and of this window. */
  #first: Flushable[] = [];
  #gathering: Flushable[] = [];
  #soon = false;
  #soonTimer: Timer | undefined;
  #timer: Timer | undefined;
  #window: number;
  #windowMs: number;
  /** Goes on with a round that was too long for one turn of the event loop. */
  readonly #rests = new Set<Timer>();
  /** What the last round of writes took. */
  #roundMs = 0;
  #closed = false;

  constructor(windows: Windows, owner: LaneOwner) {
    this.#windows = windows;
    this.#owner = owner;
    this.#window = windows.nextNumber();
    this.#windowMs = windows.min;
  }

  /** `receiver` has frames to write. */
  touch(receiver: Flushable): void {
    const turn = (receiver.turn ??= { due: false, window: -1 });
    if (turn.due || this.#closed) return;
    turn.due = true;
    if (turn.window === this.#window) this.#gathering.push(receiver);
    else {
      this.#first.push(receiver);
      if (!this.#soon) this.#endOfTurn();
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#soonTimer?.cancel();
    for (const rest of this.#rests) rest.cancel();
    this.#rests.clear();
    this.#timer = this.#soonTimer = undefined;
    this.#first = [];
    this.#gathering = [];
  }

  #endOfTurn(): void {
    this.#soon = true;
    const wait = Math.min(MOST_WAIT_MS, this.#roundMs * WAIT_SHARE);
    const run = (): void => {
      this.#soon = false;
      this.#soonTimer = undefined;
      if (this.#closed) return;
      const due = this.#first;
      this.#first = [];
      this.#round(due);
    };
    if (wait < LEAST_WAIT_MS) queueMicrotask(run);
    else this.#soonTimer = this.#windows.clock.setTimer(wait, run);
  }

  #startWindow(): Timer {
    return this.#windows.clock.setTimer(this.#windowMs, () => {
      this.#windowEnd();
    });
  }

  #windowEnd(): void {
    this.#timer = undefined;
    this.#window = this.#windows.nextNumber();
    const due = this.#gathering;
    if (due.length === 0) {
      this.#windowMs = this.#windows.min;
      if (!this.#soon && this.#rests.size === 0) this.#owner.onIdle();
      return;
    }
    this.#gathering = [];
    this.#round(due);
  }

  #round(due: readonly Flushable[]): void {
    this.#owner.onRound();
    this.#write({ due, next: 0, frames: 0, tookMs: 0 });
  }

  /** Those whose turn is still to come gather meanwhile. */
  #write(round: Round): void {
    const from = this.#windows.clock.monotonic();
    const more = this.#slice(round, from + SLICE_MS);
    round.tookMs += this.#windows.clock.monotonic() - from;
    if (more) {
      const rest = this.#windows.clock.setTimer(0, () => {
        this.#rests.delete(rest);
        this.#write(round);
      });
      this.#rests.add(rest);
      return;
    }
    this.#roundMs = round.tookMs;
    const wanted = Math.max(
      round.frames / round.due.length >= BUSY ? this.#windows.max : this.#windows.min,
      this.#roundMs,
    );
    this.#windowMs = Math.min(wanted, this.#windows.longest);
    this.#timer ??= this.#startWindow();
  }

  /** True: the time is up and some are left. */
  #slice(round: Round, until: number): boolean {
    const { due } = round;
    for (; round.next < due.length; round.next++) {
      if (round.next % SLICE_RECEIVERS === SLICE_RECEIVERS - 1 && this.#windows.clock.monotonic() > until) return true;
      const receiver = due[round.next];
      if (receiver?.turn !== undefined) {
        receiver.turn.due = false;
        receiver.turn.window = this.#window;
      }
      round.frames += receiver?.flush() ?? 0;
    }
    return false;
  }
}
