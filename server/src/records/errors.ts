import { DomainError } from '../kernel/index.ts';

/** `unavailable`: the database does not answer, try again. `invalid`: it does not take what was to be written. */
export class RecordsError extends DomainError<'unavailable' | 'invalid'> {}
