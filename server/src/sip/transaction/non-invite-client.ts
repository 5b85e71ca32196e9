import type { Machine, Step } from '../../kernel/index.ts';
import type { SipResponse } from '../message/index.ts';
import type { ClientEffect, ClientInput, MachineConfig } from './invite-client.ts';

/**
 * ```
 * initial --start--> trying --1xx--> proceeding --200-699--> completed --K--> terminated
 *                       \--200-699--------------------------/
 *                        F, transport error --> terminated (from trying and proceeding)
 * ```
 */
export type NonInviteClientState =
  | { readonly name: 'initial' }
  | { readonly name: 'trying'; readonly interval: number }
  | { readonly name: 'proceeding' }
  | { readonly name: 'completed' }
  | { readonly name: 'terminated' };

export type NonInviteClientTimer = 'E' | 'F' | 'K';

type State = NonInviteClientState;
type Input = ClientInput<NonInviteClientTimer>;
type Effect = ClientEffect<NonInviteClientTimer>;
type Result = Step<State, Effect>;

const STOP: readonly Effect[] = [
  { kind: 'stop-timer', name: 'E' },
  { kind: 'stop-timer', name: 'F' },
];

/** Non-INVITE client transaction: RFC 3261 section 17.1.2. */
export function nonInviteClientMachine(config: MachineConfig): Machine<State, Input, Effect> {
  return (state, input) => {
    switch (state.name) {
      case 'initial':
        return input.kind === 'start' ? start(config) : { state, effects: [] };
      case 'trying':
      case 'proceeding':
        return waiting(config, state, input);
      case 'completed': {
        const over = input.kind === 'timer' && input.name === 'K';
        return { state: over ? { name: 'terminated' } : state, effects: [] };
      }
      case 'terminated':
        return { state, effects: [] };
    }
  };
}

function start({ timers, reliable }: MachineConfig): Result {
  const effects: Effect[] = [{ kind: 'send-request' }, { kind: 'start-timer', name: 'F', delayMs: 64 * timers.t1 }];
  if (!reliable) effects.push({ kind: 'start-timer', name: 'E', delayMs: timers.t1 });
  return { state: { name: 'trying', interval: timers.t1 }, effects };
}

function waiting(config: MachineConfig, state: State & { name: 'trying' | 'proceeding' }, input: Input): Result {
  switch (input.kind) {
    case 'response':
      return respond(config, input.response);
    case 'transport-error':
      return {
        state: { name: 'terminated' },
        effects: [...STOP, { kind: 'transport-error', error: input.error }],
      };
    case 'timer':
      if (input.name === 'E') return retransmit(config, state);
      if (input.name !== 'F') return { state, effects: [] };
      return { state: { name: 'terminated' }, effects: [{ kind: 'stop-timer', name: 'E' }, { kind: 'timeout' }] };
    case 'start':
      return { state, effects: [] };
  }
}

/** Section 17.1.2.2: E doubles up to T2 in Trying and is T2 in Proceeding. */
function retransmit({ timers }: MachineConfig, state: State & { name: 'trying' | 'proceeding' }): Result {
  const interval = state.name === 'trying' ? Math.min(state.interval * 2, timers.t2) : timers.t2;
  return {
    state: state.name === 'trying' ? { name: 'trying', interval } : state,
    effects: [{ kind: 'send-request' }, { kind: 'start-timer', name: 'E', delayMs: interval }],
  };
}

function respond({ timers, reliable }: MachineConfig, response: SipResponse): Result {
  const deliver: Effect = { kind: 'deliver', response };
  if (response.status < 200) return { state: { name: 'proceeding' }, effects: [deliver] };
  // Timer K is zero on reliable transports.
  if (reliable) return { state: { name: 'terminated' }, effects: [...STOP, deliver] };
  return {
    state: { name: 'completed' },
    effects: [...STOP, deliver, { kind: 'start-timer', name: 'K', delayMs: timers.t4 }],
  };
}
