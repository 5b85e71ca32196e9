import { formatHost } from '../message/index.ts';
import type { SipRequest, SipResponse, Via } from '../message/index.ts';

/** Longest text that {@link detached} copies by the short way. */
const scratch = Buffer.alloc(2048);

/**
 * A copy of its own, for texts that are kept: V8 makes pieces of a text, and texts put together, as references to the
 * whole ones, and a key of 60 characters would keep a message of 1 000 in memory.
 */
export function detached(text: string): string {
  // UTF-8 takes three bytes at most for each UTF-16 unit.
  if (text.length * 3 > scratch.length) return Buffer.from(text, 'utf8').toString('utf8');
  return scratch.toString('utf8', 0, scratch.write(text, 0, 'utf8'));
}

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
  // The cookie alone identifies nothing (RFC 4475 section 3.2.1).
  if (branch.startsWith(MAGIC_COOKIE) && branch.length > MAGIC_COOKIE.length)
    return `${branch.toLowerCase()}|${sentBy(via)}|${name}`;
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
