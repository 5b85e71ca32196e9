import { DomainError } from '../../kernel/index.ts';

/** `unavailable`: the store or the event log does not answer, try again. `invalid`: not a usable webhook. `limit`: too many. */
export class SinkError extends DomainError<'unavailable' | 'invalid' | 'limit'> {}
