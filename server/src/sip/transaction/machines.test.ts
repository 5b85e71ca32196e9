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

const error = new Error('unreachable');
const udp = { timers: DEFAULT_TIMERS, reliable: false };
const tcp = { timers: DEFAULT_TIMERS, reliable: true };

const PROVISIONAL = [100, 180, 199] as const;
const SUCCESS = [200, 299] as const;
const FAILURE = [300, 486, 699] as const;
const STATUSES = [...PROVISIONAL, ...SUCCESS, ...FAILURE];

const responses = new Map(
  STATUSES.map((status) => [status, new SipResponse({ status, reason: '' }, new HeaderList())] as const),
);

function response(status: (typeof STATUSES)[number]): SipResponse {
  const known = responses.get(status);
  if (known === undefined) throw new Error(`no response ${status}`);
  return known;
}

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

interface AnyState {
  readonly name: string;
  readonly interval?: number;
  readonly last?: SipResponse | undefined;
}

/** States in short: `calling@1000` with the interval in force, `proceeding(180)` with the last response. */
function showState({ name, interval, last }: AnyState): string {
  return `${name}${interval === undefined ? '' : `@${interval}`}${last === undefined ? '' : `(${last.status})`}`;
}

/** The same row for several inputs; `#` stands for the status. */
function each(prefix: string, statuses: readonly number[], row: string): Record<string, string> {
  return Object.fromEntries(statuses.map((status) => [`${prefix}${status}`, row.replaceAll('#', String(status))]));
}

/** What a state makes of an input: next state and effects. */
type Rows<K extends string> = Readonly<Record<K, string>>;

/**
 * Every state times every input. A row says what comes of it; `ignored` names the inputs that must change nothing and
 * cause nothing. An input that neither names is a hole in the table, and fails.
 */
function check<S extends AnyState, I, E extends AnyEffect>(
  machine: Machine<S, I, E>,
  states: Readonly<Record<string, S>>,
  inputs: Readonly<Record<string, I>>,
  table: Readonly<Record<string, { readonly ignored: string } & Readonly<Record<string, string>>>>,
): void {
  it('the table has a row for every state and every input', () => {
    expect(Object.keys(table).sort()).toEqual(Object.keys(states).sort());
    for (const { ignored, ...rows } of Object.values(table)) {
      const named = [...Object.keys(rows), ...(ignored === '' ? [] : ignored.split(', '))];
      expect(named.sort()).toEqual(Object.keys(inputs).sort());
    }
  });
  for (const [stateName, state] of Object.entries(states)) {
    for (const [inputName, input] of Object.entries(inputs)) {
      const row = table[stateName]?.[inputName];
      it(`${stateName} + ${inputName} -> ${row ?? 'nothing'}`, () => {
        const before = JSON.stringify(state);
        const step = machine(state, input);
        expect([showState(step.state), ...step.effects.map(show)].join(', ')).toBe(row ?? showState(state));
        if (row === undefined) expect(step.state).toBe(state);
        expect(JSON.stringify(state)).toBe(before);
      });
    }
  }
}

/** Inputs for timers; the record has to name every timer of the machine. */
function timerInputs<T extends string>(timers: Rows<T>): Record<string, { kind: 'timer'; name: T }> {
  return Object.fromEntries(Object.keys(timers).map((name) => [name, { kind: 'timer', name: name as T }]));
}

/** All responses, as inputs of a client. */
const ALL = STATUSES.join(', ');
const ANSWERS = STATUSES.map((status) => `respond ${status}`).join(', ');

function clientInputs<T extends string>(timers: Rows<T>): Record<string, ClientInput<T>> {
  return {
    start: { kind: 'start' },
    ...Object.fromEntries(STATUSES.map((status) => [status, { kind: 'response', response: response(status) }])),
    error: { kind: 'transport-error', error },
    ...timerInputs(timers),
  };
}

