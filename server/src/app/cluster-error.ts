import { DomainError } from '../kernel/index.ts';

/** What was asked of the cluster cannot be done. */
export class ClusterRequestError extends DomainError<'no-such-node' | 'not-reached'> {}
