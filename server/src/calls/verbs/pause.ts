import type { PauseVerb } from '@hookswitch/shared';
import type { Verb, VerbStep } from './verb.ts';
import { done, running } from './verb.ts';

/** Does not answer: as the first verb it lets the caller hear ringing for so long. */
export const pause: Verb<PauseVerb, null> = {
  needsAnswer: () => false,
  start: ({ length }): VerbStep<null> =>
    length === 0 ? done('finished') : running(null, { kind: 'start-timer', name: 'pause', delayMs: length * 1000 }),
  step: (memory, input): VerbStep<null> => (input.kind === 'timer' ? done('finished') : running(memory)),
  stop: () => [],
};
