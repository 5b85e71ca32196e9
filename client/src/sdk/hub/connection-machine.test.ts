import { DISCONNECTS, HUB_ERRORS } from '@hookswitch/shared';
import { describe, expect, it } from 'vitest';
import { clientError } from '../kit/index.ts';
import { stepConnection } from './connection-machine.ts';
import type { ConnectionInfo, ConnectionInput, ConnectionState } from './connection-machine.ts';

const tries = { attempt: 0, refusals: 0, fresh: false };
const info: ConnectionInfo = {
  connection: 'c',
  node: 'n',
  accountSid: 'AC',
  identity: undefined,
  heartbeatMs: 1000,
  expiresAt: 0,
};
const offline = clientError('offline');
const idle: ConnectionState = { phase: 'idle' };
const token: ConnectionState = { phase: 'token', ...tries };
const opening: ConnectionState = { phase: 'opening', token: 't', ...tries };
const authenticating: ConnectionState = { phase: 'authenticating', ...tries };
const refusedForNow: ConnectionState = { ...authenticating, refusal: offline };
const connected: ConnectionState = { phase: 'connected', info, ...tries };
const waiting: ConnectionState = { phase: 'waiting', error: offline, ...tries, attempt: 3 };
const stopped: ConnectionState = { phase: 'stopped', error: offline };
const ALL = [idle, token, opening, authenticating, connected, waiting, stopped];

const closedWith = (code: number, canRefresh = true): ConnectionInput => ({
  kind: 'disconnect',
  code,
  reason: 'why',
  canRefresh,
});
const refused = (name: keyof typeof HUB_ERRORS, canRefresh = true): ConnectionInput => ({
  kind: 'refused',
  ...HUB_ERRORS[name],
  canRefresh,
});

const rows: [ConnectionState, ConnectionInput, string, string[]][] = [
  [idle, { kind: 'connect' }, 'token', ['get-token']],
  [stopped, { kind: 'connect' }, 'token', ['get-token']],
  [token, { kind: 'token', token: 't' }, 'opening', ['open', 'start-timer']],
  [token, { kind: 'token-failed', error: clientError('tokenProviderFailed') }, 'waiting', ['stop-timers', 'back-off']],
  [token, { kind: 'token-failed', error: clientError('tokenExpired') }, 'stopped', ['stop-timers']],
  [opening, { kind: 'opened' }, 'authenticating', ['send-connect']],
  [opening, { kind: 'timer', name: 'handshake' }, 'waiting', ['stop-timers', 'close-socket', 'back-off']],
  [opening, closedWith(1006), 'waiting', ['stop-timers', 'close-socket', 'back-off']],
  [authenticating, { kind: 'connected', info }, 'connected', ['stop-timers', 'start-timer', 'start-timer', 'up']],
  [authenticating, refused('tokenExpired'), 'waiting', ['stop-timers', 'close-socket', 'back-off']],
  [authenticating, refused('tokenExpired', false), 'stopped', ['stop-timers', 'close-socket']],
  [authenticating, refused('tokenRevoked'), 'waiting', ['stop-timers', 'close-socket', 'back-off']],
  [authenticating, refused('unavailable'), 'authenticating', ['start-timer']],
  [refusedForNow, { kind: 'timer', name: 'handshake' }, 'waiting', ['stop-timers', 'close-socket', 'back-off']],
  [refusedForNow, closedWith(4005), 'waiting', ['stop-timers', 'close-socket', 'back-off']],
  [authenticating, refused('accountInactive'), 'stopped', ['stop-timers', 'close-socket']],
  [connected, { kind: 'ping' }, 'connected', ['send-pong']],
  [connected, { kind: 'timer', name: 'silence' }, 'waiting', ['stop-timers', 'close-socket', 'down', 'back-off']],
  [connected, { kind: 'close' }, 'idle', ['stop-timers', 'close-socket', 'down']],
  [waiting, { kind: 'timer', name: 'backoff' }, 'token', ['get-token']],
  [waiting, { kind: 'online' }, 'token', ['stop-timers', 'get-token']],
  [waiting, { kind: 'token-replaced' }, 'token', ['stop-timers', 'get-token']],
  [stopped, { kind: 'token-replaced' }, 'token', ['stop-timers', 'get-token']],
  [waiting, { kind: 'close' }, 'idle', ['stop-timers']],
];

