import { DomainError } from '../../kernel/index.ts';

/** A node could not be made or taken away. The message is of who should have done it. */
export class ProvisionError extends DomainError<'failed' | 'unreachable' | 'refused' | 'closed'> {}
