import { DomainError } from '../../kernel/index.ts';

/** The store of delegates does not answer. */
export class DelegateError extends DomainError<'unavailable'> {}
