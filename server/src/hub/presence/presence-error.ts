import { DomainError } from '../../kernel/index.ts';

/** `limit`: no room on the topic or in the account; the rest are of the store, see its port. */
export class PresenceError extends DomainError<'limit' | 'conflict' | 'unavailable'> {}
