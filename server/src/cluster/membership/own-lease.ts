import type { Step, TimerEffect, TimerInput } from '../../kernel/index.ts';
import { retryMs } from './timing.ts';
import type { LeaseTiming } from './timing.ts';

/**
 * The life of this process's own lease. Times are `clock.monotonic()`.
 *
 * It trusts its lease until `leaseMs` after it *sent* the last renewal that succeeded; others take it no earlier than
 * `leaseMs` after they *saw* that one. So it is in doubt before anybody can have taken it.
 */
export type OwnLease =
  | { readonly kind: 'acquiring' }
  | { readonly kind: 'held'; readonly fence: number; readonly revision: number; readonly validUntil: number }
  /** Not renewed in time. It may have been taken, and may not: the next renewal tells. */
  | { readonly kind: 'doubtful'; readonly fence: number; readonly revision: number }
  /** Taken. Final. */
  | { readonly kind: 'lost'; readonly fence: number }
  /** Given back. Final. */
  | { readonly kind: 'released'; readonly fence: number };

export type OwnLeaseInput =
  | {
      readonly kind: 'acquired';
      readonly fence: number;
      readonly revision: number;
      readonly sentAt: number;
      readonly now: number;
    }
  | { readonly kind: 'acquire-failed' }
  | { readonly kind: 'renewed'; readonly revision: number; readonly sentAt: number; readonly now: number }
  /** The store did not answer: nothing is known. */
  | { readonly kind: 'renew-failed' }
  /** The record is not as we left it. */
  | { readonly kind: 'conflict' }
  /** What the record is: `ours` (an answer was lost), `taken`, `gone`, or `wiped` with the whole store. */
  | { readonly kind: 'inspected'; readonly found: 'ours'; readonly revision: number }
  | { readonly kind: 'inspected'; readonly found: 'taken' | 'gone' | 'wiped' }
  /** The view shows that somebody took it. */
  | { readonly kind: 'seen-taken' }
  | { readonly kind: 'seen-wiped' }
  | { readonly kind: 'reconnected' }
  /** What the record says changed: write it. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'release' }
  | TimerInput<OwnLeaseTimer>;

export type OwnLeaseTimer = 'renew' | 'expiry';

export type OwnLeaseEffect =
  | { readonly kind: 'acquire' }
  | { readonly kind: 'renew'; readonly fence: number; readonly revision: number }
  /** Write it anew into a store that lost everything, with the old fence. */
  | { readonly kind: 'restore'; readonly fence: number }
  | { readonly kind: 'inspect'; readonly fence: number }
  | { readonly kind: 'remove'; readonly revision: number }
  | TimerEffect<OwnLeaseTimer>;

type Result = Step<OwnLease, OwnLeaseEffect>;
type Living = Extract<OwnLease, { revision: number }>;

const STOP_TIMERS = [
  { kind: 'stop-timer', name: 'renew' },
  { kind: 'stop-timer', name: 'expiry' },
] as const;

const isLiving = (state: OwnLease): state is Living => state.kind === 'held' || state.kind === 'doubtful';

export function ownLeaseMachine(timing: LeaseTiming): (state: OwnLease, input: OwnLeaseInput) => Result {
  return (state, input) => {
    if (isLiving(state)) return stepLiving(timing, state, input);
    return state.kind === 'acquiring' ? stepAcquiring(timing, state, input) : { state, effects: [] };
  };
}

function stepAcquiring(timing: LeaseTiming, state: OwnLease, input: OwnLeaseInput): Result {
  switch (input.kind) {
    case 'acquired':
      return renewed(timing, input.fence, input);
    case 'acquire-failed':
      return { state, effects: [{ kind: 'start-timer', name: 'renew', delayMs: retryMs(timing) }] };
    case 'timer':
      return { state, effects: [{ kind: 'acquire' }] };
    case 'release':
      return { state: { kind: 'released', fence: 0 }, effects: STOP_TIMERS };
    default:
      return { state, effects: [] };
  }
}

function stepLiving(timing: LeaseTiming, state: Living, input: OwnLeaseInput): Result {
  const { fence, revision } = state;
  switch (input.kind) {
    case 'renewed':
      return renewed(timing, fence, input);
    case 'renew-failed':
      return { state, effects: [{ kind: 'start-timer', name: 'renew', delayMs: retryMs(timing) }] };
    case 'conflict':
      return { state, effects: [{ kind: 'inspect', fence }] };
    case 'inspected':
      if (input.found === 'ours') return renewAt(state, input.revision);
      if (input.found === 'wiped') return { state, effects: [{ kind: 'restore', fence }] };
      return { state: { kind: 'lost', fence }, effects: STOP_TIMERS };
    case 'seen-taken':
      return { state: { kind: 'lost', fence }, effects: STOP_TIMERS };
    case 'seen-wiped':
      return { state, effects: [{ kind: 'inspect', fence }] };
    case 'reconnected':
    case 'changed':
      return renewAt(state, revision);
    case 'timer':
      if (input.name === 'renew') return renewAt(state, revision);
      return { state: { kind: 'doubtful', fence, revision }, effects: [] };
    case 'release':
      return { state: { kind: 'released', fence }, effects: [...STOP_TIMERS, { kind: 'remove', revision }] };
    default:
      return { state, effects: [] };
  }
}

function renewAt(state: Living, revision: number): Result {
  const { fence } = state;
  return { state: { ...state, revision }, effects: [{ kind: 'renew', fence, revision }] };
}

function renewed(
  timing: LeaseTiming,
  fence: number,
  { revision, sentAt, now }: { revision: number; sentAt: number; now: number },
): Result {
  const validUntil = sentAt + timing.leaseMs;
  const left = validUntil - now;
  // The answer came so late that the lease may be running out: nobody has taken it at `sentAt`, more is not known.
  if (left <= 0) return renewAt({ kind: 'doubtful', fence, revision }, revision);
  return {
    state: { kind: 'held', fence, revision, validUntil },
    effects: [
      { kind: 'start-timer', name: 'renew', delayMs: Math.max(0, timing.renewMs - (now - sentAt)) },
      { kind: 'start-timer', name: 'expiry', delayMs: left },
    ],
  };
}
