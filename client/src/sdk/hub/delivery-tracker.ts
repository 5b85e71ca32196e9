import type { Position } from '@hookswitch/shared';

/** Sequences remembered per subscription to tell repetitions; older repetitions after a reconnect are not recognised. */
const REMEMBERED = 2048;
/** A replay that brought nothing for this long is over, also when overlapping subscriptions hide its end. */
const REPLAY_QUIET_MS = 60_000;

/**
 * Knows what one subscription has received: tells repetitions, and from where to resume.
 *
 * A connection gets each event once, whichever of its subscriptions match. So while one subscription is still replayed
 * history, live events that another one is due may match it too and come first: sequences may arrive out of order, and
 * the position to resume from must not pass what the replay still owes.
 */
export class DeliveryTracker {
  #epoch: string | undefined;
  /** Nothing at or below is wanted any more. */
  #start = 0;
  /** Everything up to here that matches was received. */
  #low = 0;
  #highest = 0;
  /** End of the replay; undefined when none is going on. */
  #replayTo: number | undefined;
  #replayQuietSince = 0;
  /** The server was asked, and its answer is still to come. */
  #isAsked = false;
  /** Nothing has told where it begins. */
  #isNew: boolean;
  readonly #seen = new Set<number>();

  constructor(from: Position | undefined) {
    this.#isNew = from === undefined;
    if (from !== undefined) this.#reset(from);
  }

  /** Where to resume: the server is asked for what came after. */
  get position(): Position | undefined {
    return this.#epoch === undefined || this.#low < 0 ? undefined : { epoch: this.#epoch, seq: this.#low };
  }

  /**
   * The server was asked for what comes after {@link position}, and has not answered. What comes meanwhile for an
   * overlapping subscription is taken, since it does not come again, but what lies before it is still owed.
   */
  asked(): void {
    this.#isAsked = true;
  }

  /** The server's answer to a subscribe: `head` is where live delivery begins, `start` where the past that comes first does. */
  subscribed(head: Position, recovered: boolean, now: number, start = head): void {
    if (this.#epoch !== head.epoch || !recovered) this.#reset(start);
    else if (this.#isNew) {
      this.#start = start.seq;
      this.#low = Math.max(this.#low, start.seq);
    }
    this.#isNew = this.#isAsked = false;
    this.#replayTo = this.#low < head.seq ? head.seq : undefined;
    this.#replayQuietSince = now;
  }

  /** The server said that events up to `position` will not come. */
  skippedTo(position: Position): void {
    if (this.#epoch !== position.epoch) this.#reset(position);
    else if (position.seq > this.#low) this.#low = this.#start = position.seq;
  }

  /** The server reads again what came after `position`, because it had to drop some of it. */
  rereadFrom(position: Position, now: number): void {
    if (this.#epoch !== position.epoch || position.seq >= this.#low) return;
    this.#low = Math.max(position.seq, this.#start);
    this.#replayTo = this.#highest;
    this.#replayQuietSince = now;
  }

  /**
   * @param alone no other subscription of this connection matches the event's topic
   * @returns whether the event is new to this subscription
   */
  accept(position: Position, alone: boolean, now: number): boolean {
    const { seq } = position;
    if (this.#epoch !== position.epoch) this.#reset({ epoch: position.epoch, seq: this.#isNew ? -1 : seq - 1 });
    if (seq <= this.#start || this.#seen.has(seq)) return false;
    this.#seen.add(seq);
    if (this.#seen.size > REMEMBERED) for (const oldest of this.#seen) if (this.#seen.delete(oldest)) break;
    this.#highest = Math.max(this.#highest, seq);
    this.#raise(seq, alone, now);
    return true;
  }

  #raise(seq: number, alone: boolean, now: number): void {
    if (this.#isAsked) {
      if (alone) this.#low = Math.max(this.#low, seq);
      return;
    }
    if (this.#replayTo !== undefined) {
      if (seq <= this.#replayTo) {
        if (alone) this.#low = Math.max(this.#low, seq);
        this.#replayQuietSince = now;
        return;
      }
      if (!alone && now - this.#replayQuietSince < REPLAY_QUIET_MS) return;
      this.#replayTo = undefined;
    }
    this.#low = this.#highest;
  }

  #reset(to: Position): void {
    this.#epoch = to.epoch;
    this.#start = this.#low = this.#highest = to.seq;
    this.#replayTo = undefined;
    this.#seen.clear();
  }
}
