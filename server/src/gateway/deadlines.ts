import type { Clock, Timer, TimerEffect } from '../kernel/index.ts';

/** One timer of a set, as the common heap knows it. */
interface Deadline {
  /** Monotonic milliseconds. */
  readonly at: number;
  /** Of creation: the earlier of two that are due at once is the first. */
  readonly order: number;
  /** Where it is in the heap. */
  index: number;
  fire(): void;
}

/** A fraction of a millisecond is no time: what is due within it is due. */
const ROUNDING_MS = 1e-6;

/**
 * The timers of very many connections behind one timer of the clock, set to the earliest of them. Each costs one small
 * object and a place in a heap. With none left nothing is pending.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #heap: Deadline[] = [];
  #order = 0;
  #timer: Timer | undefined;
  #wakesAt = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#heap.length;
  }

  /** For {@link DeadlineSet}: the time and place in line of a timer that begins now. */
  begin(delayMs: number): { readonly at: number; readonly order: number } {
    return { at: this.#clock.monotonic() + Math.max(0, delayMs), order: this.#order++ };
  }

  /** For {@link DeadlineSet}. */
  add(deadline: Deadline): void {
    this.#up(deadline, this.#heap.length);
    if (deadline.index === 0) this.#arm();
  }

  /** For {@link DeadlineSet}: `deadline` was added and has not fired. */
  remove(deadline: Deadline): void {
    const last = this.#heap.pop();
    if (last !== undefined && last !== deadline) {
      this.#up(last, deadline.index);
      this.#down(last);
    }
    if (this.#heap.length === 0) this.#disarm();
  }

  #arm(): void {
    const [first] = this.#heap;
    if (first === undefined || first.at >= this.#wakesAt) return;
    this.#timer?.cancel();
    this.#wakesAt = first.at;
    this.#timer = this.#clock.setTimer(first.at - this.#clock.monotonic(), () => {
      this.#wake();
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wakesAt = Infinity;
  }

  #wake(): void {
    this.#disarm();
    const now = this.#clock.monotonic() + ROUNDING_MS;
    // What is set meanwhile has its turn another time, however soon it is due.
    const before = this.#order;
    try {
      for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
        if (first.at > now || first.order >= before) break;
        this.remove(first);
        first.fire();
      }
    } finally {
      this.#arm();
    }
  }

  #up(deadline: Deadline, from: number): void {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || !isBefore(deadline, parent)) break;
      this.#put(parent, at);
      at = above;
    }
    this.#put(deadline, at);
  }

  #down(deadline: Deadline): void {
    let at = deadline.index;
    for (;;) {
      const left = this.#heap[2 * at + 1];
      const right = this.#heap[2 * at + 2];
      const least = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (least === undefined || !isBefore(least, deadline)) break;
      const below = least.index;
      this.#put(least, at);
      at = below;
    }
    this.#put(deadline, at);
  }

  #put(deadline: Deadline, at: number): void {
    this.#heap[at] = deadline;
    deadline.index = at;
  }
}

function isBefore(one: Deadline, other: Deadline): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

class NamedDeadline<N extends string> implements Deadline {
  readonly at: number;
  readonly order: number;
  index = 0;
  readonly name: N;
  readonly set: DeadlineSet<N>;
  /** Another one of the set. */
  next: NamedDeadline<N> | undefined;

  constructor(set: DeadlineSet<N>, name: N, { at, order }: { readonly at: number; readonly order: number }) {
    this.set = set;
    this.name = name;
    this.at = at;
    this.order = order;
  }

  fire(): void {
    this.set.fired(this);
  }
}

/** Named timers of one connection, as the kernel's `TimerSet` has them. Starting a running name restarts it. */
export class DeadlineSet<N extends string> {
  readonly #deadlines: Deadlines;
  readonly #owner: { onTimer(name: N): void };
  #first: NamedDeadline<N> | undefined;
  #closed = false;

  constructor(deadlines: Deadlines, owner: { onTimer(name: N): void }) {
    this.#deadlines = deadlines;
    this.#owner = owner;
  }

  start(name: N, delayMs: number): void {
    if (this.#closed) return;
    this.stop(name);
    const deadline = new NamedDeadline(this, name, this.#deadlines.begin(delayMs));
    deadline.next = this.#first;
    this.#first = deadline;
    this.#deadlines.add(deadline);
  }

  stop(name: N): void {
    let one = this.#first;
    while (one !== undefined && one.name !== name) one = one.next;
    if (one === undefined) return;
    this.#unlink(one);
    this.#deadlines.remove(one);
  }

  /** Performs a timer effect; returns false for any other effect. */
  perform(effect: { readonly kind: string }): effect is TimerEffect<N> {
    if (effect.kind !== 'start-timer' && effect.kind !== 'stop-timer') return false;
    const timerEffect = effect as TimerEffect<N>;
    if (timerEffect.kind === 'start-timer') this.start(timerEffect.name, timerEffect.delayMs);
    else this.stop(timerEffect.name);
    return true;
  }

  /** For its timers. */
  fired(deadline: NamedDeadline<N>): void {
    this.#unlink(deadline);
    this.#owner.onTimer(deadline.name);
  }

  /** Cancels everything and ignores later starts. Idempotent. */
  close(): void {
    this.#closed = true;
    while (this.#first !== undefined) this.stop(this.#first.name);
  }

  #unlink(deadline: NamedDeadline<N>): void {
    if (this.#first === deadline) {
      this.#first = deadline.next;
      return;
    }
    let before = this.#first;
    while (before !== undefined && before.next !== deadline) before = before.next;
    if (before !== undefined) before.next = deadline.next;
  }
}
