import {
  breaksLine,
  formatReason,
  formatUri,
  headerKey,
  headerTitle,
  isToken,
  parseNameAddr,
  reasonPhrase,
} from '../message/index.ts';
import { parseReason, unescapeUser } from '../message/index.ts';
import type { HeaderPair, NameAddr, SipRequest, SipResponse, Uri } from '../message/index.ts';
import type { Endpoint } from '../transport/index.ts';
import type { CallFailure, HeaderField, Party, RequestFacts, SipReason } from './api.ts';

/** Who a URI and a display name stand for. */
export function partyOf(uri: Uri | undefined, displayName = ''): Party {
  if (uri === undefined) return { uri: '', displayName, user: '', host: '' };
  const text = formatUri(uri);
  if (uri.scheme === 'other') return { uri: text, displayName, user: '', host: '' };
  if (uri.scheme === 'tel') return { uri: text, displayName, user: uri.number, host: '' };
  return { uri: text, displayName, user: unescapeUser(uri.user ?? ''), host: uri.host };
}

function partyOfHeader(value: NameAddr | undefined): Party {
  return partyOf(value?.uri, value?.displayName);
}

/** What handlers may know of a request. */
export function factsOf(request: SipRequest, source: Endpoint): RequestFacts {
  return {
    method: request.method,
    callId: request.callId ?? '',
    from: partyOfHeader(request.from),
    to: partyOfHeader(request.to),
    requestUri: partyOf(request.parsedUri),
    source,
    maxForwards: request.maxForwards,
    header: (name) => request.headers.get(name),
    headers: () => request.headers.lines.map(({ key, value }) => ({ name: headerTitle(key), value })),
  };
}

/** The Reason of a BYE, CANCEL or response (RFC 3326): the first that can be read. */
export function reasonOf(message: SipRequest | SipResponse): SipReason | undefined {
  for (const value of message.headers.all('reason')) {
    const reason = parseReason(value);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** As header lines; empty when there is none or it cannot be written. */
export function reasonHeader(reason: SipReason | undefined): HeaderPair[] {
  if (reason === undefined || !isToken(reason.protocol)) return [];
  return [['Reason', formatReason(reason)]];
}

/** Headers that the stack writes itself. */
const OWN = new Set(
  [
    'Via From To Call-ID CSeq Contact Max-Forwards Route Record-Route Allow Supported Require Proxy-Require',
    'Content-Type Content-Length Content-Encoding Authorization Proxy-Authorization RSeq RAck',
    'Session-Expires Min-SE Replaces Refer-To Refer-Sub Event Subscription-State Recv-Info Info-Package',
  ].flatMap((names) => names.toLowerCase().split(' ')),
);

const NONE: ReadonlySet<string> = new Set();

const isOwn = (key: string, open: ReadonlySet<string>): boolean => OWN.has(key) && !open.has(key);

/** Sorts the application's headers into usable ones and the names of those that must not or cannot be written. @param open keys that are allowed here */
export function extraHeaders(
  fields: readonly HeaderField[] | undefined,
  open: ReadonlySet<string> = NONE,
): { pairs: HeaderPair[]; refused: string[] } {
  const pairs: HeaderPair[] = [];
  const refused: string[] = [];
  for (const { name, value } of fields ?? []) {
    if (!isToken(name) || breaksLine(value) || isOwn(headerKey(name), open)) refused.push(name);
    else pairs.push([name, value]);
  }
  return { pairs, refused };
}

/** Contacts of a 3xx by q, highest first (RFC 3261 section 8.1.3.4). */
function contactsOf(response: SipResponse): string[] {
  return response.headers
    .all('contact')
    .map(parseNameAddr)
    .filter((contact) => contact !== undefined)
    .map(({ uri, params }) => ({ uri: formatUri(uri), q: Number(params.get('q') ?? 1) }))
    .sort((a, b) => b.q - a.q)
    .map(({ uri }) => uri);
}

/** The result of what only an answered call can do. */
export const NOT_ANSWERED = { ok: false, status: 481, reason: 'The Call Is Not Answered' } as const;

/** A failure that no response of the peer stands for. */
export function localFailure(status: number, reason = reasonPhrase(status)): CallFailure {
  return { status, reason, received: false, contacts: [] };
}

/** A received final response as failure of a call. */
/** A response's own headers, those that begin with X-, for the application. */
export function customHeaders(response: SipResponse): { readonly headers?: readonly HeaderField[] } {
  const own = response.headers.lines.filter(({ key }) => key.startsWith('x-'));
  return own.length === 0 ? {} : { headers: own.map(({ key, value }) => ({ name: headerTitle(key), value })) };
}

export function failureOf(response: SipResponse): CallFailure {
  const sipReason = reasonOf(response);
  const retryAfter = /^\d{1,9}/.exec(response.headers.get('retry-after') ?? '')?.[0];
  return {
    status: response.status,
    reason: response.reason,
    received: true,
    contacts: response.status < 400 ? contactsOf(response) : [],
    ...(sipReason === undefined ? {} : { sipReason }),
    ...(retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }),
    ...customHeaders(response),
  };
}
