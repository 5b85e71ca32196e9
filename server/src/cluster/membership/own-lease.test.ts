import { describe, expect, it } from 'vitest';
import { ownLeaseMachine } from './own-lease.ts';
import type { OwnLease, OwnLeaseInput } from './own-lease.ts';

const step = ownLeaseMachine({ leaseMs: 10_000, renewMs: 3_000, tombstoneMs: 3_600_000 });
const acquiring: OwnLease = { kind: 'acquiring' };
const held: OwnLease = { kind: 'held', fence: 7, revision: 20, validUntil: 11_000 };
const doubtful: OwnLease = { kind: 'doubtful', fence: 7, revision: 20 };
const lost: OwnLease = { kind: 'lost', fence: 7 };
const released: OwnLease = { kind: 'released', fence: 7 };
const kinds = (state: OwnLease, input: OwnLeaseInput): string[] => step(state, input).effects.map(({ kind }) => kind);

describe('the own lease', () => {
  it('is held from the time its renewal was sent, not from the answer', () => {
    const { state, effects } = step(acquiring, { kind: 'acquired', fence: 7, revision: 20, sentAt: 1000, now: 1400 });
    expect(state).toEqual(held);
    expect(effects).toEqual([
      { kind: 'start-timer', name: 'renew', delayMs: 2600 },
      { kind: 'start-timer', name: 'expiry', delayMs: 9600 },
    ]);
  });

  it('is tried again when it cannot be acquired', () => {
    expect(kinds(acquiring, { kind: 'acquire-failed' })).toEqual(['start-timer']);
    expect(kinds(acquiring, { kind: 'timer', name: 'renew' })).toEqual(['acquire']);
  });

  it('is doubtful when it was not renewed in time, and held again with the same fence by the next renewal', () => {
    expect(step(held, { kind: 'timer', name: 'expiry' }).state).toEqual(doubtful);
    expect(kinds(doubtful, { kind: 'reconnected' })).toEqual(['renew']);
    const again = step(doubtful, { kind: 'renewed', revision: 21, sentAt: 60_000, now: 60_010 });
    expect(again.state).toEqual({ kind: 'held', fence: 7, revision: 21, validUntil: 70_000 });
  });

  it('is not trusted on an answer that is older than the lease: it is renewed first', () => {
    const { state, effects } = step(held, { kind: 'renewed', revision: 21, sentAt: 4000, now: 99_000 });
    expect(state).toEqual({ kind: 'doubtful', fence: 7, revision: 21 });
    expect(effects).toEqual([{ kind: 'renew', fence: 7, revision: 21 }]);
  });

  it.each([held, doubtful])('looks at a conflict before it believes it ($kind)', (state) => {
    expect(kinds(state, { kind: 'conflict' })).toEqual(['inspect']);
    const ours = step(state, { kind: 'inspected', found: 'ours', revision: 25 });
    expect(ours.effects).toEqual([{ kind: 'renew', fence: 7, revision: 25 }]);
    expect(kinds(state, { kind: 'inspected', found: 'wiped' })).toEqual(['restore']);
    expect(step(state, { kind: 'inspected', found: 'taken' }).state).toEqual(lost);
    expect(step(state, { kind: 'inspected', found: 'gone' }).state).toEqual(lost);
    expect(step(state, { kind: 'seen-taken' }).state).toEqual(lost);
    expect(kinds(state, { kind: 'seen-wiped' })).toEqual(['inspect']);
  });

  it.each([held, doubtful])('is written again after a failure and given back on request ($kind)', (state) => {
    expect(step(state, { kind: 'renew-failed' }).effects).toEqual([
      { kind: 'start-timer', name: 'renew', delayMs: 1000 },
    ]);
    expect(kinds(state, { kind: 'changed' })).toEqual(['renew']);
    const { state: after, effects } = step(state, { kind: 'release' });
    expect(after).toEqual(released);
    expect(effects.map(({ kind }) => kind)).toEqual(['stop-timer', 'stop-timer', 'remove']);
  });

  it.each([lost, released])('never comes back once it is $kind', (state) => {
    const inputs: OwnLeaseInput[] = [
      { kind: 'acquired', fence: 9, revision: 30, sentAt: 1, now: 2 },
      { kind: 'renewed', revision: 30, sentAt: 1, now: 2 },
      { kind: 'inspected', found: 'ours', revision: 30 },
      { kind: 'reconnected' },
      { kind: 'changed' },
      { kind: 'release' },
      { kind: 'timer', name: 'renew' },
    ];
    for (const input of inputs) expect(step(state, input)).toEqual({ state, effects: [] });
  });
});
