import { describe, expect, it } from 'vitest';
import { MERGE_START, mergeMachine } from './merge-watch.ts';
import type { MergeEffect, MergeInput, MergeSide } from './merge-watch.ts';

const start: MergeInput = { kind: 'start' };
const timer: MergeInput = { kind: 'timer', name: 'one-way' };
const flowing = (side: MergeSide): MergeInput => ({ kind: 'flowing', side });
const silent = (side: MergeSide): MergeInput => ({ kind: 'silent', side });
const exempt = (side: MergeSide, value = true): MergeInput => ({ kind: 'exempt', side, exempt: value });

function words(inputs: readonly MergeInput[]): string[] {
  let state = MERGE_START;
  const effects: MergeEffect[] = [];
  for (const input of inputs) {
    const step = mergeMachine(state, input);
    state = step.state;
    effects.push(...step.effects);
  }
  return effects.map((effect) => {
    if (effect.kind === 'one-way-audio') return `one-way ${effect.silent}`;
    return effect.kind === 'merged' ? 'merged' : effect.kind.slice(0, -6);
  });
}

describe('merging two legs', () => {
  it.each<[string, MergeInput[], string[]]>([
    ['BR-4 merged when both flow', [start, flowing('this'), flowing('peer')], ['start', 'stop', 'merged']],
    ['BR-4 not merged while one side is missing', [start, flowing('this'), flowing('this')], ['start']],
    [
      'BR-4 merged at once when both flowed before',
      [flowing('this'), flowing('peer'), start],
      ['start', 'stop', 'merged'],
    ],
    [
      'BR-4 merged once',
      [start, flowing('this'), flowing('peer'), flowing('peer'), start],
      ['start', 'stop', 'merged'],
    ],
    ['one-way audio: a side that never flows', [start, flowing('this'), timer], ['start', 'one-way peer']],
    ['one-way audio: neither side flows', [start, timer], ['start', 'one-way this', 'one-way peer']],
    [
      'one-way audio is told once, and the late side still merges',
      [start, flowing('this'), timer, silent('peer'), flowing('peer'), silent('peer')],
      ['start', 'one-way peer', 'stop', 'merged'],
    ],
    [
      'one-way audio: a side falls silent later',
      [start, flowing('this'), flowing('peer'), silent('this'), silent('this')],
      ['start', 'stop', 'merged', 'one-way this'],
    ],
    [
      'one-way audio: a held or muted side may be silent',
      [start, flowing('this'), flowing('peer'), exempt('this'), silent('this'), exempt('this', false), silent('this')],
      ['start', 'stop', 'merged', 'one-way this'],
    ],
    ['silence before the merge is none of its business', [silent('this'), start], ['start']],
  ])('%s', (_name, inputs, expected) => {
    expect(words(inputs)).toEqual(expected);
  });
});