describe('connection machine', () => {
  it.each(rows)('%o + %o -> %s', (state, input, phase, effects) => {
    const next = stepConnection(state, input);
    expect(next.state.phase).toBe(phase);
    expect(next.effects.map(({ kind }) => kind)).toEqual(effects);
  });

  it('every input in a state that does not expect it changes nothing', () => {
    const expected = new Set(rows.map(([state, input]) => `${state.phase} ${input.kind}`));
    const inputs: ConnectionInput[] = [
      { kind: 'connect' },
      { kind: 'token', token: 't' },
      { kind: 'opened' },
      { kind: 'connected', info },
      refused('tokenExpired'),
      { kind: 'ping' },
      { kind: 'online' },
    ];
    for (const state of ALL) {
      for (const input of inputs) {
        if (expected.has(`${state.phase} ${input.kind}`)) continue;
        expect(stepConnection(state, input), `${state.phase} ${input.kind}`).toEqual({ state, effects: [] });
      }
    }
  });

  it.each(Object.values(DISCONNECTS))('close code $code ($reason) is handled by its range', ({ code }) => {
    const { state } = stepConnection(connected, closedWith(code));
    if (code >= 4200) expect(state.phase).toBe('stopped');
    else expect(state).toMatchObject({ phase: 'waiting', fresh: code >= 4100 });
    const withoutProvider = stepConnection(connected, closedWith(code, false)).state.phase;
    expect(withoutProvider).toBe(code >= 4100 ? 'stopped' : 'waiting');
  });

  it('waits at least as long as the server asks for, and longer after each failure', () => {
    const first = stepConnection(connected, {
      kind: 'disconnect',
      code: 4000,
      reason: '',
      retryAfterMs: 900,
      canRefresh: true,
    });
    expect(first.effects.at(-1)).toEqual({ kind: 'back-off', attempt: 0, atLeastMs: 900 });
    const later = { kind: 'disconnect', code: 4005, reason: '', retryAfterMs: 700, canRefresh: true } as const;
    const refusedFirst = stepConnection(stepConnection(authenticating, refused('limitExceeded')).state, later);
    expect(refusedFirst.effects.at(-1)).toEqual({ kind: 'back-off', attempt: 0, atLeastMs: 700 });
    expect(refusedFirst.state).toMatchObject({ error: { name: 'limitExceeded' } });
    const again = stepConnection({ ...opening, attempt: 4 }, closedWith(1006));
    expect(again.effects.at(-1)).toMatchObject({ kind: 'back-off', attempt: 4 });
    expect(again.state).toMatchObject({ attempt: 5 });
  });

  it('a connection that did not last counts as a failure, one that did forgets earlier ones', () => {
    const flapping: ConnectionState = { ...connected, attempt: 4 };
    expect(stepConnection(flapping, closedWith(4000)).effects.at(-1)).toMatchObject({ attempt: 4 });
    const stable = stepConnection(flapping, { kind: 'timer', name: 'stable' }).state;
    expect(stepConnection(stable, closedWith(4000)).effects.at(-1)).toMatchObject({ attempt: 0 });
  });

  it('gives up when new tokens are refused again and again', () => {
    let state: ConnectionState = authenticating;
    const phases: string[] = [];
    for (let i = 0; i < 3; i++) {
      state = stepConnection(state, refused('tokenInvalid')).state;
      phases.push(state.phase);
      if (state.phase === 'waiting') state = { ...state, phase: 'authenticating' };
    }
    expect(phases).toEqual(['waiting', 'waiting', 'stopped']);
    expect(state).toMatchObject({ error: { name: 'tokenInvalid' } });
  });
});
