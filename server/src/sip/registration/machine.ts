import type { Machine, Step, TimerEffect, TimerInput } from '../../kernel/index.ts';

/** What a REGISTER of ours was answered with. */
export type RegisterAnswer =
  | {
      readonly kind: 'accepted';
      /** Seconds granted for our contact. */
      readonly expires: number;
      /** Route values for calls through this registrar (RFC 3608). */
      readonly serviceRoute: readonly string[];
    }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly reason: string;
      /** Seconds, from a 423. */
      readonly minExpires?: number;
      /** Seconds, from Retry-After. */
      readonly retryAfter?: number;
    };

export interface RegistrationConfig {
  /** Asked for, seconds. */
  readonly expires: number;
  /** Ceiling of the first wait after a failure, milliseconds (RFC 5626 section 4.5: base-time). */
  readonly baseDelayMs: number;
  /** Highest ceiling of a wait, milliseconds (max-time). */
  readonly maxDelayMs: number;
}

export type RegistrationState =
  | { readonly name: 'idle' }
  /** A REGISTER is out. `failures`: those in a row before it. `until`: the earlier registration still holds. */
  | { readonly name: 'registering'; readonly asked: number; readonly failures: number; readonly retried: boolean }
  | { readonly name: 'registered'; readonly asked: number }
  /** Waits to try again. */
  | { readonly name: 'waiting'; readonly asked: number; readonly failures: number }
  | { readonly name: 'unregistering' }
  | { readonly name: 'stopped' };

export type RegistrationInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'stop' }
  /** `fraction`: a random number in [0, 1) that spreads what follows. */
  | { readonly kind: 'answer'; readonly answer: RegisterAnswer; readonly fraction: number }
  | TimerInput<RegistrationTimer>;

export type RegistrationTimer = 'refresh' | 'retry';

export type RegistrationEffect =
  | TimerEffect<RegistrationTimer>
  /** Send a REGISTER that asks for this many seconds; 0 removes the contact. */
  | { readonly kind: 'register'; readonly expires: number }
  | { readonly kind: 'registered'; readonly expires: number; readonly serviceRoute: readonly string[] }
  | { readonly kind: 'failed'; readonly status: number; readonly reason: string; readonly retryInMs: number }
  | { readonly kind: 'stopped' };

type Next = Step<RegistrationState, RegistrationEffect>;

/** Longest interval that a 423 makes us ask for, seconds: a day. */
const MAX_EXPIRES = 86_400;

/**
 * The client side of a registration (RFC 3261 section 10.2).
 *
 *     idle --start--> registering --accepted--> registered --refresh--> registering
 *                     registering --refused---> waiting ----retry-----> registering
 *                     (423: asks again at once, once, for what the registrar wants)
 *     any --stop--> unregistering --answer--> stopped       (idle, waiting: stopped at once)
 */
export function registrationMachine(
  config: RegistrationConfig,
): Machine<RegistrationState, RegistrationInput, RegistrationEffect> {
  return (state, input) => {
    if (input.kind === 'stop') return stop(state);
    switch (state.name) {
      case 'idle':
        return input.kind === 'start' ? register(config.expires, 0) : stay(state);
      case 'registering':
        return input.kind === 'answer' ? answered(config, state, input) : stay(state);
      case 'registered':
        return input.kind === 'timer' && input.name === 'refresh' ? register(state.asked, 0) : stay(state);
      case 'waiting':
        return input.kind === 'timer' && input.name === 'retry' ? register(state.asked, state.failures) : stay(state);
      case 'unregistering':
        return input.kind === 'answer' ? { state: { name: 'stopped' }, effects: [{ kind: 'stopped' }] } : stay(state);
      case 'stopped':
        return stay(state);
    }
  };
}

function register(asked: number, failures: number, retried = false): Next {
  return {
    state: { name: 'registering', asked, failures, retried },
    effects: [{ kind: 'register', expires: asked }],
  };
}

function stay(state: RegistrationState): Next {
  return { state, effects: [] };
}

function stop(state: RegistrationState): Next {
  const timers: RegistrationEffect[] = [
    { kind: 'stop-timer', name: 'refresh' },
    { kind: 'stop-timer', name: 'retry' },
  ];
  switch (state.name) {
    case 'stopped':
    case 'unregistering':
      return stay(state);
    case 'idle':
    case 'waiting':
      return { state: { name: 'stopped' }, effects: [...timers, { kind: 'stopped' }] };
    case 'registering':
    case 'registered':
      return { state: { name: 'unregistering' }, effects: [...timers, { kind: 'register', expires: 0 }] };
  }
}

function answered(
  config: RegistrationConfig,
  state: Extract<RegistrationState, { name: 'registering' }>,
  { answer, fraction }: Extract<RegistrationInput, { kind: 'answer' }>,
): Next {
  if (answer.kind === 'accepted' && answer.expires > 0) {
    const { expires, serviceRoute } = answer;
    // Early enough for a few tries, and spread: not every trunk of a restarted server at once.
    const refreshMs = expires * 1000 * (0.5 + 0.4 * fraction);
    return {
      state: { name: 'registered', asked: state.asked },
      effects: [
        { kind: 'registered', expires, serviceRoute },
        { kind: 'start-timer', name: 'refresh', delayMs: refreshMs },
      ],
    };
  }
  const refused =
    answer.kind === 'refused'
      ? answer
      : { status: 200, reason: 'the registrar took the REGISTER and keeps no contact of ours' };
  // Section 10.2.8.
  const minimum = 'minExpires' in refused ? (refused.minExpires ?? 0) : 0;
  if (refused.status === 423 && !state.retried && minimum > state.asked && minimum <= MAX_EXPIRES)
    return register(minimum, state.failures, true);
  const failures = state.failures + 1;
  // RFC 5626 section 4.5: a random time between half the ceiling and the ceiling, which doubles with each failure.
  const ceiling = Math.min(config.maxDelayMs, config.baseDelayMs * 2 ** (failures - 1));
  const wanted = 'retryAfter' in refused ? (refused.retryAfter ?? 0) * 1000 : 0;
  const retryInMs = Math.max(ceiling * (0.5 + 0.5 * fraction), Math.min(wanted, 2 * config.maxDelayMs));
  return {
    state: { name: 'waiting', asked: state.asked, failures },
    effects: [
      { kind: 'failed', status: refused.status, reason: refused.reason, retryInMs },
      { kind: 'start-timer', name: 'retry', delayMs: retryInMs },
    ],
  };
}
