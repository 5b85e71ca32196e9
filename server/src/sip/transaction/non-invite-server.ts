import type { Machine, Step } from '../../kernel/index.ts';
import type { SipResponse } from '../message/index.ts';
import type { MachineConfig } from './invite-client.ts';
import type { ServerEffect, ServerInput } from './invite-server.ts';

/**
 * ```
 * initial --start--> trying --1xx--> proceeding --200-699--> completed --J--> terminated
 *                       \--200-699--------------------------/
 * ```
 */
export type NonInviteServerState =
  | { readonly name: 'initial' }
  | { readonly name: 'trying' }
  | { readonly name: 'proceeding'; readonly last: SipResponse }
  | { readonly name: 'completed'; readonly last: SipResponse }
  | { readonly name: 'terminated' };

export type NonInviteServerTimer = 'J';

type State = NonInviteServerState;
type Input = ServerInput<NonInviteServerTimer>;
type Effect = ServerEffect<NonInviteServerTimer>;
type Result = Step<State, Effect>;

/** Non-INVITE server transaction: RFC 3261 section 17.2.2. */
export function nonInviteServerMachine(config: MachineConfig): Machine<State, Input, Effect> {
  return (state, input) => {
    switch (state.name) {
      case 'initial':
        return { state: input.kind === 'start' ? { name: 'trying' } : state, effects: [] };
      case 'trying':
      case 'proceeding':
        return open(config, state, input);
      case 'completed':
        if (input.kind === 'request') return { state, effects: [{ kind: 'send', response: state.last }] };
        if (input.kind === 'transport-error') return fail(input.error);
        // Any further response of the TU is discarded.
        return { state: input.kind === 'timer' ? { name: 'terminated' } : state, effects: [] };
      case 'terminated':
        return { state, effects: [] };
    }
  };
}

function open(config: MachineConfig, state: State & { name: 'trying' | 'proceeding' }, input: Input): Result {
  if (input.kind === 'respond') return respond(config, input.response);
  // In Trying a retransmission is discarded; in Proceeding the last provisional goes out again.
  if (input.kind === 'request' && state.name === 'proceeding')
    return { state, effects: [{ kind: 'send', response: state.last }] };
  if (input.kind === 'transport-error' && state.name === 'proceeding') return fail(input.error);
  return { state, effects: [] };
}

function respond({ timers, reliable }: MachineConfig, response: SipResponse): Result {
  const send: Effect = { kind: 'send', response };
  if (response.status < 200) return { state: { name: 'proceeding', last: response }, effects: [send] };
  // Timer J is zero on reliable transports.
  if (reliable) return { state: { name: 'terminated' }, effects: [send] };
  const timerJ: Effect = { kind: 'start-timer', name: 'J', delayMs: 64 * timers.t1 };
  return { state: { name: 'completed', last: response }, effects: [send, timerJ] };
}

/** Section 17.2.4. */
function fail(error: Error): Result {
  return {
    state: { name: 'terminated' },
    effects: [
      { kind: 'stop-timer', name: 'J' },
      { kind: 'transport-error', error },
    ],
  };
}
