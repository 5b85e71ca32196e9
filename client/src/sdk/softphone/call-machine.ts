import type { EndCause } from '@hookswitch/shared';
import type { Step } from '../kit/index.ts';
import type { HookswitchError } from '../kit/index.ts';

export type CallDirection = 'incoming' | 'outgoing';
export type CancelReason =
  'answered-elsewhere' | 'caller-hung-up' | 'timeout' | 'rejected-elsewhere' | 'canceled' | 'failed';

/** How a call ended, as this device knows it. */
export interface CallEnd {
  readonly cause: EndCause | CancelReason | 'local-hangup' | 'local-reject' | 'ignored' | 'error';
  /** For people. */
  readonly message: string;
}

/**
 * ```
 * incoming: pending -> connecting -> open <-> reconnecting
 * outgoing:            connecting -> ringing -> open <-> reconnecting
 * any -> closed
 * ```
 * `ready`: the media leg is up; `answered`: the other party answered. Both make a call open. An accepted incoming call
 * counts as answered.
 */
export type CallState =
  | { readonly status: 'pending' }
  | { readonly status: 'connecting'; readonly progress: Progress }
  | { readonly status: 'ringing'; readonly progress: Progress; readonly earlyMedia: boolean }
  | { readonly status: 'open' }
  | { readonly status: 'reconnecting'; readonly signalling: boolean; readonly media: boolean }
  | { readonly status: 'closed'; readonly end: CallEnd };

interface Progress {
  readonly ready: boolean;
  readonly answered: boolean;
}

export type CallTimer = 'offer' | 'ice' | 'give-up';

export type CallInput =
  | { readonly kind: 'accept' }
  /** The leg could not be opened, but the call may be tried again: the microphone was refused. */
  | { readonly kind: 'accept-failed'; readonly error: HookswitchError }
  | { readonly kind: 'reject' }
  | { readonly kind: 'ignore' }
  | { readonly kind: 'hangup' }
  | { readonly kind: 'leg-ready' }
  | { readonly kind: 'failed'; readonly error: HookswitchError }
  | { readonly kind: 'ringing'; readonly earlyMedia: boolean }
  | { readonly kind: 'answered' }
  | { readonly kind: 'cancel'; readonly reason: CancelReason; readonly by: string | undefined }
  | { readonly kind: 'ended'; readonly cause: EndCause; readonly message: string }
  | { readonly kind: 'signalling'; readonly up: boolean }
  | { readonly kind: 'media'; readonly up: boolean }
  | { readonly kind: 'timer'; readonly name: CallTimer };

export type CallEffect =
  | { readonly kind: 'open-leg' }
  /** Close the leg, stop timers; the call is over. */
  | { readonly kind: 'release' }
  | { readonly kind: 'send-reject' }
  | { readonly kind: 'send-hangup' }
  | { readonly kind: 'restart-ice' }
  | { readonly kind: 'start-timer'; readonly name: CallTimer; readonly delayMs: number }
  | { readonly kind: 'stop-timer'; readonly name: CallTimer }
  | { readonly kind: 'emit'; readonly event: 'accept' | 'reject' | 'reconnected' | 'cancel' | 'disconnect' }
  | { readonly kind: 'emit-ringing'; readonly earlyMedia: boolean }
  | { readonly kind: 'emit-reconnecting'; readonly what: 'signalling' | 'media' }
  | { readonly kind: 'emit-error'; readonly error: HookswitchError };

/** A call without any path for audio is given up after this. */
const GIVE_UP_MS = 60_000;
/** How long ICE gets before it is restarted again. */
const ICE_RETRY_MS = 4_000;

type StepOf = Step<CallState, CallEffect>;
const stay = (state: CallState): StepOf => ({ state, effects: [] });

/** One call of this device as a pure machine. */
export function stepCall(state: CallState, input: CallInput): StepOf {
  if (state.status === 'closed') return stay(state);
  switch (input.kind) {
    case 'accept':
      return state.status === 'pending' ? accept() : stay(state);
    case 'accept-failed':
      return state.status === 'connecting' && !state.progress.ready
        ? { state: { status: 'pending' }, effects: [{ kind: 'emit-error', error: input.error }] }
        : stay(state);
    case 'reject':
      if (state.status !== 'pending') return stay(state);
      return close(state, { cause: 'local-reject', message: 'rejected here' }, [{ kind: 'send-reject' }]);
    case 'ignore':
      if (state.status !== 'pending') return stay(state);
      return close(state, { cause: 'ignored', message: 'ignored here; other devices may still ring' });
    case 'hangup':
      return hangup(state);
    case 'leg-ready':
    case 'answered':
    case 'ringing':
      return progress(state, input);
    case 'failed':
      return failed(state, input.error);
    case 'cancel':
      return cancel(state, input);
    case 'ended':
      return close(state, { cause: input.cause, message: input.message });
    case 'signalling':
      return path(state, 'signalling', input.up);
    case 'media':
      return path(state, 'media', input.up);
    case 'timer':
      return timer(state, input.name);
  }
}

function accept(): StepOf {
  return {
    state: { status: 'connecting', progress: { ready: false, answered: true } },
    effects: [{ kind: 'open-leg' }],
  };
}

