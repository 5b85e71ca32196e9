import { DomainError } from '../../kernel/index.ts';

/** `conflict`: somebody else was faster. `taken`: the name is. `unavailable`: the store does not answer. */
export class GroupError extends DomainError<'conflict' | 'taken' | 'unavailable'> {}
