import type { Machine, Step, TimerEffect, TimerInput } from '../../kernel/index.ts';

/**
 * Reliable provisional responses of the server side of one INVITE (RFC 3262 section 3): numbered, sent one after the
 * other, each repeated with back-off until its PRACK.
 *
 * ```
 * clear --send--> unacknowledged --prack--> clear, or the next one that waits
 *                        \--64*T1--> given-up           stop: stopped
 * ```
 *
 * DEVIATION: section 3 allows several unacknowledged ones after the first was acknowledged. Here there is never more
 * than one, so that the order in which the peer sees them is ours.
 */
export type ReliableState<T> =
  | { readonly name: 'clear'; readonly next: number }
  | {
      readonly name: 'unacknowledged';
      readonly sequence: number;
      readonly item: T;
      readonly interval: number;
      readonly waiting: readonly T[];
    }
  | { readonly name: 'given-up' }
  /** `outstanding`: the response whose PRACK may still come, and is to be taken (section 3). */
  | { readonly name: 'stopped'; readonly outstanding: number | undefined };

export type ReliableTimer = 'retransmit' | 'give-up';

export type ReliableInput<T> =
  | { readonly kind: 'send'; readonly item: T }
  /** A PRACK; its RAck was checked to name this INVITE. */
  | { readonly kind: 'prack'; readonly sequence: number }
  /** A final response is out, or the call is gone. */
  | { readonly kind: 'stop' }
  | TimerInput<ReliableTimer>;

export type ReliableEffect<T> =
  | { readonly kind: 'transmit'; readonly item: T; readonly sequence: number }
  | { readonly kind: 'acknowledged'; readonly item: T }
  /** The PRACK belongs to nothing: 481. */
  | { readonly kind: 'unmatched' }
  /** No PRACK came: the INVITE is to be refused with 5xx. */
  | { readonly kind: 'given-up' }
  /** One that waited was left out: the queue is full. */
  | { readonly kind: 'left-out'; readonly item: T }
  | TimerEffect<ReliableTimer>;

/** Most responses that wait for the one before them; above it the oldest one that waits is left out. */
export const MAX_WAITING_PROVISIONALS = 16;

/** @param t1 milliseconds. The interval doubles from T1 without a cap (section 3), over reliable transports too. */
export function reliableProvisionalsMachine<T>(
  t1: number,
): Machine<ReliableState<T>, ReliableInput<T>, ReliableEffect<T>> {
  type State = ReliableState<T>;
  type Effect = ReliableEffect<T>;

  const stopTimers: readonly Effect[] = [
    { kind: 'stop-timer', name: 'retransmit' },
    { kind: 'stop-timer', name: 'give-up' },
  ];

  function transmit(item: T, sequence: number, waiting: readonly T[]): Step<State, Effect> {
    return {
      state: { name: 'unacknowledged', sequence, item, interval: t1, waiting },
      effects: [
        { kind: 'transmit', item, sequence },
        { kind: 'start-timer', name: 'retransmit', delayMs: t1 },
        { kind: 'start-timer', name: 'give-up', delayMs: 64 * t1 },
      ],
    };
  }

  function unacknowledged(state: State & { name: 'unacknowledged' }, input: ReliableInput<T>): Step<State, Effect> {
    switch (input.kind) {
      case 'send': {
        const waiting = [...state.waiting, input.item];
        const oldest = waiting.length > MAX_WAITING_PROVISIONALS ? waiting.shift() : undefined;
        return {
          state: { ...state, waiting },
          effects: oldest === undefined ? [] : [{ kind: 'left-out', item: oldest }],
        };
      }
      case 'prack': {
        if (input.sequence !== state.sequence) return { state, effects: [{ kind: 'unmatched' }] };
        const done: readonly Effect[] = [...stopTimers, { kind: 'acknowledged', item: state.item }];
        const [following, ...waiting] = state.waiting;
        if (following === undefined) return { state: { name: 'clear', next: state.sequence + 1 }, effects: done };
        const step = transmit(following, state.sequence + 1, waiting);
        return { state: step.state, effects: [...done, ...step.effects] };
      }
      case 'stop':
        return { state: { name: 'stopped', outstanding: state.sequence }, effects: stopTimers };
      case 'timer':
        if (input.name === 'give-up')
          return { state: { name: 'given-up' }, effects: [...stopTimers, { kind: 'given-up' }] };
        return {
          state: { ...state, interval: state.interval * 2 },
          effects: [
            { kind: 'transmit', item: state.item, sequence: state.sequence },
            { kind: 'start-timer', name: 'retransmit', delayMs: state.interval * 2 },
          ],
        };
    }
  }

  return (state, input) => {
    if (state.name === 'unacknowledged') return unacknowledged(state, input);
    if (input.kind === 'prack') {
      if (state.name === 'stopped' && state.outstanding === input.sequence)
        return { state: { name: 'stopped', outstanding: undefined }, effects: [] };
      return { state, effects: [{ kind: 'unmatched' }] };
    }
    if (state.name !== 'clear') return { state, effects: [] };
    if (input.kind === 'send') return transmit(input.item, state.next, []);
    return { state: input.kind === 'stop' ? { name: 'stopped', outstanding: undefined } : state, effects: [] };
  };
}

/**
 * What the client does with a reliable provisional response (section 4), by the last RSeq it acknowledged in that early
 * dialog: the next one is acknowledged and used, a copy dropped (its PRACK is repeated by the transaction), one out of
 * order neither acknowledged nor used, so that it comes again.
 */
export function orderOf(last: number | undefined, sequence: number): 'next' | 'copy' | 'early' {
  if (last === undefined || sequence === last + 1) return 'next';
  return sequence <= last ? 'copy' : 'early';
}

/** RAck of a PRACK (section 7.2). */
export interface RAck {
  readonly sequence: number;
  readonly cseq: number;
  readonly method: string;
}

/** Undefined when malformed. */
export function parseRAck(text: string | undefined): RAck | undefined {
  const match = /^\s*(\d{1,10})\s+(\d{1,10})\s+(\S+)\s*$/.exec(text ?? '');
  const method = match?.[3];
  return match === null || method === undefined
    ? undefined
    : { sequence: Number(match[1]), cseq: Number(match[2]), method };
}

/** RSeq (section 7.1): 1 to 2^32 - 1. Undefined when malformed. */
export function parseRSeq(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  const number = /^\d{1,10}$/.test(trimmed) ? Number(trimmed) : 0;
  return number > 0 && number < 2 ** 32 ? number : undefined;
}
