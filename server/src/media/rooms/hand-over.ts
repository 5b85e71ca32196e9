import type { Step, TimerEffect, TimerInput } from '../../kernel/index.ts';
import type { PathOwner, PathReason } from '../ports.ts';

/**
 * When the RTP port of a bridged phone goes to the worker, and when it comes back. Pure.
 *
 * node: something speaks against it. settling: nothing does, for a while yet. handing-over: the worker's side is being made
 * (`preparing`), then the streams change over (`switching`). plain: the worker has it. returning: Node has it again, the worker's
 * side is being taken down.
 */
export type HandOverState =
  | (Strikes & { readonly phase: 'node' })
  | (Strikes & { readonly phase: 'settling' })
  | (Strikes & { readonly phase: 'handing-over'; readonly step: 'preparing' })
  | Switching
  | (Strikes & { readonly phase: 'plain'; readonly isCalm: boolean })
  | (Strikes & { readonly phase: 'returning'; readonly fit: boolean })
  | (Strikes & { readonly phase: 'closed' });

interface Switching extends Strikes {
  readonly phase: 'handing-over';
  readonly step: 'switching';
  /** Something spoke against it meanwhile. */
  readonly unfit: PathReason | undefined;
}

/** Stays of the worker that were short, or never came to be, in a row: each doubles the time of settling. */
interface Strikes {
  readonly strikes: number;
}

export type HandOverTimer = 'settle' | 'calm';

export type HandOverInput =
  /** Nothing speaks against it (any more). May be repeated. */
  | { readonly kind: 'fit' }
  /** Something does. May be repeated. */
  | { readonly kind: 'unfit'; readonly reason: PathReason }
  | { readonly kind: 'prepared' }
  | { readonly kind: 'switched' }
  /** Preparing or switching failed. */
  | { readonly kind: 'failed' }
  /** What `take-back` began is done. */
  | { readonly kind: 'returned' }
  | { readonly kind: 'close' }
  | TimerInput<HandOverTimer>;

export type HandOverEffect =
  /** Make the worker's side. @see `prepared`, `failed` */
  | { readonly kind: 'prepare' }
  /** Change over. @see `switched`, `failed` */
  | { readonly kind: 'switch' }
  /** Node has everything from now on; take down the worker's side, as far as it was made. @see `returned` */
  | { readonly kind: 'take-back' }
  | { readonly kind: 'report'; readonly owner: PathOwner; readonly reason: PathReason }
  | TimerEffect<HandOverTimer>;

export interface HandOverTiming {
  /** How long nothing must speak against it first, milliseconds. */
  readonly settleMs: number;
  /** A stay as long as this was no short one, milliseconds. */
  readonly calmMs: number;
}

/** Settling takes at most 2 to this power times as long. */
const MAX_STRIKES = 6;

type HandOverStep = Step<HandOverState, HandOverEffect>;

export const initialHandOver: HandOverState = { phase: 'node', strikes: 0 };

export function handOverMachine(timing: HandOverTiming) {
  return (state: HandOverState, input: HandOverInput): HandOverStep => {
    if (input.kind === 'close') return close(state);
    switch (state.phase) {
      case 'node':
        return input.kind === 'fit' ? settle(state.strikes, timing) : stay(state);
      case 'settling':
        return settling(state, input);
      case 'handing-over':
        return state.step === 'preparing' ? preparing(state, input) : switching(state, input, timing);
      case 'plain':
        return plain(state, input);
      case 'returning':
        return returning(state, input, timing);
      case 'closed':
        return stay(state);
    }
  };
}

const stay = (state: HandOverState): HandOverStep => ({ state, effects: [] });
const takeBack: HandOverEffect = { kind: 'take-back' };
const reportNode = (reason: PathReason): HandOverEffect => ({ kind: 'report', owner: 'node', reason });

function settle(strikes: number, { settleMs }: HandOverTiming): HandOverStep {
  return {
    state: { phase: 'settling', strikes },
    effects: [{ kind: 'start-timer', name: 'settle', delayMs: settleMs * 2 ** strikes }],
  };
}

function returnFrom(strikes: number, fit: boolean, more: readonly HandOverEffect[] = []): HandOverStep {
  return {
    state: { phase: 'returning', fit, strikes: Math.min(strikes, MAX_STRIKES) },
    effects: [takeBack, ...more],
  };
}

function settling({ strikes }: HandOverState, input: HandOverInput): HandOverStep {
  if (input.kind === 'unfit') {
    return { state: { phase: 'node', strikes }, effects: [{ kind: 'stop-timer', name: 'settle' }] };
  }
  if (input.kind === 'timer' && input.name === 'settle') {
    return { state: { phase: 'handing-over', step: 'preparing', strikes }, effects: [{ kind: 'prepare' }] };
  }
  return stay({ phase: 'settling', strikes });
}

function preparing(state: HandOverState, input: HandOverInput): HandOverStep {
  const { strikes } = state;
  switch (input.kind) {
    case 'prepared':
      return {
        state: { phase: 'handing-over', step: 'switching', unfit: undefined, strikes },
        effects: [{ kind: 'switch' }],
      };
    case 'unfit':
      return returnFrom(strikes, false);
    case 'failed':
      return returnFrom(strikes + 1, true);
    default:
      return stay(state);
  }
}

/** Takes about a millisecond, and is not to be interrupted half way. */
function switching(state: Switching, input: HandOverInput, { calmMs }: HandOverTiming): HandOverStep {
  const { strikes, unfit } = state;
  switch (input.kind) {
    case 'unfit':
      return stay({ ...state, unfit: unfit ?? input.reason });
    case 'switched':
      if (unfit !== undefined) return returnFrom(strikes, false);
      return {
        state: { phase: 'plain', isCalm: false, strikes },
        effects: [
          { kind: 'start-timer', name: 'calm', delayMs: calmMs },
          { kind: 'report', owner: 'plain', reason: 'bridged' },
        ],
      };
    case 'failed':
      return returnFrom(strikes + 1, unfit === undefined);
    default:
      return stay(state);
  }
}

function plain(state: HandOverState & { readonly phase: 'plain' }, input: HandOverInput): HandOverStep {
  if (input.kind === 'timer' && input.name === 'calm') return stay({ phase: 'plain', isCalm: true, strikes: 0 });
  if (input.kind !== 'unfit') return stay(state);
  const stop: HandOverEffect = { kind: 'stop-timer', name: 'calm' };
  return returnFrom(state.isCalm ? 0 : state.strikes + 1, false, [stop, reportNode(input.reason)]);
}

function returning(
  state: HandOverState & { readonly phase: 'returning' },
  input: HandOverInput,
  timing: HandOverTiming,
): HandOverStep {
  switch (input.kind) {
    case 'fit':
      return stay({ ...state, fit: true });
    case 'unfit':
      return stay({ ...state, fit: false });
    case 'returned':
      return state.fit ? settle(state.strikes, timing) : stay({ phase: 'node', strikes: state.strikes });
    default:
      return stay(state);
  }
}

function close(state: HandOverState): HandOverStep {
  const { phase, strikes } = state;
  const closed: HandOverState = { phase: 'closed', strikes };
  if (phase === 'settling') return { state: closed, effects: [{ kind: 'stop-timer', name: 'settle' }] };
  if (phase === 'handing-over') return { state: closed, effects: [takeBack] };
  if (phase !== 'plain') return stay(closed);
  return { state: closed, effects: [takeBack, { kind: 'stop-timer', name: 'calm' }, reportNode('closed')] };
}
