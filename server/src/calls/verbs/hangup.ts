import type { HangupVerb } from '@hookswitch/shared';
import { endOfInstructions } from '../machine/outcome.ts';
import type { Verb } from './verb.ts';
import { done } from './verb.ts';

/**
 * Ends the call.
 *
 * DEVIATION: the 2010 API answers a call that is not answered yet before it hangs up; here it is turned away (see
 * `refusal`): nobody pays for a call that nobody took, and the outcome of an earlier Dial reaches the caller.
 */
export const hangup: Verb<HangupVerb, null> = {
  needsAnswer: () => false,
  start: ({ parameters: returned }, context) =>
    done('finished', {
      kind: 'end',
      request: {
        ...endOfInstructions(context.root, context.refusal),
        ...(returned === undefined ? {} : { returned }),
      },
    }),
  step: () => done('finished'),
  stop: () => [],
};
