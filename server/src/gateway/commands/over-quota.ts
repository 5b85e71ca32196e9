import type { ServerFrame } from '@hookswitch/shared';
import { errorOf } from '../machine.ts';
import type { OverQuota } from '../ports.ts';

/** The answer to a command that is over a limit of its account: which, and when to try again. */
export function overQuota(
  id: number | undefined,
  { message, retryAfterMs }: OverQuota,
): Extract<ServerFrame, { type: 'error' }> {
  return { ...errorOf('limitExceeded', id, message), retryAfterMs };
}
