import { DomainError } from '../../kernel/index.ts';

/** `unavailable`: the store does not answer; the request may be stored. `full`: it takes no more requests. */
export class CallRequestError extends DomainError<'unavailable' | 'full' | 'exists'> {}
