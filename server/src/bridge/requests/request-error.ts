import { DomainError } from '../../kernel/index.ts';

/**
 * `unknown`: no such request, or the token is not its token. `foreign`: it is for another identity. `limit`: too many wait.
 * `unavailable`: the store does not answer.
 */
export class BridgeRequestError extends DomainError<
  'unknown' | 'foreign' | 'accepted' | 'expired' | 'canceled' | 'limit' | 'unavailable'
> {}
