import { HUB_ERRORS, HUB_LIMITS, afterDisconnect } from '@hookswitch/shared';
import type { Step } from '../kit/index.ts';
import { clientError, hubError, stopError, tokenError } from '../kit/index.ts';
import type { HookswitchError } from '../kit/index.ts';

/** What the server said about an authenticated connection. */
export interface ConnectionInfo {
  readonly connection: string;
  readonly node: string;
  readonly accountSid: string;
  readonly identity: string | undefined;
  readonly heartbeatMs: number;
  /** Expiry of the token, epoch milliseconds. */
  readonly expiresAt: number;
}

/**
 * ```
 * idle -> token -> opening -> authenticating -> connected
 *           ^                                      |  any loss
 *           +------------- waiting <---------------+
 * anything -> stopped (the server or the token says: no use trying), anything -> idle (closed by the owner)
 * ```
 * `attempt` counts failures in a row; `refusals` counts new tokens refused in a row.
 */
export type ConnectionState =
  | { readonly phase: 'idle' }
  | ({ readonly phase: 'token' } & Tries)
  | ({ readonly phase: 'opening'; readonly token: string } & Tries)
  /** `refusal`: the server said not now, and is about to say when. */
  | ({ readonly phase: 'authenticating'; readonly refusal?: HookswitchError } & Tries)
  | ({ readonly phase: 'connected'; readonly info: ConnectionInfo } & Tries)
  | ({ readonly phase: 'waiting'; readonly error: HookswitchError } & Tries)
  | { readonly phase: 'stopped'; readonly error: HookswitchError };

interface Tries {
  readonly attempt: number;
  readonly refusals: number;
  /** The next connect needs a new token. */
  readonly fresh: boolean;
}

export type ConnectionTimer = 'backoff' | 'handshake' | 'silence' | 'stable';

export type ConnectionInput =
  | { readonly kind: 'connect' }
  | { readonly kind: 'close' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'token-failed'; readonly error: HookswitchError }
  | { readonly kind: 'token-replaced' }
  | { readonly kind: 'opened' }
  | { readonly kind: 'connected'; readonly info: ConnectionInfo }
  | {
      readonly kind: 'refused';
      readonly code: number;
      readonly message: string;
      readonly temporary: boolean;
      /** A new token can be had. */
      readonly canRefresh: boolean;
    }
  | { readonly kind: 'ping'; readonly n?: number | undefined }
  | {
      readonly kind: 'disconnect';
      readonly code: number;
      readonly reason: string;
      readonly retryAfterMs?: number | undefined;
      readonly canRefresh: boolean;
    }
  | { readonly kind: 'online' }
  | { readonly kind: 'timer'; readonly name: ConnectionTimer };

export type ConnectionEffect =
  | { readonly kind: 'get-token'; readonly fresh: boolean }
  | { readonly kind: 'open' }
  | { readonly kind: 'send-connect'; readonly token: string }
  | { readonly kind: 'send-pong'; readonly n: number | undefined }
  | { readonly kind: 'close-socket'; readonly code: number; readonly reason: string }
  | { readonly kind: 'up'; readonly info: ConnectionInfo }
  | { readonly kind: 'down'; readonly error: HookswitchError }
  /** Draw a delay for this attempt, at least as long as given, and start the timer `backoff`. */
  | { readonly kind: 'back-off'; readonly attempt: number; readonly atLeastMs: number }
  | { readonly kind: 'start-timer'; readonly name: ConnectionTimer; readonly delayMs: number }
  | { readonly kind: 'stop-timers' };

/** New tokens refused in a row after which trying again is pointless. */
const MAX_REFUSALS = 3;
/** A connection that lived this long forgets earlier failures; a shorter one counts as a failure itself. */
const STABLE_MS = 5_000;
/** A refusal for now is followed by `disconnect`, which says when to come back; it is waited for this long. */
const REFUSAL_MS = 1_000;
/** Close code of a client that goes away or gives up waiting (RFC 6455 section 7.4.2: 4000-4999 are ours). */
const GIVE_UP = { code: 4900, reason: 'no sign of life from the server' };

type StepOf = Step<ConnectionState, ConnectionEffect>;
const stay = (state: ConnectionState): StepOf => ({ state, effects: [] });

/** The client's connection as a pure machine: what to do next, never how. */
export function stepConnection(state: ConnectionState, input: ConnectionInput): StepOf {
  switch (input.kind) {
    case 'connect':
      return state.phase === 'idle' || state.phase === 'stopped'
        ? begin({ attempt: 0, refusals: 0, fresh: state.phase === 'stopped' })
        : stay(state);
    case 'close':
      return close(state);
    case 'token-replaced':
      return state.phase === 'stopped' || state.phase === 'waiting'
        ? begin({ attempt: 0, refusals: 0, fresh: false }, [{ kind: 'stop-timers' }])
        : stay(state);
    case 'online':
      return state.phase === 'waiting'
        ? begin({ ...tries(state), attempt: 0 }, [{ kind: 'stop-timers' }])
        : stay(state);
    case 'token':
    case 'token-failed':
      return state.phase === 'token' ? token(state, input) : stay(state);
    case 'opened':
      return state.phase === 'opening'
        ? {
            state: { phase: 'authenticating', ...tries(state) },
            effects: [{ kind: 'send-connect', token: state.token }],
          }
        : stay(state);
    case 'connected':
      return state.phase === 'authenticating' ? connected(state, input.info) : stay(state);
    case 'refused':
      return state.phase === 'authenticating' ? refused(state, input) : stay(state);
    case 'ping':
      return state.phase === 'connected' ? { state, effects: [{ kind: 'send-pong', n: input.n }] } : stay(state);
    case 'disconnect':
      return disconnected(state, input);
    case 'timer':
      return timer(state, input.name);
  }
}

