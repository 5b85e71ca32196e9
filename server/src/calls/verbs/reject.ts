import type { RejectVerb } from '@hookswitch/shared';
import { HANG_UP } from '../machine/outcome.ts';
import type { Verb } from './verb.ts';
import { done, warning } from './verb.ts';

/** Turns an incoming call away. One that is answered already can only be hung up. */
export const reject: Verb<RejectVerb, null> = {
  needsAnswer: () => false,
  start(verb, context) {
    const returned = verb.parameters === undefined ? {} : { returned: verb.parameters };
    if (context.root.phase === 'answered') {
      return done(
        'hung-up',
        { kind: 'end', request: { ...HANG_UP, ...returned } },
        warning('<Reject> came after the call was answered: it was hung up'),
      );
    }
    return done(verb.reason, {
      kind: 'end',
      request: {
        ...returned,
        cause: verb.reason,
        message: verb.reason === 'busy' ? 'the called party is busy' : 'the application rejected the call',
      },
    });
  },
  step: () => done('rejected'),
  stop: () => [],
};
