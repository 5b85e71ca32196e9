import type { StoredRequest } from '../ports.ts';
import type { Waiting } from '../scheduler/index.ts';

/** A request that waits. */
export interface Ticket extends Waiting {
  readonly revision: number;
  /** As it is stored; undefined: it is read when its turn comes. */
  readonly request: StoredRequest | undefined;
}

/** @param isKept whether it is kept whole */
export function ticketOf(
  request: StoredRequest,
  { pool, application, isKept }: Pick<Waiting, 'pool' | 'application'> & { readonly isKept: boolean },
): Ticket {
  const { callSid, accountSid, queuedAt, priority, startAt, expiresAt, revision } = request;
  const whole = isKept ? request : undefined;
  return { callSid, accountSid, queuedAt, pool, application, priority, startAt, expiresAt, revision, request: whole };
}
