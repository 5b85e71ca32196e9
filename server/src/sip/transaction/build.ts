import { NO_BODY, createRequest, createResponse, formatParams, formatVia, splitList } from '../message/index.ts';
import type { HeaderPair, SipRequest, SipResponse } from '../message/index.ts';
import { refusalReason } from './refusal-reason.ts';

export interface ResponseParts {
  readonly status: number;
  readonly reason?: string;
  /** Added to To unless the request has one (section 8.2.6.2). */
  readonly toTag?: string | undefined;
  readonly headers?: readonly HeaderPair[];
  readonly body?: Buffer;
}

/** A response to `request` with the headers of section 8.2.6.2, a refusal with a Reason (RFC 3326). Works on requests that lack some of them. */
export function responseTo(request: SipRequest, parts: ResponseParts): SipResponse {
  const headers: HeaderPair[] = [];
  for (const line of request.headers.lines) if (line.key === 'via') headers.push(['Via', line.value]);
  for (const name of ['From', 'To', 'Call-ID', 'CSeq']) {
    const value = request.headers.get(name);
    if (value !== undefined) headers.push([name, name === 'To' ? withTag(request, value, parts) : value]);
  }
  // Section 12.1.1: responses that create a dialog carry the Record-Route of the request.
  if (request.method === 'INVITE' && parts.status > 100 && parts.status < 300)
    for (const value of request.headers.all('record-route')) headers.push(['Record-Route', value]);
  // Section 8.2.6.1: a 100 repeats the Timestamp.
  const timestamp = request.headers.get('timestamp');
  if (parts.status === 100 && timestamp !== undefined) headers.push(['Timestamp', timestamp]);
  headers.push(...(parts.headers ?? []));
  if (parts.status >= 300 && !headers.some(([name]) => name.toLowerCase() === 'reason'))
    headers.push(['Reason', refusalReason(parts.status)]);
  const start = parts.reason === undefined ? { status: parts.status } : { status: parts.status, reason: parts.reason };
  return createResponse(start, headers, parts.body ?? NO_BODY);
}

function withTag(request: SipRequest, value: string, { status, toTag }: ResponseParts): string {
  if (status === 100 || toTag === undefined || request.to === undefined || request.toTag !== undefined) return value;
  // Right for a bare addr-spec too: its parameters are those of the header.
  return `${value}${formatParams(new Map([['tag', toTag]]))}`;
}

/** Parts of a request that its ACK and its CANCEL repeat. */
function repeated(request: SipRequest, method: string, to: string): HeaderPair[] {
  const via = request.via;
  const headers: HeaderPair[] = [
    ['Via', via === undefined ? '' : formatVia(via)],
    ['From', request.headers.get('from') ?? ''],
    ['To', to],
    ['Call-ID', request.callId ?? ''],
    ['CSeq', `${request.cseq?.number ?? 0} ${method}`],
    ['Max-Forwards', '70'],
  ];
  for (const line of request.headers.lines) {
    if (line.key === 'route') for (const value of splitList(line.value)) headers.push(['Route', value]);
  }
  return headers;
}

/** The ACK of a 300-699, sent by the transaction itself (section 17.1.1.3). */
export function ackFor(request: SipRequest, response: SipResponse): SipRequest {
  const to = response.headers.get('to') ?? request.headers.get('to') ?? '';
  return createRequest({ method: 'ACK', uri: request.uri }, repeated(request, 'ACK', to));
}

/** The CANCEL of an INVITE (section 9.1). */
export function cancelFor(request: SipRequest, extra: readonly HeaderPair[] = []): SipRequest {
  const headers = [...repeated(request, 'CANCEL', request.headers.get('to') ?? ''), ...extra];
  return createRequest({ method: 'CANCEL', uri: request.uri }, headers);
}