function serverInputs<T extends string>(timers: Rows<T>): Record<string, ServerInput<T>> {
  return {
    start: { kind: 'start' },
    request: { kind: 'request' },
    ack: { kind: 'ack' },
    ...Object.fromEntries(
      STATUSES.map((status) => [`respond ${status}`, { kind: 'respond', response: response(status) }]),
    ),
    error: { kind: 'transport-error', error },
    ...timerInputs(timers),
  };
}

/** One example at least of every state; the record has to name them all. */
type Examples<S extends AnyState> = { readonly [N in S['name']]: S & { readonly name: N } } & Readonly<
  Record<string, S>
>;

const inviteClientStates: Examples<InviteClientState> = {
  initial: { name: 'initial' },
  calling: { name: 'calling', interval: 500 },
  'calling for long': { name: 'calling', interval: 16_000 },
  proceeding: { name: 'proceeding' },
  completed: { name: 'completed' },
  accepted: { name: 'accepted' },
  terminated: { name: 'terminated' },
};

const inviteClientInputs = clientInputs<InviteClientTimer>({ A: '', B: '', D: '', M: '' });

const callingRow = {
  ...each('', PROVISIONAL, 'proceeding, stop A, stop B, deliver #'),
  ...each('', SUCCESS, 'accepted, stop A, stop B, deliver #, start M 32000'),
  ...each('', FAILURE, 'completed, stop A, stop B, send-ack #, deliver #, start D 32000'),
  error: 'terminated, stop A, stop B, transport-error',
  B: 'terminated, stop A, timeout',
  ignored: 'start, D, M',
};

const inviteClientTable = {
  initial: { start: 'calling@500, send-request, start B 32000, start A 500', ignored: `${ALL}, error, A, B, D, M` },
  calling: { ...callingRow, A: 'calling@1000, send-request, start A 1000' },
  // Section 17.1.1.2: A has no cap; B ends it.
  'calling for long': { ...callingRow, A: 'calling@32000, send-request, start A 32000' },
  proceeding: {
    ...each('', PROVISIONAL, 'proceeding, deliver #'),
    ...each('', SUCCESS, 'accepted, deliver #, start M 32000'),
    ...each('', FAILURE, 'completed, send-ack #, deliver #, start D 32000'),
    ignored: 'start, error, A, B, D, M',
  },
  completed: {
    ...each('', FAILURE, 'completed, send-ack #'),
    error: 'terminated, stop D, transport-error',
    D: 'terminated',
    ignored: `start, ${[...PROVISIONAL, ...SUCCESS].join(', ')}, A, B, M`,
  },
  accepted: {
    ...each('', SUCCESS, 'accepted, deliver #'),
    M: 'terminated',
    ignored: `start, ${[...PROVISIONAL, ...FAILURE].join(', ')}, error, A, B, D`,
  },
  terminated: { ignored: `start, ${ALL}, error, A, B, D, M` },
};

describe('RFC 3261 section 17.1.1, RFC 6026 section 7.2: INVITE client over UDP', () => {
  check(inviteClientMachine(udp), inviteClientStates, inviteClientInputs, inviteClientTable);
});

describe('RFC 3261 section 17.1.1: INVITE client over a reliable transport: no A, D is zero', () => {
  const refused = each('', FAILURE, 'terminated, stop A, stop B, send-ack #, deliver #');
  check(inviteClientMachine(tcp), inviteClientStates, inviteClientInputs, {
    ...inviteClientTable,
    initial: { ...inviteClientTable.initial, start: 'calling@500, send-request, start B 32000' },
    calling: { ...inviteClientTable.calling, ...refused },
    'calling for long': { ...inviteClientTable['calling for long'], ...refused },
    proceeding: { ...inviteClientTable.proceeding, ...each('', FAILURE, 'terminated, send-ack #, deliver #') },
  });
});

const nonInviteClientStates: Examples<NonInviteClientState> = {
  initial: { name: 'initial' },
  trying: { name: 'trying', interval: 2000 },
  'trying at T2': { name: 'trying', interval: 4000 },
  proceeding: { name: 'proceeding' },
  completed: { name: 'completed' },
  terminated: { name: 'terminated' },
};

