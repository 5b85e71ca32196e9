import type { StopVerb } from '@hookswitch/shared';
import type { Verb, VerbEffect } from './verb.ts';
import { done, running } from './verb.ts';

/** Ends streams and transcriptions by their names, and the recordings that Start began. */
export const stop: Verb<StopVerb, null> = {
  needsAnswer: () => false,
  start({ streams, transcriptions, recordings }) {
    const effects: VerbEffect[] = [
      ...streams.map((name) => ({ kind: 'stop-stream', which: { name } }) as const),
      ...transcriptions.map((name) => {
        return { kind: 'stop-transcription', which: name === '' ? 'all' : { name } } as const;
      }),
    ];
    if (recordings) effects.push({ kind: 'stop-started-recordings' });
    return done('stopped', undefined, ...effects);
  },
  step: () => running(null),
  stop: () => [],
};
