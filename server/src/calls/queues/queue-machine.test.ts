import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QueueEffect, QueueInput } from './queue-io.ts';
import { averageWait, stepQueue } from './queue-machine.ts';
import type { QueueState } from './queue-machine.ts';

const EMPTY: QueueState = { sid: 'QU1', accountSid: 'AC1', name: 'help', maxSize: 5, members: [], agents: [] };

function run(inputs: readonly QueueInput[], from = EMPTY): { state: QueueState; effects: QueueEffect[] } {
  let state = from;
  const effects: QueueEffect[] = [];
  for (const [at, input] of inputs.entries()) {
    const step = stepQueue(state, input, 1000 * at);
    state = step.state;
    effects.push(...step.effects);
  }
  return { state, effects };
}

const party = (callSid: string, node = 'a') => ({ callSid, node });
const enqueue = (callSid: string, priority = 0, since = 0): QueueInput => ({
  kind: 'enqueue',
  party: party(callSid),
  priority,
  maxSize: undefined,
  since,
});
const dial = (callSid: string): QueueInput => ({ kind: 'dial', party: party(callSid), whisper: undefined });

/** `given M2 to A1` for each member that was given to an agent. */
function given(effects: readonly QueueEffect[]): string[] {
  return effects.flatMap((effect) =>
    effect.kind === 'tell' && effect.news.kind === 'given'
      ? [`${effect.news.member.callSid} to ${effect.party.callSid}`]
      : [],
  );
}

describe('queue machine', () => {
  it('CR-5 a higher priority goes first, among equals who has waited longer', () => {
    const { effects } = run([
      enqueue('M1', 0, 10),
      enqueue('M2', 5, 20),
      enqueue('M3', 5, 5),
      enqueue('M4', 0, 1),
      dial('A1'),
      dial('A2'),
      dial('A3'),
      dial('A4'),
    ]);
    expect(given(effects)).toEqual(['M3 to A1', 'M2 to A2', 'M4 to A3', 'M1 to A4']);
  });

  it('CR-5 agents who wait get members in the order in which they came', () => {
    const { effects } = run([dial('A1'), dial('A2'), enqueue('M1'), enqueue('M2')]);
    expect(given(effects)).toEqual(['M1 to A1', 'M2 to A2']);
  });

  it('CR-5 a full queue refuses; a call may ask for a smaller one', () => {
    const { state, effects } = run([enqueue('M1'), { ...enqueue('M2'), maxSize: 1 } as QueueInput, enqueue('M3')]);
    expect(state.members.map((each) => each.party.callSid)).toEqual(['M1', 'M3']);
    expect(effects).toContainEqual({
      kind: 'tell',
      party: party('M2'),
      news: { kind: 'refused', reason: 'queue-full', message: '1 calls wait already, of at most 1' },
    });
  });

  it('CR-5 an agent that gives up leaves the member where it was; a member that goes leaves its agent waiting', () => {
    const first = run([enqueue('M1'), enqueue('M2'), dial('A1'), { kind: 'give-up', callSid: 'A1' }, dial('A2')]);
    expect(given(first.effects)).toEqual(['M1 to A1', 'M1 to A2']);
    const second = run([enqueue('M1'), enqueue('M2'), dial('A1'), { kind: 'leave', callSid: 'M1', reason: 'hung-up' }]);
    expect(given(second.effects)).toEqual(['M1 to A1', 'M2 to A1']);
  });

  it('CR-5 the front is redirected once, and its agent gets the next', () => {
    const { effects, state } = run([
      enqueue('M1'),
      enqueue('M2'),
      dial('A1'),
      { kind: 'redirect', callSid: 'M1', url: 'http://app.test/', method: 'POST' },
      { kind: 'redirect', callSid: 'M1', url: 'http://app.test/', method: 'POST' },
    ]);
    const redirects = effects.filter((effect) => effect.kind === 'tell' && effect.news.kind === 'redirect');
    expect(redirects).toHaveLength(1);
    expect(given(effects)).toEqual(['M1 to A1', 'M2 to A1']);
    expect(state.members).toHaveLength(1);
  });

  it('CR-5 the average wait is that of those who wait', () => {
    const { state } = run([enqueue('M1', 0, 0), enqueue('M2', 0, 4000)]);
    expect(averageWait(state, 10_000)).toBe(8);
    expect(averageWait(EMPTY, 10_000)).toBe(0);
  });

  it('CR-5 whatever happens: each member leaves once, is with one agent at a time, and nobody waits beside an agent', () => {
    const callSids = ['M1', 'M2', 'M3', 'M4', 'M5', 'M6'];
    const agents = ['A1', 'A2', 'A3'];
    const input = fc.oneof(
      fc.record({ kind: fc.constant('enqueue' as const), who: fc.constantFrom(...callSids), n: fc.nat(3) }),
      fc.record({ kind: fc.constant('dial' as const), who: fc.constantFrom(...agents), n: fc.nat(1) }),
      fc.record({
        kind: fc.constantFrom('leave', 'bridged', 'not-bridged', 'redirect'),
        who: fc.constantFrom(...callSids),
        n: fc.nat(1),
      }),
      fc.record({ kind: fc.constant('give-up' as const), who: fc.constantFrom(...agents), n: fc.nat(1) }),
      fc.record({ kind: fc.constant('node-left' as const), who: fc.constant('b'), n: fc.nat(1) }),
    );
    fc.assert(
      fc.property(fc.array(input, { maxLength: 60 }), (happenings) => {
        let state = EMPTY;
        const inside = new Set<string>();
        for (const [at, { kind, who, n }] of happenings.entries()) {
          const step = stepQueue(state, inputOf(kind, who, n, at), at * 1000);
          for (const effect of step.effects) {
            if (effect.kind !== 'emit') continue;
            const { callSid = '' } = effect.data as { callSid?: string };
            if (effect.type === 'queue.member-joined') {
              expect(inside.has(callSid)).toBe(false);
              inside.add(callSid);
            }
            if (effect.type === 'queue.member-left') expect(inside.delete(callSid)).toBe(true);
          }
          state = step.state;
          expect(new Set(state.members.map((each) => each.party.callSid))).toEqual(inside);
          expect(state.members.length).toBeLessThanOrEqual(state.maxSize);
          const waiting = state.members.filter(({ agent }) => agent === undefined);
          expect(waiting.length === 0 || state.agents.length === 0).toBe(true);
          const busy = state.members.flatMap(({ agent }) => (agent === undefined ? [] : [agent.party.callSid]));
          const all = [...busy, ...state.agents.map((each) => each.party.callSid)];
          expect(new Set(all).size).toBe(all.length);
          const order = state.members.map(({ priority, since }) => [-priority, since] as const);
          expect(order).toEqual([...order].sort(([a, b], [c, d]) => a - c || b - d));
        }
      }),
      { numRuns: 300 },
    );
  });
});

function inputOf(kind: string, who: string, n: number, at: number): QueueInput {
  const node = n === 0 ? 'a' : 'b';
  switch (kind) {
    case 'enqueue':
      return { kind, party: party(who, node), priority: n, maxSize: undefined, since: at };
    case 'dial':
      return { kind, party: party(who, node), whisper: undefined };
    case 'leave':
      return { kind, callSid: who, reason: 'left' };
    case 'redirect':
      return { kind, callSid: who, url: 'http://app.test/', method: 'POST' };
    case 'give-up':
    case 'bridged':
    case 'not-bridged':
      return { kind, callSid: who };
    default:
      return { kind: 'node-left', node: who };
  }
}
