import type { Clock, Timer, Unsubscribe } from '../../kernel/index.ts';

/** A source that was looked into in vain is looked into again after so long, milliseconds; each time after twice as long. */
const MIN_PAUSE_MS = 15;
/** At most so much later: the regular examinations tell earlier. */
const MAX_PAUSE_MS = 7680;
/** Without a packet for so long a source is a new one, milliseconds. */
const QUIET_MS = 10_000;
/** Sources remembered; of more, the one heard of first is forgotten. */
const MAX_SOURCES = 64;
/** Looks in vain one after the other, before one has to wait for another of `LOOK_EVERY_MS`. */
const BURST = 16;
const LOOK_EVERY_MS = 100;

/** Looks whether a call is meant; true: it was. Never rejects. */
export type StrayLook = () => Promise<boolean>;

interface Source {
  vain: number;
  notBefore: number;
  lastAt: number;
}

/**
 * A worker got RTP of a source that it does not know, and cannot say for which call: a phone that changed its SSRC, or
 * something that nobody waits for. Every call that it carries is asked. A packet of a new source is always followed by a look
 * that begins after it: none is missed because another is under way. A source that nobody misses is looked into less and
 * less often, which delays no other; and however many such sources there are, looks in vain are ten a second at most.
 */
export class StrayAlert {
  readonly #clock: Clock;
  readonly #looks = new Set<StrayLook>();
  readonly #sources = new Map<number, Source>();
  /** Sources whose look has not begun. */
  readonly #waiting = new Set<number>();
  #budget = BURST;
  #budgetAt = 0;
  #timer: Timer | undefined;
  #isLooking = false;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  on(look: StrayLook): Unsubscribe {
    this.#looks.add(look);
    return () => this.#looks.delete(look);
  }

  /** To be called for each stray packet. */
  raise(ssrc: number): void {
    const now = this.#clock.monotonic();
    if (this.#isClosed || now < this.#sourceOf(ssrc, now).notBefore) return;
    this.#waiting.add(ssrc);
    this.#next();
  }

  /** The worker is gone. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#looks.clear();
  }

  #sourceOf(ssrc: number, now: number): Source {
    const known = this.#sources.get(ssrc);
    if (known !== undefined && now - known.lastAt <= QUIET_MS) {
      known.lastAt = now;
      return known;
    }
    const [first] = this.#sources.keys();
    if (known === undefined && this.#sources.size >= MAX_SOURCES && first !== undefined) this.#sources.delete(first);
    const source = { vain: 0, notBefore: -Infinity, lastAt: now };
    this.#sources.set(ssrc, source);
    return source;
  }

  #next(): void {
    if (this.#isClosed || this.#isLooking || this.#timer !== undefined || this.#waiting.size === 0) return;
    const now = this.#clock.monotonic();
    const earned = Math.floor((now - this.#budgetAt) / LOOK_EVERY_MS);
    if (this.#budget + earned >= BURST) {
      this.#budget = BURST;
      this.#budgetAt = now;
    } else {
      this.#budget += earned;
      this.#budgetAt += earned * LOOK_EVERY_MS;
    }
    if (this.#budget > 0) {
      void this.#look();
      return;
    }
    this.#timer = this.#clock.setTimer(this.#budgetAt + LOOK_EVERY_MS - now, () => {
      this.#timer = undefined;
      this.#next();
    });
  }

  async #look(): Promise<void> {
    const asked = [...this.#waiting];
    this.#waiting.clear();
    this.#isLooking = true;
    const found = await Promise.all([...this.#looks].map((look) => look()));
    this.#isLooking = false;
    if (found.includes(true)) for (const ssrc of asked) this.#sources.delete(ssrc);
    else {
      this.#budget--;
      for (const ssrc of asked) this.#putOff(ssrc);
    }
    this.#next();
  }

  #putOff(ssrc: number): void {
    const source = this.#sources.get(ssrc);
    if (source === undefined) return;
    source.notBefore = this.#clock.monotonic() + Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** source.vain++);
  }
}
