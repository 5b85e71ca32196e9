import type { Machine, Step } from '../../kernel/index.ts';
import type { SipResponse } from '../message/index.ts';
import type { MachineConfig } from './invite-client.ts';
import type { ServerEffect, ServerInput } from './invite-server.ts';

/**
 * ```
 * initial --start--> trying --1xx--> proceeding --200-699--> completed --J--> terminated
 *                       \--200-699--------------------------/
 *                       unanswered --> terminated (from trying and proceeding)
 * ```
 */
export type NonInviteServerState =
  | { readonly name: 'initial' }
  | { readonly name: 'trying' }
  | { readonly name: 'proceeding'; readonly last: SipResponse }
  | { readonly name: 'completed'; readonly last: SipResponse }
  | { readonly name: 'terminated' };

export type NonInviteServerTimer = 'J' | 'unanswered';

type State = NonInviteServerState;
type Input = ServerInput<NonInviteServerTimer>;
type Effect = ServerEffect<NonInviteServerTimer>;
type Result = Step<State, Effect>;

/** Non-INVITE server transaction: RFC 3261 section 17.2.2. */
export function nonInviteServerMachine(config: MachineConfig): Machine<State, Input, Effect> {
  return (state, input) => {
    switch (state.name) {
      case 'initial':
        return input.kind === 'start' ? start(config) : { state, effects: [] };
      case 'trying':
      case 'proceeding':
        return open(config, state, input);
      case 'completed':
        if (input.kind === 'request') return { state, effects: [{ kind: 'send', response: state.last }] };
        if (input.kind === 'transport-error') return fail(input.error);
        // Any further response of the TU is discarded.
        return { state: isTimer(input, 'J') ? { name: 'terminated' } : state, effects: [] };
      case 'terminated':
        return { state, effects: [] };
    }
  };
}

/**
 * DEVIATION: section 17.2.2 has no timer here and trusts the TU to answer. After 64*T1 the client has given up (timer F)
 * and may be answered no more (RFC 4320 section 4.2): one that is never answered must not stay for ever.
 */
function start({ timers }: MachineConfig): Result {
  return {
    state: { name: 'trying' },
    effects: [{ kind: 'start-timer', name: 'unanswered', delayMs: 64 * timers.t1 }],
  };
}

function isTimer(input: Input, name: NonInviteServerTimer): boolean {
  return input.kind === 'timer' && input.name === name;
}

function open(config: MachineConfig, state: State & { name: 'trying' | 'proceeding' }, input: Input): Result {
  if (input.kind === 'respond') return respond(config, input.response);
  // In Trying a retransmission is discarded; in Proceeding the last provisional goes out again.
  if (input.kind === 'request' && state.name === 'proceeding')
    return { state, effects: [{ kind: 'send', response: state.last }] };
  if (input.kind === 'transport-error' && state.name === 'proceeding') return fail(input.error);
  if (isTimer(input, 'unanswered')) return { state: { name: 'terminated' }, effects: [] };
  return { state, effects: [] };
}

function respond({ timers, reliable }: MachineConfig, response: SipResponse): Result {
  const send: Effect = { kind: 'send', response };
  if (response.status < 200) return { state: { name: 'proceeding', last: response }, effects: [send] };
  const stop: Effect = { kind: 'stop-timer', name: 'unanswered' };
  // Timer J is zero on reliable transports.
  if (reliable) return { state: { name: 'terminated' }, effects: [stop, send] };
  const timerJ: Effect = { kind: 'start-timer', name: 'J', delayMs: 64 * timers.t1 };
  return { state: { name: 'completed', last: response }, effects: [stop, send, timerJ] };
}

/** Section 17.2.4. */
function fail(error: Error): Result {
  return {
    state: { name: 'terminated' },
    effects: [
      { kind: 'stop-timer', name: 'J' },
      { kind: 'stop-timer', name: 'unanswered' },
      { kind: 'transport-error', error },
    ],
  };
}
