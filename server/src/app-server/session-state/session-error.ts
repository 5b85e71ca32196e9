import { DomainError } from '../../kernel/index.ts';

/** `conflict`: somebody else changed it meanwhile. */
export class SessionError extends DomainError<'conflict' | 'unavailable'> {}
