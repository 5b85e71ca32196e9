import type { Machine, Step, TimerEffect, TimerInput } from '../../kernel/index.ts';
import type { SessionInterval } from './session-expires.ts';

/**
 * Life of an answered call with a session timer (RFC 4028 section 10).
 *
 * ```
 * off --agreed--> running --expire--> expired
 *                 | agreed: anew  | none: off  | failed: refresh again, earlier
 * ```
 */
export type SessionTimerState =
  { readonly name: 'off' } | ({ readonly name: 'running' } & SessionInterval) | { readonly name: 'expired' };

export type SessionTimerName = 'refresh' | 'expire';

export type SessionTimerInput =
  /** A 2xx to an INVITE or UPDATE of either side agreed on this. */
  | ({ readonly kind: 'agreed' } & SessionInterval)
  /** A 2xx named no interval, or the call ended. */
  | { readonly kind: 'none' }
  /** Our refresh was refused in a way that leaves the call up. */
  | { readonly kind: 'failed' }
  | TimerInput<SessionTimerName>;

export type SessionTimerEffect =
  | { readonly kind: 'refresh' }
  /** Nobody refreshed: the call is to be ended with BYE. */
  | { readonly kind: 'expired' }
  | TimerEffect<SessionTimerName>;

type Result = Step<SessionTimerState, SessionTimerEffect>;

const STOP: readonly SessionTimerEffect[] = [
  { kind: 'stop-timer', name: 'refresh' },
  { kind: 'stop-timer', name: 'expire' },
];

/** After a refresh that failed the next one is tried after this part of the interval. */
const RETRY_PART = 8;

export const sessionTimerMachine: Machine<SessionTimerState, SessionTimerInput, SessionTimerEffect> = (
  state,
  input,
) => {
  if (state.name === 'expired') return { state, effects: [] };
  switch (input.kind) {
    case 'agreed':
      return run(input);
    case 'none':
      return { state: { name: 'off' }, effects: STOP };
    case 'failed':
      if (state.name !== 'running' || state.refresher !== 'self') return { state, effects: [] };
      return {
        state,
        effects: [{ kind: 'start-timer', name: 'refresh', delayMs: (state.interval * 1000) / RETRY_PART }],
      };
    case 'timer':
      if (state.name !== 'running') return { state, effects: [] };
      if (input.name === 'expire') return { state: { name: 'expired' }, effects: [...STOP, { kind: 'expired' }] };
      return { state, effects: [{ kind: 'refresh' }] };
  }
};

function run({ interval, refresher }: SessionInterval): Result {
  // Section 10: the BYE goes out a little before the end, by 32 s or a third of a short interval.
  const expire = (interval - Math.min(32, interval / 3)) * 1000;
  const effects: SessionTimerEffect[] = [...STOP, { kind: 'start-timer', name: 'expire', delayMs: expire }];
  // Section 7.4: the refresher acts at half of the interval.
  if (refresher === 'self') effects.push({ kind: 'start-timer', name: 'refresh', delayMs: interval * 500 });
  return { state: { name: 'running', interval, refresher }, effects };
}
