import type { EchoVerb } from '@hookswitch/shared';
import type { Verb, VerbStep } from './verb.ts';
import { done, running } from './verb.ts';

/** Plays what the caller says to the caller, until the call ends or is sent elsewhere. */
export const echo: Verb<EchoVerb, null> = {
  needsAnswer: () => true,
  start: (): VerbStep<null> => running(null, { kind: 'play', name: 'echo', media: { kind: 'echo' } }),
  step: (memory, input): VerbStep<null> =>
    input.kind === 'leg' && input.event.kind === 'play-ended' ? done('finished') : running(memory),
  stop: () => [],
};
