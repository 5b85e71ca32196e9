import type { Machine, Step, TimerEffect, TimerInput } from '../../kernel/index.ts';
import type { SipResponse } from '../message/index.ts';
import type { TransactionTimers } from './timers.ts';

/**
 * ```
 * initial --start--> calling --1xx--> proceeding --300-699--> completed --D--> terminated
 *                       |  \--2xx--\      |--2xx--> accepted --M--> terminated
 *                       +--B, transport error--> terminated
 * ```
 */
export type InviteClientState =
  | { readonly name: 'initial' }
  | { readonly name: 'calling'; readonly interval: number }
  | { readonly name: 'proceeding' }
  | { readonly name: 'completed' }
  | { readonly name: 'accepted' }
  | { readonly name: 'terminated' };

export type InviteClientTimer = 'A' | 'B' | 'D' | 'M';

export type ClientInput<T extends string> =
  | { readonly kind: 'start' }
  | { readonly kind: 'response'; readonly response: SipResponse }
  | { readonly kind: 'transport-error'; readonly error: Error }
  | TimerInput<T>;

export type ClientEffect<T extends string> =
  | { readonly kind: 'send-request' }
  | { readonly kind: 'send-ack'; readonly response: SipResponse }
  | { readonly kind: 'deliver'; readonly response: SipResponse }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'transport-error'; readonly error: Error }
  | TimerEffect<T>;

export interface MachineConfig {
  readonly timers: TransactionTimers;
  readonly reliable: boolean;
}

type State = InviteClientState;
type Input = ClientInput<InviteClientTimer>;
type Effect = ClientEffect<InviteClientTimer>;
type Result = Step<State, Effect>;

const STOP_CALLING: readonly Effect[] = [
  { kind: 'stop-timer', name: 'A' },
  { kind: 'stop-timer', name: 'B' },
];

/** INVITE client transaction: RFC 3261 section 17.1.1 as corrected by RFC 6026 section 7.2 (Accepted, timer M). */
export function inviteClientMachine(config: MachineConfig): Machine<State, Input, Effect> {
  return (state, input) => {
    switch (state.name) {
      case 'initial':
        return input.kind === 'start' ? start(config) : stay(state);
      case 'calling':
        return calling(config, state, input);
      case 'proceeding':
        return input.kind === 'response' ? respond(config, state, input.response) : stay(state);
      case 'completed':
        return completed(state, input);
      case 'accepted':
        return accepted(state, input);
      case 'terminated':
        return stay(state);
    }
  };
}

function stay(state: State): Result {
  return { state, effects: [] };
}

function start({ timers, reliable }: MachineConfig): Result {
  const effects: Effect[] = [{ kind: 'send-request' }, { kind: 'start-timer', name: 'B', delayMs: 64 * timers.t1 }];
  if (!reliable) effects.push({ kind: 'start-timer', name: 'A', delayMs: timers.t1 });
  return { state: { name: 'calling', interval: timers.t1 }, effects };
}

function calling(config: MachineConfig, state: State & { name: 'calling' }, input: Input): Result {
  switch (input.kind) {
    case 'response':
      return respond(config, state, input.response);
    case 'transport-error':
      return fail(input.error);
    case 'start':
      return stay(state);
    case 'timer': {
      // Section 17.1.1.2: A doubles without a cap; B gives up.
      if (input.name === 'A') {
        const interval = state.interval * 2;
        return {
          state: { name: 'calling', interval },
          effects: [{ kind: 'send-request' }, { kind: 'start-timer', name: 'A', delayMs: interval }],
        };
      }
      if (input.name !== 'B') return stay(state);
      return { state: { name: 'terminated' }, effects: [{ kind: 'stop-timer', name: 'A' }, { kind: 'timeout' }] };
    }
  }
}

function respond({ timers, reliable }: MachineConfig, state: State, response: SipResponse): Result {
  const deliver: Effect = { kind: 'deliver', response };
  const stop = state.name === 'calling' ? STOP_CALLING : [];
  if (response.status < 200) return { state: { name: 'proceeding' }, effects: [...stop, deliver] };
  if (response.status < 300) {
    // RFC 6026 section 7.2: stay for 64*T1 so that further 2xx, of forks too, reach the TU.
    const timerM: Effect = { kind: 'start-timer', name: 'M', delayMs: 64 * timers.t1 };
    return { state: { name: 'accepted' }, effects: [...stop, deliver, timerM] };
  }
  const acknowledged: Effect[] = [...stop, { kind: 'send-ack', response }, deliver];
  // Timer D is zero on reliable transports.
  if (reliable) return { state: { name: 'terminated' }, effects: acknowledged };
  const timerD: Effect = { kind: 'start-timer', name: 'D', delayMs: timers.d };
  return { state: { name: 'completed' }, effects: [...acknowledged, timerD] };
}

function completed(state: State, input: Input): Result {
  // A retransmitted final response is acknowledged again and not delivered again.
  if (input.kind === 'response' && input.response.status >= 300)
    return { state, effects: [{ kind: 'send-ack', response: input.response }] };
  if (input.kind === 'timer' && input.name === 'D') return { state: { name: 'terminated' }, effects: [] };
  if (input.kind === 'transport-error') return fail(input.error, [{ kind: 'stop-timer', name: 'D' }]);
  return stay(state);
}

function accepted(state: State, input: Input): Result {
  if (input.kind === 'response' && input.response.status >= 200 && input.response.status < 300)
    return { state, effects: [{ kind: 'deliver', response: input.response }] };
  if (input.kind === 'timer' && input.name === 'M') return { state: { name: 'terminated' }, effects: [] };
  return stay(state);
}

function fail(error: Error, stop: readonly Effect[] = STOP_CALLING): Result {
  return { state: { name: 'terminated' }, effects: [...stop, { kind: 'transport-error', error }] };
}
