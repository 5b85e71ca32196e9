import type { Machine, Step, TimerEffect, TimerInput } from '../../kernel/index.ts';
import type { SipResponse } from '../message/index.ts';
import type { MachineConfig } from './invite-client.ts';

/**
 * ```
 * initial --start--> proceeding --300-699--> completed --ACK--> confirmed --I--> terminated
 *                        |                       \--H--> terminated
 *                        +--2xx--> accepted --L--> terminated
 * ```
 */
export type InviteServerState =
  | { readonly name: 'initial' }
  | { readonly name: 'proceeding'; readonly last: SipResponse | undefined }
  | { readonly name: 'completed'; readonly last: SipResponse; readonly interval: number }
  | { readonly name: 'confirmed' }
  | { readonly name: 'accepted' }
  | { readonly name: 'terminated' };

export type InviteServerTimer = 'trying' | 'G' | 'H' | 'I' | 'L';

export type ServerInput<T extends string> =
  | { readonly kind: 'start' }
  /** The request came again. */
  | { readonly kind: 'request' }
  | { readonly kind: 'ack' }
  /** The TU answers. */
  | { readonly kind: 'respond'; readonly response: SipResponse }
  | { readonly kind: 'transport-error'; readonly error: Error }
  | TimerInput<T>;

export type ServerEffect<T extends string> =
  | { readonly kind: 'send'; readonly response: SipResponse }
  | { readonly kind: 'send-trying' }
  /** An ACK for a 2xx: the TU's business. */
  | { readonly kind: 'deliver-ack' }
  /** No ACK came for a 300-699. */
  | { readonly kind: 'timeout' }
  | { readonly kind: 'transport-error'; readonly error: Error }
  | TimerEffect<T>;

type State = InviteServerState;
type Input = ServerInput<InviteServerTimer>;
type Effect = ServerEffect<InviteServerTimer>;
type Result = Step<State, Effect>;

/** INVITE server transaction: RFC 3261 section 17.2.1 as corrected by RFC 6026 section 7.1 (Accepted, timer L). */
export function inviteServerMachine(config: MachineConfig): Machine<State, Input, Effect> {
  return (state, input) => {
    if (input.kind === 'transport-error') return failed(state, input.error);
    switch (state.name) {
      case 'initial':
        if (input.kind !== 'start') return stay(state);
        return {
          state: { name: 'proceeding', last: undefined },
          effects: [{ kind: 'start-timer', name: 'trying', delayMs: config.timers.trying }],
        };
      case 'proceeding':
        return proceeding(config, state, input);
      case 'completed':
        return completed(config, state, input);
      case 'confirmed':
        return input.kind === 'timer' && input.name === 'I' ? terminate() : stay(state);
      case 'accepted':
        return accepted(state, input);
      case 'terminated':
        return stay(state);
    }
  };
}

/** RFC 6026 section 7.1: told where something is being sent, and changes nothing. */
function failed(state: State, error: Error): Result {
  const sending = state.name === 'proceeding' || state.name === 'completed' || state.name === 'accepted';
  return { state, effects: sending ? [{ kind: 'transport-error', error }] : [] };
}

function stay(state: State): Result {
  return { state, effects: [] };
}

function terminate(...effects: Effect[]): Result {
  return { state: { name: 'terminated' }, effects };
}

function proceeding(config: MachineConfig, state: State & { name: 'proceeding' }, input: Input): Result {
  switch (input.kind) {
    case 'respond':
      return respond(config, input.response);
    case 'timer':
      return input.name === 'trying' ? { state, effects: [{ kind: 'send-trying' }] } : stay(state);
    case 'request':
      // The most recent provisional again; before there was one, 100 quenches the retransmissions.
      return {
        state,
        effects: [state.last === undefined ? { kind: 'send-trying' } : { kind: 'send', response: state.last }],
      };
    default:
      return stay(state);
  }
}

function respond({ timers, reliable }: MachineConfig, response: SipResponse): Result {
  const sent: Effect[] = [
    { kind: 'stop-timer', name: 'trying' },
    { kind: 'send', response },
  ];
  if (response.status < 200) return { state: { name: 'proceeding', last: response }, effects: sent };
  const limit = 64 * timers.t1;
  if (response.status < 300)
    return { state: { name: 'accepted' }, effects: [...sent, { kind: 'start-timer', name: 'L', delayMs: limit }] };
  const effects: Effect[] = [...sent, { kind: 'start-timer', name: 'H', delayMs: limit }];
  if (!reliable) effects.push({ kind: 'start-timer', name: 'G', delayMs: timers.t1 });
  return { state: { name: 'completed', last: response, interval: timers.t1 }, effects };
}

function completed(config: MachineConfig, state: State & { name: 'completed' }, input: Input): Result {
  const resend: Effect = { kind: 'send', response: state.last };
  if (input.kind === 'request') return { state, effects: [resend] };
  if (input.kind === 'ack') return confirm(config);
  if (input.kind !== 'timer') return stay(state);
  if (input.name === 'G') {
    const interval = Math.min(state.interval * 2, config.timers.t2);
    return { state: { ...state, interval }, effects: [resend, { kind: 'start-timer', name: 'G', delayMs: interval }] };
  }
  return input.name === 'H' ? terminate({ kind: 'stop-timer', name: 'G' }, { kind: 'timeout' }) : stay(state);
}

function confirm({ timers, reliable }: MachineConfig): Result {
  const stop: Effect[] = [
    { kind: 'stop-timer', name: 'G' },
    { kind: 'stop-timer', name: 'H' },
  ];
  // Timer I is zero on reliable transports.
  if (reliable) return terminate(...stop);
  return { state: { name: 'confirmed' }, effects: [...stop, { kind: 'start-timer', name: 'I', delayMs: timers.t4 }] };
}

/** RFC 6026: retransmitted INVITEs are absorbed, the TU's retransmitted 2xx pass through, an ACK goes to the TU. */
function accepted(state: State, input: Input): Result {
  if (input.kind === 'respond' && input.response.status >= 200 && input.response.status < 300)
    return { state, effects: [{ kind: 'send', response: input.response }] };
  if (input.kind === 'ack') return { state, effects: [{ kind: 'deliver-ack' }] };
  return input.kind === 'timer' && input.name === 'L' ? terminate() : stay(state);
}
