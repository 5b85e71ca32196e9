import { describe, expect, it } from 'vitest';
import type { Machine } from '../../kernel/index.ts';
import { HeaderList, SipResponse } from '../message/index.ts';
import { inviteClientMachine } from './invite-client.ts';
import type { ClientInput, InviteClientState, InviteClientTimer } from './invite-client.ts';
import { inviteServerMachine } from './invite-server.ts';
import type { InviteServerState, InviteServerTimer, ServerInput } from './invite-server.ts';
import { nonInviteClientMachine } from './non-invite-client.ts';
import type { NonInviteClientState, NonInviteClientTimer } from './non-invite-client.ts';
import { nonInviteServerMachine } from './non-invite-server.ts';
import type { NonInviteServerState, NonInviteServerTimer } from './non-invite-server.ts';
import { DEFAULT_TIMERS } from './timers.ts';

const response = (status: number): SipResponse => new SipResponse({ status, reason: '' }, new HeaderList());
const r180 = response(180);
const r200 = response(200);
const r486 = response(486);
const error = new Error('unreachable');
const udp = { timers: DEFAULT_TIMERS, reliable: false };
const tcp = { timers: DEFAULT_TIMERS, reliable: true };

interface AnyEffect {
  readonly kind: string;
  readonly name?: string;
  readonly delayMs?: number;
  readonly response?: SipResponse;
}

/** Effects in short: `start A 500`, `stop A`, `send 180`. */
function show(effect: AnyEffect): string {
  if (effect.kind === 'start-timer') return `start ${effect.name} ${effect.delayMs}`;
  if (effect.kind === 'stop-timer') return `stop ${effect.name}`;
  return effect.response === undefined ? effect.kind : `${effect.kind} ${effect.response.status}`;
}

/** What each state makes of each input: next state and effects; what is not listed must change nothing. */
function check<S extends { readonly name: string }, I, E extends AnyEffect>(
  machine: Machine<S, I, E>,
  states: Record<string, S>,
  inputs: Record<string, I>,
  rows: Record<string, Record<string, string>>,
): void {
  for (const [stateName, state] of Object.entries(states)) {
    for (const [inputName, input] of Object.entries(inputs)) {
      const row = rows[stateName]?.[inputName];
      it(`${stateName} + ${inputName} -> ${row ?? 'nothing'}`, () => {
        const before = JSON.stringify(state);
        const step = machine(state, input);
        expect([step.state.name, ...step.effects.map(show)].join(', ')).toBe(row ?? state.name);
        if (row === undefined) expect(step.state).toBe(state);
        expect(JSON.stringify(state)).toBe(before);
      });
    }
  }
}

const clientInputs = <T extends string>(timers: readonly T[]): Record<string, ClientInput<T>> => ({
  start: { kind: 'start' },
  '180': { kind: 'response', response: r180 },
  '200': { kind: 'response', response: r200 },
  '486': { kind: 'response', response: r486 },
  error: { kind: 'transport-error', error },
  ...Object.fromEntries(timers.map((name) => [name, { kind: 'timer', name }])),
});

const serverInputs = <T extends string>(timers: readonly T[]): Record<string, ServerInput<T>> => ({
  start: { kind: 'start' },
  request: { kind: 'request' },
  ack: { kind: 'ack' },
  'respond 180': { kind: 'respond', response: r180 },
  'respond 200': { kind: 'respond', response: r200 },
  'respond 486': { kind: 'respond', response: r486 },
  error: { kind: 'transport-error', error },
  ...Object.fromEntries(timers.map((name) => [name, { kind: 'timer', name }])),
});

const inviteClientStates: Record<string, InviteClientState> = {
  initial: { name: 'initial' },
  calling: { name: 'calling', interval: 500 },
  proceeding: { name: 'proceeding' },
  completed: { name: 'completed' },
  accepted: { name: 'accepted' },
  terminated: { name: 'terminated' },
};

const inviteClientInputs = clientInputs<InviteClientTimer>(['A', 'B', 'D', 'M']);

