import { DISCONNECTS, HUB_ERRORS } from '@hookswitch/shared';
import type { ClientFrame, DisconnectName, Grants, HubErrorName, ServerFrame } from '@hookswitch/shared';
import type { Step, TimerEffect } from '../kernel/index.ts';
import type { SubscribeAllFrame } from './ports.ts';

/** What a connection's machine has to know; the same for every connection of a gateway. Times in milliseconds. */
export interface ConnectionRules {
  readonly node: string;
  readonly heartbeatMs: number;
  readonly handshakeMs: number;
  /** How long before expiry the client is told (default of the gateway: 60 000). */
  readonly expiryWarningMs: number;
  /** How long a client may take to close its side. */
  readonly closingMs: number;
  /** Frames that could not be understood, after which the connection is closed. */
  readonly maxBadFrames: number;
}

/**
 *     awaiting-connect --connect, token good--> active --refresh--> active
 *            |                                     |
 *            +--refused, timeout, bad protocol-----+--expired, silent, slow, shutdown--> closing --> closed
 *
 * A transport that closes by itself leads to `closed` from everywhere.
 */
export type ConnectionState =
  | { readonly name: 'awaiting-connect'; readonly connection: string; readonly badFrames: number }
  | {
      readonly name: 'active';
      readonly connection: string;
      readonly badFrames: number;
      readonly grants: Grants;
      /** Monotonic; any frame counts. */
      readonly lastHeard: number;
      readonly heartbeatDue: number;
    }
  | { readonly name: 'closing' }
  | { readonly name: 'closed' };

export type ConnectionTimer = 'handshake' | 'heartbeat' | 'expiry-warning' | 'expiry' | 'closing';

/** Commands that the machine leaves to command objects. */
export type Command =
  | Extract<ClientFrame, { type: 'subscribe' | 'unsubscribe' | 'publish' | 'presence' | 'extension' }>
  | SubscribeAllFrame;

/** `at` is monotonic time, `now` wall-clock time. */
export type ConnectionInput =
  | { readonly kind: 'opened' }
  | { readonly kind: 'frame'; readonly frame: ClientFrame | SubscribeAllFrame; readonly at: number }
  | {
      readonly kind: 'bad-frame';
      readonly error: HubErrorName;
      readonly message: string;
      readonly id: number | undefined;
      readonly fatal: boolean;
      readonly at: number;
    }
  | {
      readonly kind: 'authenticated';
      readonly id: number;
      readonly purpose: AuthenticationPurpose;
      readonly grants: Grants;
      readonly at: number;
      readonly now: number;
    }
  | {
      readonly kind: 'refused';
      readonly id: number;
      readonly purpose: AuthenticationPurpose;
      readonly error: HubErrorName;
      readonly message: string;
    }
  | { readonly kind: 'timer'; readonly name: ConnectionTimer; readonly at: number; readonly now: number }
  | { readonly kind: 'disconnect'; readonly name: DisconnectName; readonly retryAfterMs?: number }
  | { readonly kind: 'transport-closed'; readonly reason: string };

export type AuthenticationPurpose = 'connect' | 'refresh';

export type ConnectionEffect =
  | TimerEffect<ConnectionTimer>
  | { readonly kind: 'send'; readonly frame: ServerFrame }
  | {
      readonly kind: 'authenticate';
      readonly id: number;
      readonly token: string;
      readonly purpose: AuthenticationPurpose;
    }
  /** The client is who it says: from now on commands may run. */
  | { readonly kind: 'activate'; readonly grants: Grants }
  | { readonly kind: 'grants-changed'; readonly grants: Grants }
  | { readonly kind: 'run'; readonly command: Command }
  | { readonly kind: 'close-transport'; readonly code: number; readonly reason: string }
  | { readonly kind: 'terminate-transport' }
  /** Everything held for the client ends: subscriptions, queues, extensions. Once. */
  | { readonly kind: 'release'; readonly reason: string };

type Result = Step<ConnectionState, ConnectionEffect>;
type Open = Extract<ConnectionState, { name: 'awaiting-connect' | 'active' }>;

/** Client commands that were refused at connecting: how the connection ends. */
const AFTER_REFUSAL: Partial<Record<HubErrorName, DisconnectName>> = {
  tokenInvalid: 'tokenInvalid',
  tokenForeign: 'tokenInvalid',
  tokenExpired: 'tokenExpired',
  tokenRevoked: 'tokenRevoked',
  accountInactive: 'accountInactive',
};
const ALL_TIMERS: readonly ConnectionTimer[] = ['handshake', 'heartbeat', 'expiry-warning', 'expiry'];

