import type { StatusEvent } from '@hookswitch/shared';
import type { CallState, LegState } from './call-state.ts';

const API_VERSION = '2010-04-01';

/** CallStatus of a leg as requests report it. */
export function callStatus(leg: LegState): string {
  if (leg.outcome !== undefined) return leg.outcome.status;
  return leg.phase === 'answered' ? 'in-progress' : leg.phase === 'ringing' ? 'ringing' : 'queued';
}

/** Parameters that every request about a leg carries. */
export function legParams(state: CallState, leg: LegState): Record<string, string> {
  const params: Record<string, string> = {
    CallSid: leg.callSid,
    AccountSid: state.accountSid,
    From: leg.from,
    To: leg.to,
    Caller: leg.from,
    Called: leg.to,
    CallStatus: callStatus(leg),
    ApiVersion: API_VERSION,
    Direction: leg.direction,
  };
  if (leg.parentCallSid !== undefined) params['ParentCallSid'] = leg.parentCallSid;
  return params;
}

/** Parameters of a request for instructions; a caller's own never replace a standard one. */
export function instructionParams(
  state: CallState,
  root: LegState,
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  return { ...state.extraParams, ...more, ...legParams(state, root) };
}

/** Parameters of a status callback; the runner adds Timestamp. */
export function callbackParams(state: CallState, leg: LegState, event: StatusEvent): Record<string, string> {
  const params = legParams(state, leg);
  if (event === 'initiated') params['CallStatus'] = 'initiated';
  params['CallbackSource'] = 'call-progress-events';
  params['SequenceNumber'] = String(leg.callbackSequence);
  if (leg.outcome !== undefined) {
    params['CallDuration'] = String(leg.outcome.durationSeconds);
    params['Duration'] = String(Math.ceil(leg.outcome.durationSeconds / 60));
    if (leg.outcome.sipStatus !== undefined) params['SipResponseCode'] = String(leg.outcome.sipStatus);
  }
  return params;
}
