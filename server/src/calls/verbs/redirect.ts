import type { RedirectVerb } from '@hookswitch/shared';
import type { Verb } from './verb.ts';
import { done, warning } from './verb.ts';

export const redirect: Verb<RedirectVerb, null> = {
  needsAnswer: () => false,
  start(verb, context) {
    const url = context.resolve(verb.url);
    if (url === undefined) {
      return done('failed', undefined, warning(`<Redirect> to "${verb.url}": not an HTTP address`, 11_100));
    }
    return done('finished', { kind: 'fetch', url, method: verb.method, params: {} });
  },
  step: () => done('finished'),
  stop: () => [],
};