/** The machine of one client connection, whatever its transport. */
export function connectionMachine(rules: ConnectionRules) {
  return function step(state: ConnectionState, input: ConnectionInput): Result {
    if (state.name === 'closed') return { state, effects: [] };
    if (input.kind === 'transport-closed') return closed(state, input.reason);
    if (state.name === 'closing') {
      const gaveUp = input.kind === 'timer' && input.name === 'closing';
      return { state, effects: gaveUp ? [{ kind: 'terminate-transport' }] : [] };
    }
    switch (input.kind) {
      case 'opened':
        return { state, effects: [{ kind: 'start-timer', name: 'handshake', delayMs: rules.handshakeMs }] };
      case 'frame':
        return onFrame(heard(state, input.at), input.frame);
      case 'bad-frame':
        return onBadFrame(rules, heard(state, input.at), input);
      case 'authenticated':
        return input.purpose === 'connect' ? onConnected(rules, state, input) : onRefreshed(rules, state, input);
      case 'refused':
        return onRefused(rules, state, input);
      case 'timer':
        return onTimer(rules, state, input);
      case 'disconnect':
        return disconnect(rules, input.name, input.retryAfterMs);
    }
  };
}

function heard(state: Open, at: number): Open {
  return state.name === 'active' ? { ...state, lastHeard: at } : state;
}

function onFrame(state: Open, frame: ClientFrame | SubscribeAllFrame): Result {
  if (frame.type === 'pong') return { state, effects: [] };
  if (frame.type === 'ping') return { state, effects: [send({ type: 'pong', id: frame.id })] };
  if (frame.type === 'connect') {
    if (state.name === 'active') return { state, effects: [errorFrame('alreadyConnected', frame.id)] };
    return { state, effects: [{ kind: 'authenticate', id: frame.id, token: frame.token, purpose: 'connect' }] };
  }
  if (state.name !== 'active') return { state, effects: [errorFrame('notConnected', frame.id)] };
  if (frame.type === 'refresh') {
    return { state, effects: [{ kind: 'authenticate', id: frame.id, token: frame.token, purpose: 'refresh' }] };
  }
  return { state, effects: [{ kind: 'run', command: frame }] };
}

function onBadFrame(
  rules: ConnectionRules,
  state: Open,
  input: Extract<ConnectionInput, { kind: 'bad-frame' }>,
): Result {
  const answer = errorFrame(input.error, input.id, input.message);
  const badFrames = state.badFrames + 1;
  if (!input.fatal && badFrames < rules.maxBadFrames) return { state: { ...state, badFrames }, effects: [answer] };
  const end = disconnect(rules, 'badProtocol');
  return { state: end.state, effects: [answer, ...end.effects] };
}

function onConnected(
  rules: ConnectionRules,
  state: Open,
  input: Extract<ConnectionInput, { kind: 'authenticated' }>,
): Result {
  if (state.name === 'active') return { state, effects: [errorFrame('alreadyConnected', input.id)] };
  const { grants, at } = input;
  const { connection, badFrames } = state;
  return {
    state: { name: 'active', connection, badFrames, grants, lastHeard: at, heartbeatDue: at + rules.heartbeatMs },
    effects: [
      { kind: 'stop-timer', name: 'handshake' },
      { kind: 'start-timer', name: 'heartbeat', delayMs: rules.heartbeatMs },
      ...expiryTimers(rules, grants, input.now),
      { kind: 'activate', grants },
      send({
        type: 'connected',
        id: input.id,
        connection,
        node: rules.node,
        accountSid: grants.accountSid,
        ...(grants.identity === undefined ? {} : { identity: grants.identity }),
        heartbeatMs: rules.heartbeatMs,
        expiresAt: grants.expiresAt,
      }),
    ],
  };
}

function onRefreshed(
  rules: ConnectionRules,
  state: Open,
  input: Extract<ConnectionInput, { kind: 'authenticated' }>,
): Result {
  if (state.name !== 'active') return { state, effects: [errorFrame('notConnected', input.id)] };
  const { grants } = input;
  if (grants.accountSid !== state.grants.accountSid || grants.identity !== state.grants.identity) {
    return { state, effects: [errorFrame('tokenForeign', input.id)] };
  }
  return {
    state: { ...state, grants },
    effects: [
      ...expiryTimers(rules, grants, input.now),
      { kind: 'grants-changed', grants },
      send({ type: 'refreshed', id: input.id, expiresAt: grants.expiresAt }),
    ],
  };
}

