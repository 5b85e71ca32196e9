import type { Step, TimerEffect, TimerInput } from '../kernel/index.ts';

/**
 * Two connected legs on their way to `merged`, as a pure machine: merged when audio was seen from both; a side that
 * stays silent for {@link ONE_WAY_AUDIO_MS} is reported, once in the life of the merge.
 *
 * ```
 *   start ──► waiting ── both flow ──► merged
 *               │ timer one-way: sides that do not flow ──► report
 *   silent(side), in either phase ──► report            (held and muted sides are exempt)
 * ```
 */
export interface MergeState {
  readonly phase: 'idle' | 'waiting' | 'merged';
  readonly sides: Readonly<Record<MergeSide, SideState>>;
}
interface SideState {
  readonly flowed: boolean;
  /** Silence is no fault: the side holds the call or muted itself. */
  readonly exempt: boolean;
  readonly reported: boolean;
}
/** `this` and `peer` as in the `one-way-audio` event. */
export type MergeSide = 'this' | 'peer';
export type MergeTimer = 'one-way';

export type MergeInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'flowing'; readonly side: MergeSide }
  | { readonly kind: 'silent'; readonly side: MergeSide }
  | { readonly kind: 'exempt'; readonly side: MergeSide; readonly exempt: boolean }
  | TimerInput<MergeTimer>;

export type MergeEffect =
  | { readonly kind: 'merged' }
  | { readonly kind: 'one-way-audio'; readonly silent: MergeSide }
  | TimerEffect<MergeTimer>;

/** Silence that is worth an event, milliseconds. */
const ONE_WAY_AUDIO_MS = 5_000;

const SIDE: SideState = { flowed: false, exempt: false, reported: false };
export const MERGE_START: MergeState = { phase: 'idle', sides: { this: SIDE, peer: SIDE } };

export function mergeMachine(state: MergeState, input: MergeInput): Step<MergeState, MergeEffect> {
  switch (input.kind) {
    case 'start':
      if (state.phase !== 'idle') return { state, effects: [] };
      return settle({ ...state, phase: 'waiting' }, [
        { kind: 'start-timer', name: 'one-way', delayMs: ONE_WAY_AUDIO_MS },
      ]);
    case 'flowing':
      return settle(withSide(state, input.side, { flowed: true }), []);
    case 'exempt':
      return { state: withSide(state, input.side, { exempt: input.exempt }), effects: [] };
    case 'silent':
      return state.phase === 'idle' ? { state, effects: [] } : report(state, [input.side]);
    case 'timer':
      return report(
        state,
        (['this', 'peer'] as const).filter((side) => !state.sides[side].flowed),
      );
  }
}

function settle(state: MergeState, effects: readonly MergeEffect[]): Step<MergeState, MergeEffect> {
  if (state.phase !== 'waiting' || !state.sides.this.flowed || !state.sides.peer.flowed) return { state, effects };
  return {
    state: { ...state, phase: 'merged' },
    effects: [...effects, { kind: 'stop-timer', name: 'one-way' }, { kind: 'merged' }],
  };
}

function report(state: MergeState, sides: readonly MergeSide[]): Step<MergeState, MergeEffect> {
  const due = sides.filter((side) => !state.sides[side].exempt && !state.sides[side].reported);
  return {
    state: due.reduce((next, side) => withSide(next, side, { reported: true }), state),
    effects: due.map((side): MergeEffect => ({ kind: 'one-way-audio', silent: side })),
  };
}

function withSide(state: MergeState, side: MergeSide, change: Partial<SideState>): MergeState {
  return { ...state, sides: { ...state.sides, [side]: { ...state.sides[side], ...change } } };
}