function hangup(state: CallState): StepOf {
  const end: CallEnd = { cause: 'local-hangup', message: 'hung up here' };
  return close(state, end, [{ kind: state.status === 'pending' ? 'send-reject' : 'send-hangup' }]);
}

function failed(state: CallState, error: HookswitchError): StepOf {
  const effects: CallEffect[] = [{ kind: 'emit-error', error }];
  if (state.status !== 'pending') effects.push({ kind: 'send-hangup' });
  return close(state, { cause: 'error', message: error.message }, effects);
}

const CANCELLED: Record<CancelReason, string> = {
  'answered-elsewhere': 'answered on another device',
  'caller-hung-up': 'the caller hung up',
  timeout: 'nobody answered in time',
  'rejected-elsewhere': 'rejected on another device',
  canceled: 'the call was cancelled',
  failed: 'the call failed',
};

function cancel(state: CallState, input: Extract<CallInput, { kind: 'cancel' }>): StepOf {
  const by = input.by === undefined ? '' : ` (${input.by})`;
  return close(state, { cause: input.reason, message: `${CANCELLED[input.reason]}${by}` });
}

function progress(state: CallState, input: Extract<CallInput, { kind: 'leg-ready' | 'answered' | 'ringing' }>): StepOf {
  if (state.status !== 'connecting' && state.status !== 'ringing') return stay(state);
  const next: Progress = {
    ready: state.progress.ready || input.kind === 'leg-ready',
    answered: state.progress.answered || input.kind === 'answered',
  };
  if (next.ready && next.answered) return { state: { status: 'open' }, effects: [{ kind: 'emit', event: 'accept' }] };
  if (input.kind !== 'ringing') return { state: { ...state, progress: next }, effects: [] };
  const { earlyMedia } = input;
  return {
    state: { status: 'ringing', progress: next, earlyMedia },
    effects: [{ kind: 'emit-ringing', earlyMedia }],
  };
}

/** A path was lost or came back. Before a call is open the losses are handled by the requests that fail. */
function path(state: CallState, what: 'signalling' | 'media', up: boolean): StepOf {
  if (state.status === 'open') {
    if (up) return stay(state);
    const lost = { signalling: what === 'signalling', media: what === 'media' };
    return {
      state: { status: 'reconnecting', ...lost },
      effects: [{ kind: 'emit-reconnecting', what }, ...(what === 'media' ? mediaLost(true) : [])],
    };
  }
  if (state.status !== 'reconnecting' || state[what] !== up) return stay(state);
  const next = { ...state, [what]: !up };
  if (!next.signalling && !next.media) {
    return {
      state: { status: 'open' },
      effects: [
        { kind: 'stop-timer', name: 'give-up' },
        { kind: 'stop-timer', name: 'ice' },
        { kind: 'emit', event: 'reconnected' },
      ],
    };
  }
  return { state: next, effects: pathEffects(next, what, up) };
}

function pathEffects(next: { signalling: boolean; media: boolean }, what: string, up: boolean): CallEffect[] {
  if (what === 'media') {
    if (!up) return mediaLost(!next.signalling);
    return [
      { kind: 'stop-timer', name: 'give-up' },
      { kind: 'stop-timer', name: 'ice' },
    ];
  }
  // Signalling is back, media is not: now ICE can be restarted.
  return up && next.media ? [{ kind: 'restart-ice' }, { kind: 'start-timer', name: 'ice', delayMs: ICE_RETRY_MS }] : [];
}

function mediaLost(canSignal: boolean): CallEffect[] {
  const effects: CallEffect[] = [{ kind: 'start-timer', name: 'give-up', delayMs: GIVE_UP_MS }];
  if (canSignal) effects.push({ kind: 'restart-ice' });
  effects.push({ kind: 'start-timer', name: 'ice', delayMs: ICE_RETRY_MS });
  return effects;
}

function timer(state: CallState, name: CallTimer): StepOf {
  if (name === 'offer') {
    if (state.status !== 'pending') return stay(state);
    return close(state, { cause: 'timeout', message: 'the call is no longer offered' });
  }
  if (state.status !== 'reconnecting' || !state.media) return stay(state);
  if (name === 'give-up') {
    return close(state, { cause: 'connection-lost', message: 'audio could not be re-established' }, [
      { kind: 'send-hangup' },
    ]);
  }
  return {
    state,
    effects: [
      ...(state.signalling ? [] : [{ kind: 'restart-ice' } as const]),
      { kind: 'start-timer', name: 'ice', delayMs: ICE_RETRY_MS },
    ],
  };
}

/** `reject` for a call rejected here, `cancel` for one that was offered and is no more, else `disconnect`. */
function close(state: CallState, end: CallEnd, effects: readonly CallEffect[] = []): StepOf {
  const rejected = end.cause === 'local-reject' || (state.status === 'pending' && end.cause === 'local-hangup');
  const event = rejected ? 'reject' : state.status === 'pending' ? 'cancel' : 'disconnect';
  return {
    state: { status: 'closed', end },
    effects: [...effects, { kind: 'release' }, { kind: 'emit', event }],
  };
}
