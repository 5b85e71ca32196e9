import { DISCONNECTS, HUB_ERRORS } from '@hookswitch/shared';
import type { HubErrorName } from '@hookswitch/shared';

/** Errors that arise in the client itself. Codes 300-399; those below 300 are the hub's (HUB_ERRORS). */
export const CLIENT_ERRORS = {
  offline: { code: 300, temporary: true, message: 'no connection to the server; it is being re-established' },
  connectionLost: {
    code: 301,
    temporary: true,
    message: 'the connection was lost before the answer came; whether the server acted is unknown',
  },
  timeout: { code: 302, temporary: true, message: 'the server did not answer in time' },
  closed: { code: 303, temporary: false, message: 'this client was closed' },
  badAnswer: { code: 304, temporary: false, message: 'the server answered something this client does not understand' },
  tooManyRequests: { code: 305, temporary: true, message: 'too many commands are waiting for their answers' },
  tokenProviderFailed: { code: 306, temporary: true, message: 'the function that provides tokens failed' },
  tokenExpired: {
    code: 307,
    temporary: false,
    message: 'the token has expired; a new one is needed',
  },
  stopped: { code: 308, temporary: false, message: 'the server closed the connection for good' },
  readerTooSlow: { code: 309, temporary: false, message: 'more events waited for the reader than it allowed' },
  invalidState: { code: 310, temporary: false, message: 'that cannot be done in the present state' },
  badDigits: { code: 311, temporary: false, message: 'digits are 0-9 A-D # *, w waits half a second, W a second' },
  microphoneRefused: {
    code: 320,
    temporary: false,
    message: 'the browser refuses the microphone; allow it in the site settings (beside the address), then try again',
  },
  microphoneMissing: {
    code: 321,
    temporary: false,
    message: 'no microphone was found; connect one or choose another, then try again',
  },
  microphoneBusy: {
    code: 322,
    temporary: true,
    message: 'the microphone could not be opened; close other programs that use it, then try again',
  },
  insecurePage: {
    code: 323,
    temporary: false,
    message: 'browsers give a microphone only to pages loaded over HTTPS or from this machine; open the page that way',
  },
  mediaUnsupported: {
    code: 324,
    temporary: false,
    message: 'this browser cannot make WebRTC calls; use a current Chrome, Edge, Firefox or Safari',
  },
  mediaLost: {
    code: 325,
    temporary: true,
    message: 'no path for audio to the server; a firewall may block UDP and TCP to its media port',
  },
  outputUnsupported: { code: 326, temporary: false, message: 'this browser cannot choose the speaker' },
} as const;

export type ClientErrorName = keyof typeof CLIENT_ERRORS;
export type ErrorName = HubErrorName | ClientErrorName;

export interface ErrorDetails {
  readonly message?: string;
  readonly cause?: unknown;
}

/** Every error of this library. `name` is stable and made for code, `message` says what happened and what to do. */
export class HookswitchError extends Error {
  override readonly name: ErrorName | 'unknown';
  readonly code: number;
  /** The same may succeed later without any change. */
  readonly temporary: boolean;

  constructor(
    name: ErrorName | 'unknown',
    facts: { code: number; temporary: boolean; message: string; cause?: unknown },
  ) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = name;
    this.code = facts.code;
    this.temporary = facts.temporary;
  }
}

export function clientError(name: ClientErrorName, { message, cause }: ErrorDetails = {}): HookswitchError {
  const entry = CLIENT_ERRORS[name];
  return new HookswitchError(name, { ...entry, message: message ?? entry.message, cause });
}

const NAMES = new Map<number, HubErrorName>(
  Object.entries(HUB_ERRORS).map(([name, { code }]) => [code, name as HubErrorName]),
);

/** An `error` frame as an error. */
export function hubError(frame: { code: number; message: string; temporary: boolean }): HookswitchError {
  return new HookswitchError(NAMES.get(frame.code) ?? 'unknown', frame);
}

/** Why a new token is needed, by close code (4100-4199). */
export function tokenError(code: number, reason: string): HookswitchError {
  if (code === DISCONNECTS.tokenExpired.code) return clientError('tokenExpired');
  const row = code === DISCONNECTS.tokenRevoked.code ? HUB_ERRORS.tokenRevoked : HUB_ERRORS.tokenInvalid;
  return hubError({ ...row, message: reason || row.message });
}

/** Why the connection was closed for good, by close code. */
export function stopError(code: number, reason: string): HookswitchError {
  if (code === DISCONNECTS.accountInactive.code) return hubError(HUB_ERRORS.accountInactive);
  return clientError('stopped', { message: `the server closed the connection for good: ${reason} (${code})` });
}

/** Any thrown value as one of ours. */
export function toHookswitchError(error: unknown, fallback: ClientErrorName): HookswitchError {
  if (error instanceof HookswitchError) return error;
  const entry = CLIENT_ERRORS[fallback];
  const detail = error instanceof Error ? error.message : String(error);
  return clientError(fallback, { message: `${entry.message} (${detail})`, cause: error });
}