function tries({ attempt, refusals, fresh }: Tries): Tries {
  return { attempt, refusals, fresh };
}

function begin(with_: Tries, before: readonly ConnectionEffect[] = []): StepOf {
  return {
    state: { phase: 'token', ...with_ },
    effects: [...before, { kind: 'get-token', fresh: with_.fresh }],
  };
}

function close(state: ConnectionState): StepOf {
  const effects: ConnectionEffect[] = [{ kind: 'stop-timers' }];
  if (hasSocket(state)) effects.push({ kind: 'close-socket', code: 1000, reason: 'closed by the client' });
  if (state.phase === 'connected') effects.push({ kind: 'down', error: clientError('closed') });
  return { state: { phase: 'idle' }, effects };
}

function hasSocket(state: ConnectionState): boolean {
  return state.phase === 'opening' || state.phase === 'authenticating' || state.phase === 'connected';
}

function token(
  state: Extract<ConnectionState, { phase: 'token' }>,
  input: Extract<ConnectionInput, { kind: 'token' | 'token-failed' }>,
): StepOf {
  if (input.kind === 'token') {
    return {
      state: { phase: 'opening', token: input.token, ...tries(state) },
      effects: [{ kind: 'open' }, { kind: 'start-timer', name: 'handshake', delayMs: HUB_LIMITS.handshakeMs }],
    };
  }
  return input.error.temporary ? wait(state, input.error, tries(state), 0) : stop(state, input.error);
}

function connected(state: Tries, info: ConnectionInfo): StepOf {
  return {
    state: { phase: 'connected', info, attempt: state.attempt, refusals: 0, fresh: false },
    effects: [
      { kind: 'stop-timers' },
      { kind: 'start-timer', name: 'silence', delayMs: 2 * info.heartbeatMs },
      { kind: 'start-timer', name: 'stable', delayMs: STABLE_MS },
      { kind: 'up', info },
    ],
  };
}

const NEEDS_TOKEN: ReadonlySet<number> = new Set([
  HUB_ERRORS.tokenInvalid.code,
  HUB_ERRORS.tokenExpired.code,
  HUB_ERRORS.tokenForeign.code,
  HUB_ERRORS.tokenRevoked.code,
]);

function refused(state: ConnectionState & Tries, input: Extract<ConnectionInput, { kind: 'refused' }>): StepOf {
  const error = hubError(input);
  if (NEEDS_TOKEN.has(input.code)) return needToken(state, error, { atLeastMs: 0, canRefresh: input.canRefresh });
  if (!input.temporary) return stop(state, error);
  return {
    state: { phase: 'authenticating', refusal: error, ...tries(state) },
    effects: [{ kind: 'start-timer', name: 'handshake', delayMs: REFUSAL_MS }],
  };
}

function needToken(
  state: ConnectionState & Tries,
  error: HookswitchError,
  { atLeastMs, canRefresh }: { atLeastMs: number; canRefresh: boolean },
): StepOf {
  const refusals = state.phase === 'connected' ? 0 : state.refusals + 1;
  if (!canRefresh || refusals >= MAX_REFUSALS) return stop(state, error);
  return wait(state, error, { ...tries(state), refusals, fresh: true }, atLeastMs);
}

function disconnected(state: ConnectionState, input: Extract<ConnectionInput, { kind: 'disconnect' }>): StepOf {
  if (!hasSocket(state) || !('attempt' in state)) return stay(state);
  const what = afterDisconnect(input.code);
  if (what === 'stop') return stop(state, stopError(input.code, input.reason));
  const atLeastMs = input.retryAfterMs ?? 0;
  if (what === 'reconnect-with-new-token') {
    return needToken(state, tokenError(input.code, input.reason), { atLeastMs, canRefresh: input.canRefresh });
  }
  if (state.phase === 'authenticating' && state.refusal !== undefined) {
    return wait(state, state.refusal, tries(state), atLeastMs);
  }
  const why = input.reason === '' ? `code ${input.code}` : `${input.reason} (${input.code})`;
  const error = clientError('offline', { message: `the connection to the server was closed: ${why}` });
  return wait(state, error, tries(state), atLeastMs);
}

function timer(state: ConnectionState, name: ConnectionTimer): StepOf {
  if (name === 'backoff') return state.phase === 'waiting' ? begin(tries(state)) : stay(state);
  if (name === 'stable') {
    return state.phase === 'connected' ? stay({ ...state, attempt: 0 }) : stay(state);
  }
  const expected = name === 'silence' ? state.phase === 'connected' : hasSocket(state) && state.phase !== 'connected';
  if (!expected || !('attempt' in state)) return stay(state);
  const refusal = state.phase === 'authenticating' ? state.refusal : undefined;
  return wait(state, refusal ?? clientError('offline', { message: 'the server does not answer' }), tries(state), 0);
}

/** Everything that is open goes; the next try comes after a delay. */
function wait(state: ConnectionState, error: HookswitchError, next: Tries, atLeastMs: number): StepOf {
  return {
    state: { phase: 'waiting', error, ...next, attempt: next.attempt + 1 },
    effects: [...release(state, error), { kind: 'back-off', attempt: next.attempt, atLeastMs }],
  };
}

function stop(state: ConnectionState, error: HookswitchError): StepOf {
  return { state: { phase: 'stopped', error }, effects: release(state, error) };
}

function release(state: ConnectionState, error: HookswitchError): ConnectionEffect[] {
  const effects: ConnectionEffect[] = [{ kind: 'stop-timers' }];
  if (hasSocket(state)) effects.push({ kind: 'close-socket', ...GIVE_UP });
  if (state.phase === 'connected') effects.push({ kind: 'down', error });
  return effects;
}
