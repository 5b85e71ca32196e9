import { formatHost } from '../message/index.ts';
import type { SipRequest, SipResponse, Via } from '../message/index.ts';

/** What RFC 3261 branches begin with (section 8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK';

/** The method whose server transaction a request belongs to: an ACK to its INVITE (section 17.2.3). */
function matchingMethod(method: string): string {
  return method === 'ACK' ? 'INVITE' : method;
}

/**
 * Key of a request's server transaction (section 17.2.3): branch, sent-by and method. Requests of RFC 2543 peers, whose
 * branch lacks the magic cookie, are matched by Request-URI, From tag, Call-ID, CSeq number and top Via; the To tag is
 * left out, since the transaction is looked for before its response gave one.
 */
export function serverKey(request: SipRequest, method = request.method): string {
  const via = request.via;
  const branch = via?.params.get('branch') ?? '';
  const name = matchingMethod(method);
  if (branch.startsWith(MAGIC_COOKIE)) return `${branch.toLowerCase()}|${sentBy(via)}|${name}`;
  const number = String(request.cseq?.number ?? '');
  return ['2543', request.uri, request.fromTag ?? '', request.callId, number, sentBy(via), branch, name].join('|');
}

/** Key of a client transaction (section 17.1.3): branch and the method of CSeq. */
export function clientKey(branch: string, method: string): string {
  return `${branch}|${method}`;
}

export function responseKey(response: SipResponse): string {
  return clientKey(response.via?.params.get('branch') ?? '', response.cseq?.method ?? '');
}

/** Equal for copies of one request that came over different paths (section 8.2.2.2). */
export function mergeKey(request: SipRequest): string {
  const { number, method } = request.cseq ?? { number: 0, method: '' };
  return `${request.fromTag ?? ''}|${request.callId ?? ''}|${number}|${method}`;
}

function sentBy(via: Via | undefined): string {
  return via === undefined ? '' : `${formatHost(via.host).toLowerCase()}:${via.port ?? 5060}`;
}
