import type { CallFailure } from '../../sip/index.ts';

/** What a failed attempt means for the next gateway and for the health of this one. */
export interface FailureVerdict {
  /** Whether another gateway may still reach the party. */
  readonly next: boolean;
  /** Whether the gateway itself is at fault. */
  readonly againstGateway: boolean;
  /** Why, for the log. */
  readonly why: string;
}

const verdict = (next: boolean, againstGateway: boolean, why: string): FailureVerdict => ({
  next,
  againstGateway,
  why,
});

/** By status. What is not listed goes by its class: 5xx is the server's own failure, everything else is an answer. */
const BY_STATUS: Readonly<Record<number, FailureVerdict>> = {
  401: verdict(true, false, 'the carrier did not take our credentials: another one may know us'),
  407: verdict(true, false, 'the carrier did not take our credentials: another one may know us'),
  408: verdict(true, true, 'nothing came back in time (RFC 3261 section 8.1.3.1, RFC 3263 section 4.3)'),
  430: verdict(true, true, 'the connection to the far end is gone (RFC 5626 section 11.5)'),
  500: verdict(true, true, 'the server failed (RFC 3261 section 21.5.1)'),
  501: verdict(true, false, 'the server cannot do this (RFC 3261 section 21.5.2)'),
  502: verdict(true, true, 'the gateway behind it failed (RFC 3261 section 21.5.3)'),
  503: verdict(true, true, 'the server is overloaded or away: try an alternate one (RFC 3261 section 21.5.4)'),
  504: verdict(true, true, 'the server behind it did not answer (RFC 3261 section 21.5.5)'),
  505: verdict(true, false, 'the server speaks another version (RFC 3261 section 21.5.6)'),
  513: verdict(true, false, 'the message was too large for this server (RFC 3261 section 21.5.7)'),
  // The path works and the party's side has decided: another path leads to the same answer.
  403: verdict(false, false, 'the call is not allowed (RFC 3261 section 21.4.4): do not repeat it'),
  404: verdict(false, false, 'the number does not exist (RFC 3261 section 21.4.5)'),
  410: verdict(false, false, 'the number is no longer in use (RFC 3261 section 21.4.10)'),
  480: verdict(false, false, 'the party was reached and is not available (RFC 3261 section 21.4.18)'),
  484: verdict(false, false, 'the number is incomplete (RFC 3261 section 21.4.22)'),
  486: verdict(false, false, 'the party is busy (RFC 3261 section 21.4.24)'),
  487: verdict(false, false, 'the call was given up (RFC 3261 section 21.4.25)'),
  488: verdict(false, false, 'no media in common (RFC 3261 section 21.4.26)'),
  580: verdict(false, false, 'preconditions of the media were not met (RFC 3312 section 8)'),
};
const OTHER_5XX = verdict(true, true, 'a failure of the server (RFC 3261 section 21.5)');
const GLOBAL = verdict(false, false, 'an answer for everywhere (RFC 3261 section 21.6): no other server can do it');
const REDIRECT = verdict(false, false, 'redirections of carriers are not followed');
const ANSWER = verdict(false, false, 'a refusal of this very call (RFC 3261 section 21.4): do not repeat it unchanged');

/**
 * ITU-T Q.850 causes that come from the party or the number: the call got there, whatever SIP status a gateway made of
 * it. 1 unallocated, 16 clearing, 17 busy, 18 and 19 no answer, 20 absent, 21 rejected, 22 changed, 28 incomplete.
 */
const REACHED = new Set([1, 16, 17, 18, 19, 20, 21, 22, 28]);

/** @param rang whether a telephone rang (180): then the call has got there, and a second one must not ring */
export function judgeFailure(
  failure: Pick<CallFailure, 'status' | 'received' | 'sipReason'>,
  rang: boolean,
): FailureVerdict {
  const { status, sipReason } = failure;
  if (rang) return verdict(false, false, 'it rang already');
  if (sipReason?.protocol.toUpperCase() === 'Q.850' && REACHED.has(sipReason.cause ?? 0)) {
    return verdict(false, false, `the far end says Q.850 cause ${String(sipReason.cause)}: the call got there`);
  }
  const known = BY_STATUS[status];
  if (known !== undefined) return known;
  if (status >= 600) return GLOBAL;
  if (status >= 500) return OTHER_5XX;
  return status < 400 ? REDIRECT : ANSWER;
}

/**
 * Whether what an OPTIONS ping brought shows a working gateway. Any answer does (RFC 3261 section 11.1: a server may
 * refuse the request and still live), but not 408, 503 and 504: those say that it cannot take calls.
 */
export function isAlive(pingStatus: number): boolean {
  return pingStatus >= 200 && ![408, 430, 502, 503, 504].includes(pingStatus);
}