/** A refused refresh leaves the old token in force; a refused connect ends the connection. */
function onRefused(rules: ConnectionRules, state: Open, input: Extract<ConnectionInput, { kind: 'refused' }>): Result {
  const answer = errorFrame(input.error, input.id, input.message);
  if (input.purpose === 'refresh' || state.name === 'active') return { state, effects: [answer] };
  const end = disconnect(rules, AFTER_REFUSAL[input.error] ?? 'serverError');
  return { state: end.state, effects: [answer, ...end.effects] };
}

function onTimer(rules: ConnectionRules, state: Open, input: Extract<ConnectionInput, { kind: 'timer' }>): Result {
  if (input.name === 'handshake' && state.name === 'awaiting-connect') return disconnect(rules, 'handshakeTimeout');
  if (state.name !== 'active') return { state, effects: [] };
  switch (input.name) {
    case 'heartbeat':
      return onHeartbeat(rules, state, input.at);
    case 'expiry-warning':
      return {
        state,
        effects: [
          send({ type: 'token-will-expire', expiresAt: state.grants.expiresAt }),
          { kind: 'start-timer', name: 'expiry', delayMs: state.grants.expiresAt - input.now },
        ],
      };
    case 'expiry':
      // The wall clock may have been set back meanwhile: then the token has still time.
      if (input.now < state.grants.expiresAt) return { state, effects: expiryTimers(rules, state.grants, input.now) };
      return disconnect(rules, 'tokenExpired');
    case 'handshake':
    case 'closing':
      return { state, effects: [] };
  }
}

/**
 * Silence is judged only when this process was on time itself: after a stall of its own the pongs may be waiting unread,
 * and closing every connection at once would bring them all back at once.
 */
function onHeartbeat(rules: ConnectionRules, state: Extract<Open, { name: 'active' }>, at: number): Result {
  const late = at - state.heartbeatDue > rules.heartbeatMs / 4;
  if (!late && at - state.lastHeard >= 2 * rules.heartbeatMs) return disconnect(rules, 'heartbeat');
  return {
    state: { ...state, heartbeatDue: at + rules.heartbeatMs },
    effects: [send({ type: 'ping' }), { kind: 'start-timer', name: 'heartbeat', delayMs: rules.heartbeatMs }],
  };
}

function expiryTimers(rules: ConnectionRules, grants: Grants, now: number): ConnectionEffect[] {
  const left = grants.expiresAt - now;
  // One timer at a time: the warning starts the other, for there are very many connections.
  return left > rules.expiryWarningMs
    ? [
        { kind: 'start-timer', name: 'expiry-warning', delayMs: left - rules.expiryWarningMs },
        { kind: 'stop-timer', name: 'expiry' },
      ]
    : [
        { kind: 'stop-timer', name: 'expiry-warning' },
        { kind: 'start-timer', name: 'expiry', delayMs: left },
      ];
}

function disconnect(rules: ConnectionRules, name: DisconnectName, retryAfterMs?: number): Result {
  const { code, reason } = DISCONNECTS[name];
  return {
    state: { name: 'closing' },
    effects: [
      ...stopTimers(),
      { kind: 'release', reason: name },
      send({ type: 'disconnect', code, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }),
      { kind: 'close-transport', code, reason },
      { kind: 'start-timer', name: 'closing', delayMs: rules.closingMs },
    ],
  };
}

function closed(state: ConnectionState, reason: string): Result {
  const release: ConnectionEffect[] = state.name === 'closing' ? [] : [{ kind: 'release', reason }];
  return { state: { name: 'closed' }, effects: [...stopTimers(), { kind: 'stop-timer', name: 'closing' }, ...release] };
}

const stopTimers = (): ConnectionEffect[] => ALL_TIMERS.map((name) => ({ kind: 'stop-timer', name }));
const send = (frame: ServerFrame): ConnectionEffect => ({ kind: 'send', frame });

/** An `error` frame from the table. */
export function errorOf(
  error: HubErrorName,
  id: number | undefined,
  message?: string,
): Extract<ServerFrame, { type: 'error' }> {
  const row = HUB_ERRORS[error];
  return {
    type: 'error',
    ...(id === undefined ? {} : { id }),
    code: row.code,
    name: error,
    message: message ?? row.message,
    temporary: row.temporary,
  };
}

function errorFrame(error: HubErrorName, id: number | undefined, message?: string): ConnectionEffect {
  return send(errorOf(error, id, message));
}
