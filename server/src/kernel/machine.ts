import type { Clock, Timer } from './clock.ts';

/** The result of one step: the next state and what has to be done about it, in order. */
export interface Step<S, E> {
  readonly state: S;
  readonly effects: readonly E[];
}

/** A pure protocol machine. It never reads a clock, draws a number or touches a socket: those are inputs and effects. */
export type Machine<S, I, E> = (state: S, input: I) => Step<S, E>;

/** Effects every machine may use for time. `name` identifies a timer within its machine. */
export type TimerEffect<N extends string = string> =
  | { readonly kind: 'start-timer'; readonly name: N; readonly delayMs: number }
  | { readonly kind: 'stop-timer'; readonly name: N };

/** Input a runner posts when a timer fires. */
export interface TimerInput<N extends string = string> {
  readonly kind: 'timer';
  readonly name: N;
}

export interface MachineRunnerOptions<S, I, E> {
  readonly machine: Machine<S, I, E>;
  readonly initial: S;
  /** Carries an effect out. May call `dispatch` on the runner: the input is queued until this step is done. */
  readonly perform: (effect: E, state: S) => void;
  /** Called after each step that changed the state object. */
  readonly onState?: (state: S, previous: S) => void;
}

/**
 * Runs a pure machine: keeps its state, performs its effects in order, and queues inputs that arrive meanwhile, so that
 * a step never interleaves with another. Time is left to {@link TimerSet}.
 */
export class MachineRunner<S, I, E> {
  readonly #options: MachineRunnerOptions<S, I, E>;
  /** Inputs that came during a step; undefined: none. */
  #waiting: I[] | undefined;
  #state: S;
  #busy = false;

  constructor(options: MachineRunnerOptions<S, I, E>) {
    this.#options = options;
    this.#state = options.initial;
  }

  get state(): S {
    return this.#state;
  }

  dispatch(input: I): void {
    if (this.#busy || this.#waiting !== undefined) (this.#waiting ??= []).push(input);
    if (this.#busy) return;
    this.#busy = true;
    try {
      if (this.#waiting === undefined) this.#step(input);
      for (let next = this.#waiting?.shift(); next !== undefined; next = this.#waiting?.shift()) this.#step(next);
      this.#waiting = undefined;
    } finally {
      this.#busy = false;
    }
  }

  #step(input: I): void {
    const previous = this.#state;
    const { state, effects } = this.#options.machine(previous, input);
    this.#state = state;
    for (const effect of effects) this.#options.perform(effect, state);
    if (state !== previous) this.#options.onState?.(state, previous);
  }
}

/** Named timers of one machine. Starting a running name restarts it. Close it with the machine's owner. */
export class TimerSet<N extends string = string> {
  readonly #clock: Clock;
  readonly #fire: (name: N) => void;
  readonly #timers = new Map<N, Timer>();
  #closed = false;

  constructor(clock: Clock, fire: (name: N) => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  start(name: N, delayMs: number): void {
    if (this.#closed) return;
    this.stop(name);
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(name);
      this.#fire(name);
    });
    this.#timers.set(name, timer);
  }

  stop(name: N): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  /** Performs a timer effect; returns false for any other effect. */
  perform(effect: { readonly kind: string }): effect is TimerEffect<N> {
    if (effect.kind !== 'start-timer' && effect.kind !== 'stop-timer') return false;
    const timerEffect = effect as TimerEffect<N>;
    if (timerEffect.kind === 'start-timer') this.start(timerEffect.name, timerEffect.delayMs);
    else this.stop(timerEffect.name);
    return true;
  }

  /** Cancels everything and ignores later starts. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
