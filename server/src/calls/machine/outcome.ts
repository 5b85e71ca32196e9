import type { CallFinalStatus, EndCause } from '@hookswitch/shared';
import type { EndRequest } from '../ports.ts';
import type { LegState } from './call-state.ts';

/** Causes that mean the service failed, whatever the parties did. */
const FAULTS: ReadonlySet<EndCause> = new Set(['internal-error', 'media-worker-died']);

/**
 * The final status of a leg. Of a dialled leg: refused by all its devices -> busy, rang in vain -> no-answer, nobody
 * registered or unreachable -> failed.
 *
 * DEVIATION: the 2010 API reports no-answer for a client that is not registered; `failed` tells the application that
 * nothing rang (BR-6).
 */
export function finalStatus(leg: LegState, cause: EndCause): CallFinalStatus {
  if (FAULTS.has(cause)) return 'failed';
  if (leg.phase === 'answered') return 'completed';
  switch (cause) {
    case 'busy':
      return 'busy';
    case 'rejected':
      // A caller turned away with <Reject> is a call that nobody took; a callee that refuses is busy.
      return leg.direction === 'inbound' ? 'no-answer' : 'busy';
    case 'no-answer':
      return 'no-answer';
    case 'canceled':
    case 'hangup-caller':
    case 'hangup-callee':
    case 'hangup-api':
    case 'time-limit':
      return 'canceled';
    case 'application-error':
    case 'connection-lost':
    case 'internal-error':
    case 'media-timeout':
    case 'media-worker-died':
    case 'not-registered':
    case 'shutdown':
    case 'unreachable':
      return 'failed';
  }
}

/** How an answered call ends when its instructions say so, or when there are none left. */
export const HANG_UP: EndRequest = { cause: 'hangup-api', message: 'the application ended the call' };
/** How a call that is not answered does, unless a verb left a better refusal. */
const TURN_AWAY: EndRequest = { cause: 'rejected', message: 'the application did not take the call' };

export function endOfInstructions(root: LegState, refusal: EndRequest | undefined): EndRequest {
  return root.phase === 'answered' ? HANG_UP : (refusal ?? TURN_AWAY);
}