const nonInviteClientInputs = clientInputs<NonInviteClientTimer>({ E: '', F: '', K: '' });

const waitingRow = {
  ...each('', PROVISIONAL, 'proceeding, deliver #'),
  ...each('', [...SUCCESS, ...FAILURE], 'completed, stop E, stop F, deliver #, start K 5000'),
  error: 'terminated, stop E, stop F, transport-error',
  F: 'terminated, stop E, timeout',
  ignored: 'start, K',
};

const nonInviteClientTable = {
  initial: { start: 'trying@500, send-request, start F 32000, start E 500', ignored: `${ALL}, error, E, F, K` },
  trying: { ...waitingRow, E: 'trying@4000, send-request, start E 4000' },
  'trying at T2': { ...waitingRow, E: 'trying@4000, send-request, start E 4000' },
  proceeding: { ...waitingRow, E: 'proceeding, send-request, start E 4000' },
  completed: { K: 'terminated', ignored: `start, ${ALL}, error, E, F` },
  terminated: { ignored: `start, ${ALL}, error, E, F, K` },
};

describe('RFC 3261 section 17.1.2: non-INVITE client over UDP', () => {
  check(nonInviteClientMachine(udp), nonInviteClientStates, nonInviteClientInputs, nonInviteClientTable);
});

describe('RFC 3261 section 17.1.2: non-INVITE client over a reliable transport: no E, K is zero', () => {
  const over = each('', [...SUCCESS, ...FAILURE], 'terminated, stop E, stop F, deliver #');
  check(nonInviteClientMachine(tcp), nonInviteClientStates, nonInviteClientInputs, {
    ...nonInviteClientTable,
    initial: { ...nonInviteClientTable.initial, start: 'trying@500, send-request, start F 32000' },
    trying: { ...nonInviteClientTable.trying, ...over },
    'trying at T2': { ...nonInviteClientTable['trying at T2'], ...over },
    proceeding: { ...nonInviteClientTable.proceeding, ...over },
  });
});

const inviteServerStates: Examples<InviteServerState> = {
  initial: { name: 'initial' },
  proceeding: { name: 'proceeding', last: undefined },
  'proceeding after 180': { name: 'proceeding', last: response(180) },
  completed: { name: 'completed', last: response(486), interval: 500 },
  'completed at T2': { name: 'completed', last: response(486), interval: 4000 },
  confirmed: { name: 'confirmed' },
  accepted: { name: 'accepted' },
  terminated: { name: 'terminated' },
};

const inviteServerInputs = serverInputs<InviteServerTimer>({ trying: '', G: '', H: '', I: '', L: '' });

const proceedingRow = {
  ...each('respond ', PROVISIONAL, 'proceeding(#), stop trying, send #'),
  ...each('respond ', SUCCESS, 'accepted, stop trying, send #, start L 32000'),
  ...each('respond ', FAILURE, 'completed@500(#), stop trying, send #, start H 32000, start G 500'),
  ignored: 'start, ack, G, H, I, L',
};

const completedRow = {
  H: 'terminated, stop G, timeout',
  ack: 'confirmed, stop G, stop H, start I 5000',
  ignored: `start, ${ANSWERS}, trying, I, L`,
};

