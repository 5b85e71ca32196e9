import { formatReason, reasonPhrase } from '../message/index.ts';

/** ITU-T Q.850 cause (RFC 3398 section 8.2.6.1) and what it means to people, by status. */
const REASONS: Readonly<Record<number, readonly [cause: number, text: string]>> = {
  302: [23, 'The call is redirected'],
  400: [41, 'The request is malformed'],
  401: [21, 'Credentials are needed'],
  403: [21, 'The call is not allowed here'],
  404: [1, 'The number is not in use here'],
  405: [63, 'The method is not allowed'],
  406: [79, 'The request asks for an answer of a kind that is not spoken here'],
  407: [21, 'Credentials are needed'],
  408: [102, 'Nobody answered in time'],
  410: [22, 'The number has changed'],
  413: [127, 'The message is too large'],
  414: [127, 'The Request-URI is too long'],
  415: [79, 'The body is of a type that is not spoken here'],
  416: [127, 'The scheme of the Request-URI is not spoken here'],
  420: [127, 'An extension is required that is not spoken here'],
  421: [127, 'An extension is needed that the request does not offer'],
  422: [127, 'The session interval is too small'],
  423: [127, 'The interval is too brief'],
  469: [79, 'The Info Package is not spoken here'],
  480: [18, 'Nobody is there to answer'],
  481: [41, 'The call or transaction is not known here'],
  482: [25, 'The request came twice, over two ways'],
  483: [25, 'The request has passed too many hops'],
  484: [28, 'The number is incomplete'],
  485: [1, 'The number is ambiguous'],
  486: [17, 'Busy'],
  487: [16, 'The caller gave up'],
  488: [88, 'No media description that both sides can use'],
  489: [79, 'The event package is not spoken here'],
  491: [41, 'Another change of the call is under way'],
  493: [79, 'The body cannot be decrypted'],
  500: [41, 'The request cannot be served now'],
  501: [79, 'The method is not known'],
  502: [38, 'The next server gave no usable answer'],
  503: [42, 'No more calls are taken now'],
  504: [102, 'An answer was not acknowledged in time'],
  505: [127, 'The SIP version is not spoken here'],
  513: [127, 'The message is too large'],
  600: [17, 'Busy everywhere'],
  603: [21, 'The call is declined'],
  604: [1, 'The number does not exist'],
  606: [88, 'No media description that both sides can use'],
};

/** The Reason (RFC 3326, RFC 6432) of a refusal for which nobody gave a better one. */
export function refusalReason(status: number): string {
  const [cause, text] = REASONS[status] ?? [status >= 500 ? 41 : 31, reasonPhrase(status)];
  return formatReason({ protocol: 'Q.850', cause, text });
}