const inviteClientRows = {
  initial: { start: 'calling, send-request, start B 32000, start A 500' },
  calling: {
    '180': 'proceeding, stop A, stop B, deliver 180',
    '200': 'accepted, stop A, stop B, deliver 200, start M 32000',
    '486': 'completed, stop A, stop B, send-ack 486, deliver 486, start D 32000',
    error: 'terminated, stop A, stop B, transport-error',
    A: 'calling, send-request, start A 1000',
    B: 'terminated, stop A, timeout',
  },
  proceeding: {
    '180': 'proceeding, deliver 180',
    '200': 'accepted, deliver 200, start M 32000',
    '486': 'completed, send-ack 486, deliver 486, start D 32000',
  },
  completed: {
    '486': 'completed, send-ack 486',
    error: 'terminated, stop D, transport-error',
    D: 'terminated',
  },
  accepted: { '200': 'accepted, deliver 200', M: 'terminated' },
};

describe('RFC 3261 section 17.1.1, RFC 6026 section 7.2: INVITE client over UDP', () => {
  check(inviteClientMachine(udp), inviteClientStates, inviteClientInputs, inviteClientRows);
});

describe('RFC 3261 section 17.1.1: INVITE client over a reliable transport', () => {
  check(inviteClientMachine(tcp), inviteClientStates, inviteClientInputs, {
    ...inviteClientRows,
    initial: { start: 'calling, send-request, start B 32000' },
    calling: { ...inviteClientRows.calling, '486': 'terminated, stop A, stop B, send-ack 486, deliver 486' },
    proceeding: { ...inviteClientRows.proceeding, '486': 'terminated, send-ack 486, deliver 486' },
  });
});

const nonInviteClientStates: Record<string, NonInviteClientState> = {
  initial: { name: 'initial' },
  trying: { name: 'trying', interval: 2000 },
  'trying at T2': { name: 'trying', interval: 4000 },
  proceeding: { name: 'proceeding' },
  completed: { name: 'completed' },
  terminated: { name: 'terminated' },
};

const nonInviteClientInputs = clientInputs<NonInviteClientTimer>(['E', 'F', 'K']);

const waitingRow = {
  '180': 'proceeding, deliver 180',
  '200': 'completed, stop E, stop F, deliver 200, start K 5000',
  '486': 'completed, stop E, stop F, deliver 486, start K 5000',
  error: 'terminated, stop E, stop F, transport-error',
  F: 'terminated, stop E, timeout',
};

const nonInviteClientRows = {
  initial: { start: 'trying, send-request, start F 32000, start E 500' },
  trying: { ...waitingRow, E: 'trying, send-request, start E 4000' },
  'trying at T2': { ...waitingRow, E: 'trying, send-request, start E 4000' },
  proceeding: { ...waitingRow, E: 'proceeding, send-request, start E 4000' },
  completed: { K: 'terminated' },
};

describe('RFC 3261 section 17.1.2: non-INVITE client over UDP', () => {
  check(nonInviteClientMachine(udp), nonInviteClientStates, nonInviteClientInputs, nonInviteClientRows);
});

describe('RFC 3261 section 17.1.2: non-INVITE client over a reliable transport', () => {
  const over = { '200': 'terminated, stop E, stop F, deliver 200', '486': 'terminated, stop E, stop F, deliver 486' };
  check(nonInviteClientMachine(tcp), nonInviteClientStates, nonInviteClientInputs, {
    ...nonInviteClientRows,
    initial: { start: 'trying, send-request, start F 32000' },
    trying: { ...nonInviteClientRows.trying, ...over },
    'trying at T2': { ...nonInviteClientRows['trying at T2'], ...over },
    proceeding: { ...nonInviteClientRows.proceeding, ...over },
  });
});

const inviteServerStates: Record<string, InviteServerState> = {
  initial: { name: 'initial' },
  proceeding: { name: 'proceeding', last: undefined },
  'proceeding after 180': { name: 'proceeding', last: r180 },
  completed: { name: 'completed', last: r486, interval: 500 },
  'completed at T2': { name: 'completed', last: r486, interval: 4000 },
  confirmed: { name: 'confirmed' },
  accepted: { name: 'accepted' },
  terminated: { name: 'terminated' },
};

