import { DomainError } from '../../kernel/index.ts';

/** A command was given something it cannot use. The message names it and says what fits. */
export class UsageError extends DomainError<'usage' | 'no-server'> {}
