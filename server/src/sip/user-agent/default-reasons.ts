import type { SipReason } from './api.ts';

/** Reasons (RFC 3326) of what the stack sends by itself, or for an application that gave none. */
export const NORMAL_CLEARING: SipReason = { protocol: 'Q.850', cause: 16, text: 'Normal call clearing' };
export const GIVEN_UP: SipReason = { protocol: 'Q.850', cause: 16, text: 'The call was given up' };
export const NO_ANSWER: SipReason = { protocol: 'Q.850', cause: 19, text: 'Nobody answered in time' };
export const ELSEWHERE: SipReason = { protocol: 'SIP', cause: 200, text: 'Call completed elsewhere' };
export const REPLACED: SipReason = { protocol: 'SIP', cause: 200, text: 'Replaced by another call' };
export const SHUTTING_DOWN: SipReason = { protocol: 'Q.850', cause: 38, text: 'The server is shutting down' };
export const EXPIRED: SipReason = { protocol: 'SIP', cause: 408, text: 'The session was not refreshed in time' };
export const NO_MEDIA: SipReason = {
  protocol: 'SIP',
  cause: 488,
  text: 'No media description that both sides can use',
};
export const CHANGE_GIVEN_UP: SipReason = { protocol: 'Q.850', cause: 16, text: 'The change was given up' };
export const NO_TRANSFER: SipReason = { protocol: 'Q.850', cause: 29, text: 'Transfer is not set up' };
export const NO_CALL: SipReason = { protocol: 'Q.850', cause: 29, text: 'A transfer is asked for inside the call' };
export const NO_REPLACING: SipReason = { protocol: 'Q.850', cause: 29, text: 'Taking over a call is not set up' };
export const NEVER_ACKNOWLEDGED: SipReason = {
  protocol: 'Q.850',
  cause: 102,
  text: 'The caller never acknowledged a provisional response',
};