const inviteServerInputs = serverInputs<InviteServerTimer>(['trying', 'G', 'H', 'I', 'L']);

const proceedingRow = {
  'respond 180': 'proceeding, stop trying, send 180',
  'respond 200': 'accepted, stop trying, send 200, start L 32000',
  'respond 486': 'completed, stop trying, send 486, start H 32000, start G 500',
  error: 'proceeding, transport-error',
  trying: 'proceeding, send-trying',
};

const completedRow = {
  request: 'completed, send 486',
  ack: 'confirmed, stop G, stop H, start I 5000',
  error: 'completed, transport-error',
  G: 'completed, send 486, start G 1000',
  H: 'terminated, stop G, timeout',
};

const inviteServerRows = {
  initial: { start: 'proceeding, start trying 200', error: 'initial, transport-error' },
  proceeding: { ...proceedingRow, request: 'proceeding, send-trying' },
  'proceeding after 180': { ...proceedingRow, request: 'proceeding, send 180' },
  completed: completedRow,
  'completed at T2': { ...completedRow, G: 'completed, send 486, start G 4000' },
  confirmed: { I: 'terminated', error: 'confirmed, transport-error' },
  accepted: {
    'respond 200': 'accepted, send 200',
    ack: 'accepted, deliver-ack',
    error: 'accepted, transport-error',
    L: 'terminated',
  },
};

describe('RFC 3261 section 17.2.1, RFC 6026 section 7.1: INVITE server over UDP', () => {
  check(inviteServerMachine(udp), inviteServerStates, inviteServerInputs, inviteServerRows);
});

describe('RFC 3261 section 17.2.1: INVITE server over a reliable transport', () => {
  const refused = { 'respond 486': 'completed, stop trying, send 486, start H 32000' };
  const acked = { ack: 'terminated, stop G, stop H' };
  check(inviteServerMachine(tcp), inviteServerStates, inviteServerInputs, {
    ...inviteServerRows,
    proceeding: { ...inviteServerRows.proceeding, ...refused },
    'proceeding after 180': { ...inviteServerRows['proceeding after 180'], ...refused },
    completed: { ...inviteServerRows.completed, ...acked },
    'completed at T2': { ...inviteServerRows['completed at T2'], ...acked },
  });
});

const nonInviteServerStates: Record<string, NonInviteServerState> = {
  initial: { name: 'initial' },
  trying: { name: 'trying' },
  proceeding: { name: 'proceeding', last: r180 },
  completed: { name: 'completed', last: r486 },
  terminated: { name: 'terminated' },
};

const nonInviteServerInputs = serverInputs<NonInviteServerTimer>(['J']);

const openRow = {
  'respond 180': 'proceeding, send 180',
  'respond 200': 'completed, send 200, start J 32000',
  'respond 486': 'completed, send 486, start J 32000',
};

const nonInviteServerRows = {
  initial: { start: 'trying' },
  trying: openRow,
  proceeding: { ...openRow, request: 'proceeding, send 180', error: 'terminated, stop J, transport-error' },
  completed: { request: 'completed, send 486', error: 'terminated, stop J, transport-error', J: 'terminated' },
};

describe('RFC 3261 section 17.2.2: non-INVITE server over UDP', () => {
  check(nonInviteServerMachine(udp), nonInviteServerStates, nonInviteServerInputs, nonInviteServerRows);
});

describe('RFC 3261 section 17.2.2: non-INVITE server over a reliable transport', () => {
  const over = { 'respond 200': 'terminated, send 200', 'respond 486': 'terminated, send 486' };
  check(nonInviteServerMachine(tcp), nonInviteServerStates, nonInviteServerInputs, {
    ...nonInviteServerRows,
    trying: { ...nonInviteServerRows.trying, ...over },
    proceeding: { ...nonInviteServerRows.proceeding, ...over },
  });
});
