import type { StatusEvent } from '@hookswitch/shared';
import type { CallState, LegState } from './call-state.ts';

const API_VERSION = '2010-04-01';

/** Where a number is at home is not looked up: the parameters are there and empty, as for numbers nobody knows. */
const placesOf = (...parties: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    parties.flatMap((party) => ['City', 'State', 'Zip', 'Country'].map((part) => [`${party}${part}`, ''])),
  );
const FROM_PLACE = placesOf('From', 'Caller');
const TO_PLACE = placesOf('To', 'Called');

const isNumber = (party: string): boolean => /^\+[0-9]{3,15}$/.test(party);

/** CallStatus of a leg as requests report it. */
function callStatus(leg: LegState): string {
  if (leg.outcome !== undefined) return leg.outcome.status;
  return leg.phase === 'answered' ? 'in-progress' : leg.phase === 'ringing' ? 'ringing' : 'queued';
}

/** Parameters that every request about a leg carries. */
function legParams(state: CallState, leg: LegState): Record<string, string> {
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
  if (isNumber(leg.from)) Object.assign(params, FROM_PLACE);
  if (isNumber(leg.to)) Object.assign(params, TO_PLACE);
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

/** Parameters of a request about a leg that need not be the caller's. */
export function legInstructionParams(
  state: CallState,
  leg: LegState,
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  return leg.callSid === state.rootSid ? instructionParams(state, leg, more) : { ...more, ...legParams(state, leg) };
}

/** User name and password of an address stay out of events and logs. */
export function publicUrl(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#@]*@/i, '$1');
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
