import type { Step, TimerEffect, TimerInput } from '../../kernel/index.ts';

/**
 * Health of one gateway.
 *
 * ```
 *   up --bad--> suspect --bad (3rd in a row)--> down --good (2nd in a row) or a call--> up
 *   suspect --good--> up                        down --hold-off over, no pings--> trial --good--> up
 *                                               trial --bad--> down (waits longer)
 * ```
 *
 * `up`, `suspect` and `trial` take calls; `down` only when nothing else is left. Three failures in a row bring a gateway
 * down and two successes up again, so that one lost packet or one lucky one changes nothing. Pings of a gateway that is
 * down wait longer each time. Without pings the calls themselves tell: after a hold-off one call may try.
 */
export type HealthState =
  | { readonly name: 'up' }
  | { readonly name: 'suspect'; readonly failures: number }
  | { readonly name: 'down'; readonly round: number; readonly successes: number }
  | { readonly name: 'trial'; readonly round: number };

export type HealthInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'good'; readonly by: 'ping' | 'call' }
  | { readonly kind: 'bad'; readonly by: 'ping' | 'call'; readonly why: string }
  | TimerInput<'next'>;

export type HealthEffect =
  | TimerEffect<'next'>
  /** Send OPTIONS and post what came back. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'changed'; readonly up: boolean; readonly why: string };

export interface HealthSettings {
  /** Between pings of a gateway that is up, milliseconds; 0: no pings. */
  readonly intervalMs: number;
  /** Failures in a row that bring it down (default 3). */
  readonly failures?: number;
  /** Successes in a row that bring it up (default 2). */
  readonly successes?: number;
  /** Until the next ping of a gateway in doubt, and the first wait while down, milliseconds (default 5000). */
  readonly retryMs?: number;
  /** First wait without pings, milliseconds (default 30 000). */
  readonly holdOffMs?: number;
  /** Longest wait while down, milliseconds (default 300 000). */
  readonly maxWaitMs?: number;
}

type HealthStep = Step<HealthState, HealthEffect>;
type Settings = Required<HealthSettings>;

export const HEALTHY: HealthState = { name: 'up' };

export function healthMachine(given: HealthSettings): (state: HealthState, input: HealthInput) => HealthStep {
  const settings = { failures: 3, successes: 2, retryMs: 5000, holdOffMs: 30_000, maxWaitMs: 300_000, ...given };
  return (state, input) => {
    switch (input.kind) {
      case 'start':
        return { state, effects: pings(settings) ? [{ kind: 'ping' }] : [] };
      case 'good':
        return good(state, input.by, settings);
      case 'bad':
        return bad(state, input, settings);
      case 'timer':
        return timer(state, settings);
    }
  };
}

const pings = ({ intervalMs }: Settings): boolean => intervalMs > 0;
const wait = (delayMs: number): HealthEffect => ({ kind: 'start-timer', name: 'next', delayMs });

/** When the next ping of a gateway in use is due. */
function nextPing(settings: Settings, soon = false): HealthEffect[] {
  if (!pings(settings)) return [];
  return [wait(soon ? Math.min(settings.retryMs, settings.intervalMs) : settings.intervalMs)];
}

function good(state: HealthState, by: 'ping' | 'call', settings: Settings): HealthStep {
  switch (state.name) {
    case 'up':
      return { state, effects: by === 'ping' ? nextPing(settings) : [] };
    case 'suspect':
      return { state: HEALTHY, effects: nextPing(settings) };
    case 'trial':
      return backUp(by, settings);
    case 'down': {
      const successes = state.successes + 1;
      // A call that came through shows more than a ping that was answered.
      if (by === 'call' || successes >= settings.successes) return backUp(by, settings);
      return { state: { ...state, successes }, effects: nextPing(settings, true) };
    }
  }
}

function backUp(by: 'ping' | 'call', settings: Settings): HealthStep {
  const why = by === 'ping' ? 'it answers pings again' : 'a call came through';
  const stop: HealthEffect[] = pings(settings) ? [] : [{ kind: 'stop-timer', name: 'next' }];
  return { state: HEALTHY, effects: [{ kind: 'changed', up: true, why }, ...stop, ...nextPing(settings)] };
}

function bad(state: HealthState, input: { by: 'ping' | 'call'; why: string }, settings: Settings): HealthStep {
  switch (state.name) {
    case 'up':
    case 'suspect': {
      const failures = state.name === 'up' ? 1 : state.failures + 1;
      if (failures < settings.failures) {
        return { state: { name: 'suspect', failures }, effects: nextPing(settings, true) };
      }
      const why = `${String(failures)} failures in a row, the last one: ${input.why}`;
      return { state: down(0), effects: [{ kind: 'changed', up: false, why }, waitWhileDown(0, settings)] };
    }
    case 'trial':
      return { state: down(state.round + 1), effects: [waitWhileDown(state.round + 1, settings)] };
    case 'down': {
      // Calls that were tried as a last resort tell nothing new.
      if (input.by === 'call') return { state: { ...state, successes: 0 }, effects: [] };
      const round = state.round + 1;
      return { state: down(round), effects: [waitWhileDown(round, settings)] };
    }
  }
}

const down = (round: number): HealthState => ({ name: 'down', round, successes: 0 });

function waitWhileDown(round: number, settings: Settings): HealthEffect {
  const first = pings(settings) ? settings.retryMs : settings.holdOffMs;
  return wait(Math.min(settings.maxWaitMs, first * 2 ** Math.min(round, 20)));
}

function timer(state: HealthState, settings: Settings): HealthStep {
  if (pings(settings)) return { state, effects: [{ kind: 'ping' }] };
  return { state: state.name === 'down' ? { name: 'trial', round: state.round } : state, effects: [] };
}
