import { DomainError } from '../kernel/index.ts';

/**
 * `exists`: the number (or sid) is taken. `in-use`: something still refers to it. `master-key`: the key does not open the
 * stored secrets.
 */
export class TenantError extends DomainError<
  'not-found' | 'exists' | 'in-use' | 'invalid' | 'master-key' | 'unavailable'
> {}

/** Faults of the database server itself. */
export class DatabaseError extends DomainError<
  'binary-missing' | 'no-user' | 'start-failed' | 'unreachable' | 'bad-url' | 'migration'
> {}