const inviteServerTable = {
  initial: {
    start: 'proceeding, start trying 200',
    ignored: `request, ack, ${ANSWERS}, error, trying, G, H, I, L`,
  },
  proceeding: {
    ...proceedingRow,
    request: 'proceeding, send-trying',
    error: 'proceeding, transport-error',
    trying: 'proceeding, send-trying',
  },
  'proceeding after 180': {
    ...proceedingRow,
    request: 'proceeding(180), send 180',
    error: 'proceeding(180), transport-error',
    trying: 'proceeding(180), send-trying',
  },
  completed: {
    ...completedRow,
    request: 'completed@500(486), send 486',
    error: 'completed@500(486), transport-error',
    G: 'completed@1000(486), send 486, start G 1000',
  },
  'completed at T2': {
    ...completedRow,
    request: 'completed@4000(486), send 486',
    error: 'completed@4000(486), transport-error',
    G: 'completed@4000(486), send 486, start G 4000',
  },
  confirmed: { I: 'terminated', ignored: `start, request, ack, ${ANSWERS}, error, trying, G, H, L` },
  accepted: {
    ...each('respond ', SUCCESS, 'accepted, send #'),
    ack: 'accepted, deliver-ack',
    error: 'accepted, transport-error',
    L: 'terminated',
    ignored: `start, request, ${[...PROVISIONAL, ...FAILURE].map((status) => `respond ${status}`).join(', ')}, trying, G, H, I`,
  },
  terminated: { ignored: `start, request, ack, ${ANSWERS}, error, trying, G, H, I, L` },
};

describe('RFC 3261 section 17.2.1, RFC 6026 section 7.1: INVITE server over UDP', () => {
  check(inviteServerMachine(udp), inviteServerStates, inviteServerInputs, inviteServerTable);
});

describe('RFC 3261 section 17.2.1: INVITE server over a reliable transport: no G, I is zero', () => {
  const refused = each('respond ', FAILURE, 'completed@500(#), stop trying, send #, start H 32000');
  const acked = { ack: 'terminated, stop G, stop H' };
  check(inviteServerMachine(tcp), inviteServerStates, inviteServerInputs, {
    ...inviteServerTable,
    proceeding: { ...inviteServerTable.proceeding, ...refused },
    'proceeding after 180': { ...inviteServerTable['proceeding after 180'], ...refused },
    completed: { ...inviteServerTable.completed, ...acked },
    'completed at T2': { ...inviteServerTable['completed at T2'], ...acked },
  });
});

const nonInviteServerStates: Examples<NonInviteServerState> = {
  initial: { name: 'initial' },
  trying: { name: 'trying' },
  proceeding: { name: 'proceeding', last: response(100) },
  completed: { name: 'completed', last: response(486) },
  terminated: { name: 'terminated' },
};

const nonInviteServerInputs = serverInputs<NonInviteServerTimer>({ J: '', unanswered: '' });

const openRow = {
  ...each('respond ', PROVISIONAL, 'proceeding(#), send #'),
  ...each('respond ', [...SUCCESS, ...FAILURE], 'completed(#), stop unanswered, send #, start J 32000'),
  unanswered: 'terminated',
};

const nonInviteServerTable = {
  initial: {
    start: 'trying, start unanswered 32000',
    ignored: `request, ack, ${ANSWERS}, error, J, unanswered`,
  },
  // Section 17.2.2: a retransmission in Trying is discarded.
  trying: { ...openRow, ignored: 'start, request, ack, error, J' },
  proceeding: {
    ...openRow,
    request: 'proceeding(100), send 100',
    error: 'terminated, stop J, stop unanswered, transport-error',
    ignored: 'start, ack, J',
  },
  completed: {
    request: 'completed(486), send 486',
    error: 'terminated, stop J, stop unanswered, transport-error',
    J: 'terminated',
    ignored: `start, ack, ${ANSWERS}, unanswered`,
  },
  terminated: { ignored: `start, request, ack, ${ANSWERS}, error, J, unanswered` },
};

describe('RFC 3261 section 17.2.2: non-INVITE server over UDP', () => {
  check(nonInviteServerMachine(udp), nonInviteServerStates, nonInviteServerInputs, nonInviteServerTable);
});

describe('RFC 3261 section 17.2.2: non-INVITE server over a reliable transport: J is zero', () => {
  const over = each('respond ', [...SUCCESS, ...FAILURE], 'terminated, stop unanswered, send #');
  check(nonInviteServerMachine(tcp), nonInviteServerStates, nonInviteServerInputs, {
    ...nonInviteServerTable,
    trying: { ...nonInviteServerTable.trying, ...over },
    proceeding: { ...nonInviteServerTable.proceeding, ...over },
  });
});
