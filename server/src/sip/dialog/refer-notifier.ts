import type { Machine, Step, TimerEffect, TimerInput } from '../../kernel/index.ts';

/** How far the referred request is: the status line of the sipfrag body (RFC 3515 section 2.4.5). */
export interface ReferReport {
  /** 100 to 699; from 200 on it is the result. */
  readonly status: number;
  readonly reason: string;
}

/**
 * Our side of the subscription that a REFER of the peer makes (RFC 3515 section 2.4.4, RFC 6665): one NOTIFY at a time,
 * the newest report wins, the final one is never left out.
 *
 * ```
 * initial --accept--> active --report 200-699, expire--> ending --answered--> terminated
 * ```
 */
export type NotifierState =
  | { readonly name: 'initial' }
  | {
      readonly name: 'active';
      readonly last: ReferReport;
      /** A NOTIFY is not answered yet. */
      readonly busy: boolean;
      /** What to tell once it is. */
      readonly next: ReferReport | undefined;
    }
  /** The last NOTIFY is out. */
  | { readonly name: 'ending' }
  | { readonly name: 'terminated' };

export type NotifierInput =
  /** The REFER was answered with 202. */
  | { readonly kind: 'accept' }
  | ({ readonly kind: 'report' } & ReferReport)
  /** The peer answered our NOTIFY. `gone`: it does not want any more (481 and the like). */
  | { readonly kind: 'answered'; readonly gone: boolean }
  /** SUBSCRIBE with Expires 0. */
  | { readonly kind: 'unsubscribe' }
  | { readonly kind: 'close' }
  | TimerInput<'expire'>;

export type NotifierEffect =
  | {
      readonly kind: 'notify';
      readonly report: ReferReport;
      readonly state: 'active' | 'terminated';
      readonly cause: 'noresource' | 'timeout' | undefined;
    }
  | { readonly kind: 'terminated' }
  | TimerEffect<'expire'>;

type State = NotifierState;
type Result = Step<State, NotifierEffect>;

export const TRYING: ReferReport = { status: 100, reason: 'Trying' };

/** @param lifetimeMs how long the subscription lasts without a final report */
export function referNotifierMachine(lifetimeMs: number): Machine<State, NotifierInput, NotifierEffect> {
  return (state, input) => {
    if (state.name === 'terminated') return stay(state);
    if (input.kind === 'close') return over();
    switch (state.name) {
      case 'initial':
        if (input.kind !== 'accept') return stay(state);
        return {
          state: { name: 'active', last: TRYING, busy: true, next: undefined },
          effects: [
            { kind: 'start-timer', name: 'expire', delayMs: lifetimeMs },
            { kind: 'notify', report: TRYING, state: 'active', cause: undefined },
          ],
        };
      case 'ending':
        return input.kind === 'answered' ? over() : stay(state);
      case 'active':
        return active(state, input);
    }
  };
}

function active(state: State & { name: 'active' }, input: NotifierInput): Result {
  switch (input.kind) {
    case 'report': {
      const { status, reason } = input;
      const report = { status, reason };
      if (!state.busy) return tell(state, report);
      // A result that waits is not replaced by anything.
      return state.next !== undefined && state.next.status >= 200
        ? stay(state)
        : { state: { ...state, next: report }, effects: [] };
    }
    case 'answered':
      if (input.gone) return over();
      return state.next === undefined ? { state: { ...state, busy: false }, effects: [] } : tell(state, state.next);
    case 'timer':
    case 'unsubscribe':
      return end(state.next ?? state.last, 'timeout');
    case 'accept':
    case 'close':
      return stay(state);
  }
}

function tell(state: State & { name: 'active' }, report: ReferReport): Result {
  if (report.status >= 200) return end(report, 'noresource');
  return {
    state: { ...state, last: report, busy: true, next: undefined },
    effects: [{ kind: 'notify', report, state: 'active', cause: undefined }],
  };
}

function end(report: ReferReport, cause: 'noresource' | 'timeout'): Result {
  return {
    state: { name: 'ending' },
    effects: [
      { kind: 'stop-timer', name: 'expire' },
      { kind: 'notify', report, state: 'terminated', cause },
    ],
  };
}

function over(): Result {
  return { state: { name: 'terminated' }, effects: [{ kind: 'stop-timer', name: 'expire' }, { kind: 'terminated' }] };
}

function stay(state: State): Result {
  return { state, effects: [] };
}
