import type { Step } from '../../kernel/index.ts';

/** How the number of nodes of one role may change. */
export interface AllocatorPolicy {
  readonly min: number;
  readonly max: number;
  /** Nodes that are started or drained at a time, at most; the analysis counts on it (`startsAtOnce`). */
  readonly step: number;
  /** Fewer nodes were wanted for this long, and nothing changed, before one is drained, milliseconds. */
  readonly coolDownMs: number;
  /** A node that has not joined by then is given up, milliseconds. */
  readonly startTimeoutMs: number;
  /** After a start that failed none is tried for this long, doubled each time up to 16 times, milliseconds. */
  readonly retryMs: number;
}

export const ALLOCATOR_POLICY: Omit<AllocatorPolicy, 'min' | 'max'> = {
  step: 2,
  coolDownMs: 300_000,
  startTimeoutMs: 180_000,
  retryMs: 10_000,
};

/** A node that is there. */
export interface FleetNode {
  readonly node: string;
  readonly channels: number;
  readonly draining: boolean;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Whether the provisioner can take it away again. */
  readonly removable: boolean;
}

export interface AllocatorState {
  /** When the starts that are under way began. */
  readonly starting: readonly number[];
  /** Since when fewer are wanted. */
  readonly lowSince: number | undefined;
  readonly changedAt: number;
  /** In a row. */
  readonly failures: number;
  readonly retryAt: number;
  /** Drained, and not gone yet. */
  readonly leaving: readonly string[];
}

export const EMPTY_ALLOCATOR: AllocatorState = {
  starting: [],
  lowSince: undefined,
  changedAt: -Infinity,
  failures: 0,
  retryAt: -Infinity,
  leaving: [],
};

export type AllocatorInput =
  | { readonly kind: 'look'; readonly now: number; readonly wanted: number; readonly nodes: readonly FleetNode[] }
  /** A node of the role joined. */
  | { readonly kind: 'joined'; readonly now: number }
  | { readonly kind: 'start-failed'; readonly now: number }
  /** A node was not told to drain: it stays. */
  | { readonly kind: 'stop-failed'; readonly node: string };

export type AllocatorEffect =
  { readonly kind: 'start'; readonly count: number } | { readonly kind: 'drain'; readonly node: string };

type Result = Step<AllocatorState, AllocatorEffect>;

/**
 * From how many nodes are wanted to which are started and drained. Growth is at once, by steps; contraction waits until
 * fewer have been wanted without a break for the cool-down, and as long after any change: it cannot flap. Pure.
 */
export function allocatorMachine(policy: AllocatorPolicy): (state: AllocatorState, input: AllocatorInput) => Result {
  return (state, input) => {
    switch (input.kind) {
      case 'joined':
        return quiet({ ...state, starting: state.starting.slice(1), failures: 0 });
      case 'start-failed':
        return quiet(failed(policy, { ...state, starting: state.starting.slice(0, -1) }, input.now));
      case 'stop-failed':
        return quiet({ ...state, leaving: state.leaving.filter((node) => node !== input.node) });
      case 'look':
        return look(policy, expire(policy, state, input.now), input);
    }
  };
}

const quiet = (state: AllocatorState): Result => ({ state, effects: [] });

function failed({ retryMs }: AllocatorPolicy, state: AllocatorState, now: number): AllocatorState {
  const failures = state.failures + 1;
  return { ...state, failures, retryAt: now + retryMs * 2 ** Math.min(4, failures - 1) };
}

function expire(policy: AllocatorPolicy, state: AllocatorState, now: number): AllocatorState {
  const starting = state.starting.filter((at) => now - at < policy.startTimeoutMs);
  if (starting.length === state.starting.length) return state;
  return failed(policy, { ...state, starting }, now);
}

function look(
  policy: AllocatorPolicy,
  before: AllocatorState,
  { now, wanted, nodes }: Extract<AllocatorInput, { kind: 'look' }>,
): Result {
  const there = new Set(nodes.map(({ node }) => node));
  const state = { ...before, leaving: before.leaving.filter((node) => there.has(node)) };
  const staying = nodes.filter(({ node, draining }) => !draining && !state.leaving.includes(node));
  const have = staying.length + state.starting.length;
  const target = Math.max(policy.min, Math.min(policy.max, wanted));
  if (target > have) {
    const count = Math.min(target - have, policy.step - state.starting.length);
    if (count <= 0 || now < state.retryAt) return quiet({ ...state, lowSince: undefined });
    const starting = [...state.starting, ...Array<number>(count).fill(now)];
    return { state: { ...state, starting, lowSince: undefined, changedAt: now }, effects: [{ kind: 'start', count }] };
  }
  if (target === have) return quiet({ ...state, lowSince: undefined });
  const lowSince = state.lowSince ?? now;
  const isCool = now - lowSince >= policy.coolDownMs && now - state.changedAt >= policy.coolDownMs;
  if (!isCool || state.starting.length > 0) return quiet({ ...state, lowSince });
  const chosen = emptiest(staying).slice(0, Math.min(policy.step, have - target));
  if (chosen.length === 0) return quiet({ ...state, lowSince });
  return {
    state: { ...state, lowSince, changedAt: now, leaving: [...state.leaving, ...chosen] },
    effects: chosen.map((node) => ({ kind: 'drain', node })),
  };
}

/** Those that can go, the one with the fewest calls first, then the youngest. */
function emptiest(nodes: readonly FleetNode[]): string[] {
  return nodes
    .filter(({ removable }) => removable)
    .toSorted((a, b) => a.channels - b.channels || b.startedAt - a.startedAt)
    .map(({ node }) => node);
}
