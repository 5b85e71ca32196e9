import type { Machine, Step, TimerEffect, TimerInput } from '../../kernel/index.ts';
import type { ReferReport } from './refer-notifier.ts';

/** How a REFER of ours ended. */
export type ReferOutcome =
  /** The referred request was answered with this final status. */
  | ({ readonly kind: 'done' } & ReferReport)
  /** The peer refused the REFER itself, or did not answer it (408). */
  | ({ readonly kind: 'refused' } & ReferReport)
  /** Accepted without a subscription (RFC 4488), or the subscription ended before a final status was told. */
  | ({ readonly kind: 'unknown' } & ReferReport);

/**
 * Our side of the subscription that a REFER of ours makes (RFC 3515, RFC 6665): a NOTIFY may come before the 202.
 *
 * ```
 * waiting --202--> subscribed --final report--> told --terminated--> over
 *    \--300-699, 408, no subscription--> over      \--end of subscription, limit, dialog lost--> over
 * ```
 */
export type SubscriberState =
  | { readonly name: 'waiting'; readonly told: boolean }
  | { readonly name: 'subscribed'; readonly told: boolean }
  | { readonly name: 'over' };

export type SubscriberInput =
  /** The final response to the REFER. `subscribed` false: `Refer-Sub: false`. */
  | ({ readonly kind: 'response'; readonly subscribed: boolean } & ReferReport)
  | {
      readonly kind: 'notify';
      readonly report: ReferReport | undefined;
      readonly terminated: boolean;
      /** Milliseconds, of Subscription-State. */
      readonly lifetimeMs: number | undefined;
    }
  /** The dialog is gone. */
  | { readonly kind: 'lost' }
  | TimerInput<'limit'>;

export type SubscriberEffect =
  | { readonly kind: 'progress'; readonly report: ReferReport }
  | { readonly kind: 'outcome'; readonly outcome: ReferOutcome }
  /** Nothing comes any more. */
  | { readonly kind: 'over' }
  | TimerEffect<'limit'>;

type State = SubscriberState;
type Effect = SubscriberEffect;
type Result = Step<State, Effect>;

/** @param limitMs how long we wait for a result when the peer names no end of the subscription */
export function referSubscriberMachine(limitMs: number): Machine<State, SubscriberInput, Effect> {
  return (state, input) => {
    if (state.name === 'over') return { state, effects: [] };
    switch (input.kind) {
      case 'response':
        return state.name === 'waiting' ? answered(state, input, limitMs) : { state, effects: [] };
      case 'notify':
        return notified(state, input);
      case 'lost':
      case 'timer':
        return end(state, { kind: 'unknown', status: 408, reason: 'No Final Report' });
    }
  };
}

function answered(
  state: State & { name: 'waiting' },
  input: SubscriberInput & { kind: 'response' },
  limitMs: number,
): Result {
  const { status, reason } = input;
  if (status >= 300) return end(state, { kind: 'refused', status, reason });
  if (!input.subscribed) return end(state, { kind: 'unknown', status, reason });
  return {
    state: { name: 'subscribed', told: state.told },
    effects: [{ kind: 'start-timer', name: 'limit', delayMs: limitMs }],
  };
}

function notified(state: Exclude<State, { name: 'over' }>, input: SubscriberInput & { kind: 'notify' }): Result {
  const { report, terminated, lifetimeMs } = input;
  const final = report !== undefined && report.status >= 200;
  if (terminated) {
    if (final) return end(state, { kind: 'done', ...report });
    return end(state, { kind: 'unknown', status: 408, reason: 'No Final Report' });
  }
  const effects: Effect[] = [];
  if (lifetimeMs !== undefined) effects.push({ kind: 'start-timer', name: 'limit', delayMs: lifetimeMs });
  if (!state.told && report !== undefined)
    effects.push(final ? { kind: 'outcome', outcome: { kind: 'done', ...report } } : { kind: 'progress', report });
  return { state: { ...state, told: state.told || final }, effects };
}

function end(state: Exclude<State, { name: 'over' }>, outcome: ReferOutcome): Result {
  const told: Effect[] = state.told ? [] : [{ kind: 'outcome', outcome }];
  return {
    state: { name: 'over' },
    effects: [{ kind: 'stop-timer', name: 'limit' }, ...told, { kind: 'over' }],
  };
}
