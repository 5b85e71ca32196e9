import type { LeaveVerb } from '@hookswitch/shared';
import type { Verb } from './verb.ts';
import { done } from './verb.ts';

/** Takes a waiting call out of its queue. Elsewhere it does nothing. */
export const leave: Verb<LeaveVerb, null> = {
  needsAnswer: () => false,
  start: () => done('finished', { kind: 'leave' }),
  step: () => done('finished'),
  stop: () => [],
};
