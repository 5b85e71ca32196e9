import type { IncomingCall } from './ports.ts';

/**
 * Request parameters that only calls which came in have, beside the standard ones. Which of them are there by kind of
 * call: docs/spec/callbacks.md. A party's own parameters come first: they never replace one of the standard names.
 */
export function incomingParams(call: IncomingCall): Record<string, string> {
  const { origin, applicationSid, forwardedFrom, sipHeaders = {} } = call;
  const params: Record<string, string> = {};
  if (forwardedFrom !== undefined) params['ForwardedFrom'] = forwardedFrom;
  for (const [name, value] of Object.entries(sipHeaders)) params[`SipHeader_${name}`] = value;
  if (origin.kind !== 'sip') {
    return { ...origin.params, ...params, ...(applicationSid === undefined ? {} : { ApplicationSid: applicationSid }) };
  }
  const { sipCallId, sourceIp, callerName, stirVerstat, domain } = origin;
  return {
    ...params,
    SipCallId: sipCallId,
    SipSourceIp: sourceIp,
    ...(callerName === undefined ? {} : { CallerName: callerName }),
    ...(stirVerstat === undefined ? {} : { StirVerstat: stirVerstat }),
    ...(domain === undefined ? {} : { SipDomain: domain.name, SipDomainSid: domain.sid }),
    ...(domain?.username === undefined ? {} : { SipUsername: domain.username }),
  };
}
