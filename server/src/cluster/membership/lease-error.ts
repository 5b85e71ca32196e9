import { DomainError } from '../../kernel/index.ts';

/** `conflict`: the revision was not the current one. `unavailable`: the store did not answer. */
export class LeaseError extends DomainError<'conflict' | 'unavailable'> {}
