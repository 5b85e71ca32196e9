import type { Machine, TimerEffect, TimerInput } from '../../kernel/index.ts';

/**
 * Retransmission of a 2xx to an INVITE by the server's core (RFC 3261 section 13.3.1.4), which no transaction does.
 *
 * ```
 * initial --start--> waiting --ack--> acknowledged
 *                       \--64*T1--> given-up
 * ```
 */
export type Retransmit2xxState =
  | { readonly name: 'initial' }
  | { readonly name: 'waiting'; readonly interval: number }
  | { readonly name: 'acknowledged' }
  | { readonly name: 'given-up' };

export type Retransmit2xxTimer = 'retransmit' | 'give-up';

export type Retransmit2xxInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'ack' }
  /** The dialog ended otherwise. */
  | { readonly kind: 'abandon' }
  | TimerInput<Retransmit2xxTimer>;

export type Retransmit2xxEffect =
  | { readonly kind: 'send' }
  | { readonly kind: 'acknowledged' }
  /** No ACK came: the session is to be ended with BYE. */
  | { readonly kind: 'given-up' }
  | TimerEffect<Retransmit2xxTimer>;

type State = Retransmit2xxState;
type Effect = Retransmit2xxEffect;

/** @param timers T1 and T2, milliseconds. The interval doubles from T1 to T2, over reliable transports too. */
export function retransmit2xxMachine(timers: {
  readonly t1: number;
  readonly t2: number;
}): Machine<State, Retransmit2xxInput, Effect> {
  const stop: readonly Effect[] = [
    { kind: 'stop-timer', name: 'retransmit' },
    { kind: 'stop-timer', name: 'give-up' },
  ];
  return (state, input) => {
    if (state.name === 'initial' && input.kind === 'start')
      return {
        state: { name: 'waiting', interval: timers.t1 },
        effects: [
          { kind: 'send' },
          { kind: 'start-timer', name: 'retransmit', delayMs: timers.t1 },
          { kind: 'start-timer', name: 'give-up', delayMs: 64 * timers.t1 },
        ],
      };
    if (state.name !== 'waiting') return { state, effects: [] };
    if (input.kind === 'ack') return { state: { name: 'acknowledged' }, effects: [...stop, { kind: 'acknowledged' }] };
    if (input.kind === 'abandon') return { state: { name: 'acknowledged' }, effects: stop };
    if (input.kind !== 'timer') return { state, effects: [] };
    if (input.name === 'give-up') return { state: { name: 'given-up' }, effects: [...stop, { kind: 'given-up' }] };
    const interval = Math.min(state.interval * 2, timers.t2);
    return {
      state: { name: 'waiting', interval },
      effects: [{ kind: 'send' }, { kind: 'start-timer', name: 'retransmit', delayMs: interval }],
    };
  };
}
