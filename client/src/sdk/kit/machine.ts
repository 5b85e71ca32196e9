import type { Clock, Timer } from './clock.ts';

/** The result of one step of a pure machine: the next state and what has to be done about it, in order. */
export interface Step<S, E> {
  readonly state: S;
  readonly effects: readonly E[];
}

/** Runs a pure machine; inputs that arrive while a step is carried out are queued, so steps never interleave. */
export class Runner<S, I, E> {
  readonly #machine: (state: S, input: I) => Step<S, E>;
  readonly #perform: (effect: E) => void;
  readonly #waiting: I[] = [];
  #state: S;
  #busy = false;

  constructor(machine: (state: S, input: I) => Step<S, E>, initial: S, perform: (effect: E) => void) {
    this.#machine = machine;
    this.#state = initial;
    this.#perform = perform;
  }

  get state(): S {
    return this.#state;
  }

  dispatch(input: I): void {
    this.#waiting.push(input);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        const { state, effects } = this.#machine(this.#state, next);
        this.#state = state;
        for (const effect of effects) this.#perform(effect);
      }
    } finally {
      this.#busy = false;
    }
  }
}

/** Named timers. Starting a running name restarts it. */
export class Timers<N extends string> {
  readonly #clock: Clock;
  readonly #timers = new Map<N, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(name: N, delayMs: number, fire: () => void): void {
    this.stop(name);
    this.#timers.set(
      name,
      this.#clock.setTimer(delayMs, () => {
        this.#timers.delete(name);
        fire();
      }),
    );
  }

  stop(name: N): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  stopAll(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
