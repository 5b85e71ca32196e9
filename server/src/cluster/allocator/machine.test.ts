import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ALLOCATOR_POLICY, EMPTY_ALLOCATOR, allocatorMachine } from './machine.ts';
import type { AllocatorEffect, AllocatorInput, AllocatorState, FleetNode } from './machine.ts';

const policy = { ...ALLOCATOR_POLICY, min: 1, max: 5, coolDownMs: 60_000 };
const step = allocatorMachine(policy);

/** Runs a fleet: nodes that are started join after `startupMs`, drained ones are gone after `drainMs`. */
class Fleet {
  state: AllocatorState = EMPTY_ALLOCATOR;
  now = 0;
  nodes: FleetNode[] = [];
  readonly changes: { at: number; effect: AllocatorEffect }[] = [];
  #serial = 0;
  #coming: number[] = [];
  #going: { node: string; at: number }[] = [];
  readonly #startupMs: number;

  constructor(startupMs = 5000, nodes = 1) {
    this.#startupMs = startupMs;
    for (let n = 0; n < nodes; n++) this.#join(n > 0);
  }

  tick(wanted: number, ms = 5000): void {
    this.now += ms;
    for (const at of this.#coming.filter((each) => each <= this.now)) {
      this.#coming = this.#coming.filter((each) => each !== at);
      this.#join(true);
      this.dispatch({ kind: 'joined', now: this.now });
    }
    for (const { node } of this.#going.filter(({ at }) => at <= this.now))
      this.nodes = this.nodes.filter((each) => each.node !== node);
    this.dispatch({ kind: 'look', now: this.now, wanted, nodes: this.nodes });
  }

  dispatch(input: AllocatorInput): void {
    const { state, effects } = step(this.state, input);
    this.state = state;
    for (const effect of effects) {
      this.changes.push({ at: this.now, effect });
      if (effect.kind === 'start')
        for (let n = 0; n < effect.count; n++) this.#coming.push(this.now + this.#startupMs + n);
      else {
        this.nodes = this.nodes.map((each) => (each.node === effect.node ? { ...each, draining: true } : each));
        this.#going.push({ node: effect.node, at: this.now + 20_000 });
      }
    }
  }

  get live(): number {
    return this.nodes.filter(({ draining }) => !draining).length;
  }

  #join(removable: boolean): void {
    const serial = this.#serial++;
    this.nodes.push({ node: `n${serial}`, channels: 10 - serial, draining: false, startedAt: this.now, removable });
  }
}

it('MT-3 it grows at once by steps up to the maximum, and shrinks after the cool-down, the emptiest first', () => {
  const fleet = new Fleet();
  fleet.tick(9);
  expect(fleet.changes).toEqual([{ at: 5000, effect: { kind: 'start', count: 2 } }]);
  for (let n = 0; n < 5; n++) fleet.tick(9);
  expect(fleet.live).toBe(5);
  for (let n = 0; n < 11; n++) fleet.tick(1);
  expect(fleet.live).toBe(5);
  fleet.changes.length = 0;
  for (let n = 0; n < 3; n++) fleet.tick(1);
  expect(fleet.changes.map(({ effect }) => effect)).toEqual([
    { kind: 'drain', node: 'n4' },
    { kind: 'drain', node: 'n3' },
  ]);
  for (let n = 0; n < 100; n++) fleet.tick(0);
  // The minimum, and what the provisioner did not start, stay.
  expect(fleet.nodes.map(({ node }) => node)).toEqual(['n0']);
});

it('MT-3 a start that fails is tried again, later each time; one that never joins is given up', () => {
  const fleet = new Fleet(1e9);
  fleet.tick(2);
  fleet.dispatch({ kind: 'start-failed', now: fleet.now });
  const starts = (): number[] => fleet.changes.map(({ at }) => at);
  for (let n = 0; n < 10; n++) fleet.tick(2, 2500);
  expect(starts()).toEqual([5000, 15_000]);
  fleet.dispatch({ kind: 'start-failed', now: fleet.now });
  for (let n = 0; n < 10; n++) fleet.tick(2, 2500);
  expect(starts()).toEqual([5000, 15_000, 50_000]);
  for (let n = 0; n < 60; n++) fleet.tick(2);
  expect(starts().length).toBe(4);
  expect(fleet.state.starting.length).toBeLessThanOrEqual(1);
});

it('MT-3 a node that could not be told to go stays, counts, and is told again after the cool-down', () => {
  const fleet = new Fleet(5000, 3);
  const drained = (): unknown[] => fleet.changes.map(({ effect }) => effect);
  while (fleet.changes.length === 0) fleet.tick(2);
  expect(drained()).toEqual([{ kind: 'drain', node: 'n2' }]);
  fleet.nodes = fleet.nodes.map((each) => ({ ...each, draining: false }));
  fleet.dispatch({ kind: 'stop-failed', node: 'n2' });
  for (let n = 0; n < 3; n++) fleet.tick(3);
  expect(drained(), 'none is made in its place').toHaveLength(1);
  expect(fleet.state.leaving).toEqual([]);
});

it('MT-3 it does not flap: between two contractions, and after any growth, lies the cool-down', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(8), { minLength: 20, maxLength: 300 }), (wishes) => {
      const fleet = new Fleet(7000, 3);
      for (const wanted of wishes) {
        fleet.tick(wanted);
        expect(fleet.live + fleet.state.starting.length).toBeLessThanOrEqual(policy.max);
        expect(fleet.live).toBeGreaterThanOrEqual(policy.min);
      }
      const drains = fleet.changes.filter(({ effect }) => effect.kind === 'drain');
      for (const drain of drains) {
        const before = fleet.changes.filter(({ at }) => at < drain.at).at(-1);
        expect(drain.at - (before?.at ?? -Infinity)).toBeGreaterThanOrEqual(policy.coolDownMs);
      }
    }),
  );
});
