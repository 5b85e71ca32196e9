import type { EndCause } from '@hookswitch/shared';
import type { EndRequest } from '../calls/ports.ts';
import type { CallFailure } from '../sip/index.ts';

/** Final statuses that say more than "failed" (RFC 3261 section 21, RFC 8197, RFC 8688). */
const CAUSES: Readonly<Record<number, EndCause>> = {
  401: 'rejected',
  403: 'rejected',
  404: 'unreachable',
  407: 'rejected',
  408: 'no-answer',
  410: 'unreachable',
  480: 'no-answer',
  484: 'unreachable',
  486: 'busy',
  487: 'canceled',
  600: 'busy',
  603: 'rejected',
  604: 'unreachable',
  607: 'rejected',
  608: 'rejected',
};

/**
 * Why an outgoing call failed.
 *
 * @param rang whether the far end had answered anything (1xx): a time-out without is no missed call but a dead trunk
 */
export function causeOfFailure(failure: Pick<CallFailure, 'status' | 'received'>, rang: boolean): EndCause {
  if (failure.status === 408 && !failure.received && !rang) return 'unreachable';
  return CAUSES[failure.status] ?? 'unreachable';
}

/** What people are told about a failed outgoing call. */
export function failureMessage(failure: CallFailure, rang: boolean): string {
  if (failure.received) return `the far end answered ${String(failure.status)} ${failure.reason}`.trimEnd();
  if (failure.status === 408) return rang ? 'the call was not answered in time' : 'the trunk did not answer at all';
  return `the call could not be placed: ${String(failure.status)} ${failure.reason}`.trimEnd();
}

const STATUSES: Readonly<Partial<Record<EndCause, number>>> = {
  busy: 486,
  rejected: 603,
  'no-answer': 480,
  'not-registered': 480,
  canceled: 487,
  // Not 404: the number called exists, the party behind it was not reached.
  unreachable: 480,
};

/** Status for an incoming call that is turned away. 400 to 699. */
export function statusOfEnd(request: EndRequest): number {
  const asked = request.sipStatus;
  if (asked !== undefined && Number.isInteger(asked) && asked >= 400 && asked <= 699) return asked;
  return STATUSES[request.cause] ?? 503;
}

/** ITU-T Q.850 cause for the Reason header of a BYE (RFC 3326), where it says more than normal clearing. */
const Q850: Readonly<Partial<Record<EndCause, number>>> = {
  busy: 17,
  'no-answer': 19,
  rejected: 21,
  unreachable: 3,
  'media-worker-died': 41,
  'media-timeout': 41,
  'connection-lost': 41,
  'internal-error': 41,
  'application-error': 41,
  shutdown: 38,
};

export function q850Of(cause: EndCause): number {
  return Q850[cause] ?? 16;
}
