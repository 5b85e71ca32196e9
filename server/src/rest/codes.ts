/** Errors of the REST API by the reason they have inside: code and status as in the 2010-04-01 voice API. */
export const REST_CODES = {
  badRequest: { code: 20001, status: 400, title: 'Bad request' },
  unauthorized: { code: 20003, status: 401, title: 'Authenticate' },
  methodNotAllowed: { code: 20004, status: 405, title: 'Method not allowed' },
  accountInactive: { code: 20005, status: 403, title: 'Account not active' },
  accessDenied: { code: 20006, status: 403, title: 'Access denied' },
  notFound: { code: 20404, status: 404, title: 'The requested resource was not found' },
  conflict: { code: 20409, status: 409, title: 'Conflict with the present state of the resource' },
  tooLarge: { code: 20413, status: 413, title: 'Request body too large' },
  unsupportedMediaType: { code: 20415, status: 415, title: 'Unsupported media type' },
  tooManyRequests: { code: 20429, status: 429, title: 'Too many requests' },
  internal: { code: 20500, status: 500, title: 'Internal error' },
  unavailable: { code: 20503, status: 503, title: 'Service unavailable' },
  noTo: { code: 21201, status: 400, title: 'No called party: To is required' },
  invalidUrl: { code: 21205, status: 400, title: 'Invalid URL' },
  callerNotAllowed: {
    code: 21210,
    status: 400,
    title: 'From is neither a number nor an outgoing caller id of the account',
  },
  invalidTo: { code: 21211, status: 400, title: 'Invalid To' },
  invalidFrom: { code: 21212, status: 400, title: 'Invalid From' },
  noFrom: { code: 21213, status: 400, title: 'No caller: From is required' },
  invalidApplication: { code: 21218, status: 400, title: 'Invalid ApplicationSid' },
  callNotInProgress: { code: 21220, status: 400, title: 'The call is not in progress and cannot be changed' },
  invalidNumber: { code: 21421, status: 400, title: 'Invalid phone number' },
  numberTaken: { code: 21422, status: 400, title: 'Phone number not available' },
  noNumberFound: { code: 21452, status: 400, title: 'No phone number found' },
  queueNotEmpty: { code: 22002, status: 400, title: 'The queue is not empty' },
  queueExists: { code: 22003, status: 400, title: 'A queue of this name exists already' },
} as const;

export type RestReason = keyof typeof REST_CODES;

export function isRestReason(text: unknown): text is RestReason {
  return typeof text === 'string' && Object.hasOwn(REST_CODES, text);
}
