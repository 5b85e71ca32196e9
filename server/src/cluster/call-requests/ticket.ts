import type { StoredRequest } from '../ports.ts';
import type { Waiting } from '../scheduler/index.ts';

/** A request that waits. */
export interface Ticket extends Waiting {
  readonly revision: number;
  /** As it is stored; undefined: it is read when its turn comes. */
  readonly request: StoredRequest | undefined;
}

/** Bytes of a stored request that count as one call among those that wait; a longer one counts as more. */
const BYTES_OF_ONE = 2048;

/** @param isKept whether it is kept whole */
export function ticketOf(
  request: StoredRequest,
  { pool, application, isKept }: Pick<Waiting, 'pool' | 'application'> & { readonly isKept: boolean },
): Ticket {
  const { callSid, accountSid, queuedAt, priority, startAt, expiresAt, revision, bytes = 0 } = request;
  const size = Math.max(1, Math.ceil(bytes / BYTES_OF_ONE));
  const whole = isKept ? request : undefined;
  return {
    callSid,
    accountSid,
    queuedAt,
    pool,
    application,
    size,
    priority,
    startAt,
    expiresAt,
    revision,
    request: whole,
  };
}
