import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEALTHY, healthMachine } from './health.ts';
import type { HealthEffect, HealthInput, HealthSettings, HealthState } from './health.ts';

const PINGS: HealthSettings = { intervalMs: 60_000 };
const CALLS: HealthSettings = { intervalMs: 0 };
const good = (by: 'ping' | 'call' = 'ping'): HealthInput => ({ kind: 'good', by });
const bad = (by: 'ping' | 'call' = 'ping'): HealthInput => ({ kind: 'bad', by, why: 'no answer' });
const tick: HealthInput = { kind: 'timer', name: 'next' };

function run(settings: HealthSettings, inputs: readonly HealthInput[], from: HealthState = HEALTHY) {
  const machine = healthMachine(settings);
  let state = from;
  let effects: readonly HealthEffect[] = [];
  const changes: boolean[] = [];
  for (const input of inputs) {
    ({ state, effects } = machine(state, input));
    for (const effect of effects) if (effect.kind === 'changed') changes.push(effect.up);
  }
  return { state, effects, changes };
}
const words = (effects: readonly HealthEffect[]): string[] =>
  effects.map((effect) =>
    effect.kind === 'start-timer'
      ? `timer ${String(effect.delayMs)}`
      : effect.kind === 'changed'
        ? `changed ${String(effect.up)}`
        : effect.kind,
  );

describe('health of a gateway', () => {
  const SUSPECT: HealthState = { name: 'suspect', failures: 2 };
  const DOWN: HealthState = { name: 'down', round: 0, successes: 0 };
  const TRIAL: HealthState = { name: 'trial', round: 0 };
  it.each<[string, HealthSettings, HealthState, HealthInput, HealthState, string[]]>([
    ['starts with a ping', PINGS, HEALTHY, { kind: 'start' }, HEALTHY, ['ping']],
    ['starts without pings', CALLS, HEALTHY, { kind: 'start' }, HEALTHY, []],
    ['up, ping answered', PINGS, HEALTHY, good(), HEALTHY, ['timer 60000']],
    ['up, call answered: pings go on as they were', PINGS, HEALTHY, good('call'), HEALTHY, []],
    ['up, timer', PINGS, HEALTHY, tick, HEALTHY, ['ping']],
    ['up, ping lost: looked at soon', PINGS, HEALTHY, bad(), { name: 'suspect', failures: 1 }, ['timer 5000']],
    ['up, call lost', CALLS, HEALTHY, bad('call'), { name: 'suspect', failures: 1 }, []],
    ['suspect, answered', PINGS, SUSPECT, good(), HEALTHY, ['timer 60000']],
    ['suspect, third failure', PINGS, SUSPECT, bad(), DOWN, ['changed false', 'timer 5000']],
    ['suspect, third failed call', CALLS, SUSPECT, bad('call'), DOWN, ['changed false', 'timer 30000']],
    ['down, one answer is not enough', PINGS, DOWN, good(), { ...DOWN, successes: 1 }, ['timer 5000']],
    ['down, second answer', PINGS, { ...DOWN, successes: 1 }, good(), HEALTHY, ['changed true', 'timer 60000']],
    ['down, a call came through', PINGS, DOWN, good('call'), HEALTHY, ['changed true', 'timer 60000']],
    [
      'down, no answer: waits longer',
      PINGS,
      { ...DOWN, round: 2, successes: 1 },
      bad(),
      { ...DOWN, round: 3 },
      ['timer 40000'],
    ],
    [
      'down for long: the wait has a limit',
      PINGS,
      { ...DOWN, round: 30 },
      bad(),
      { ...DOWN, round: 31 },
      ['timer 300000'],
    ],
    ['down, a call of the last resort failed', PINGS, { ...DOWN, successes: 1 }, bad('call'), DOWN, []],
    ['down, timer', PINGS, DOWN, tick, DOWN, ['ping']],
    ['down, hold-off over: one call may try', CALLS, DOWN, tick, TRIAL, []],
    ['trial, the call came through', CALLS, TRIAL, good('call'), HEALTHY, ['changed true', 'stop-timer']],
    ['trial, it failed: waits longer', CALLS, TRIAL, bad('call'), { ...DOWN, round: 1 }, ['timer 60000']],
    ['up, a late timer without pings', CALLS, HEALTHY, tick, HEALTHY, []],
  ])('%s', (...[, settings, state, input, next, effects]) => {
    const step = healthMachine(settings)(state, input);
    expect(step.state).toEqual(next);
    expect(words(step.effects)).toEqual(effects);
  });

  it('one lost ping in three changes nothing', () => {
    const { state, changes } = run(PINGS, [bad(), bad(), good(), bad(), bad(), good()]);
    expect(changes).toEqual([]);
    expect(state).toEqual(HEALTHY);
  });

  it('changes are told alternately, and while it is down somebody always asks again: whatever happens', () => {
    const input = fc.constantFrom(good(), good('call'), bad(), bad('call'), tick);
    fc.assert(
      fc.property(fc.array(input, { maxLength: 60 }), fc.constantFrom(PINGS, CALLS), (inputs, settings) => {
        const { changes, state } = run(settings, inputs);
        for (const [i, up] of changes.entries()) expect(up).toBe(i % 2 === 1);
        expect(['up', 'suspect'].includes(state.name)).toBe(changes.length % 2 === 0);
      }),
      { numRuns: 500 },
    );
  });
});
