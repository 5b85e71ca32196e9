import { headerTitle } from './names.ts';
import { problem } from './parse.ts';
import type { ParsedMessage, Problem, ProblemCode } from './parse.ts';
import type { SipRequest, SipResponse } from './message.ts';

/** Headers that may come only once (section 7.3.1: no comma list) and that decisions hang on; a bit for each. */
const ONCE = new Map(
  [
    'from',
    'to',
    'call-id',
    'cseq',
    'max-forwards',
    'content-type',
    'content-length',
    'expires',
    'event',
    'rack',
    'rseq',
    'refer-to',
    'replaces',
    'session-expires',
    'min-se',
  ].map((key, index) => [key, 1 << index] as const),
);

/**
 * All problems of a message: those of its framing and those in the headers that every transaction needs (section
 * 8.1.1). Reads those headers, which the message then keeps.
 *
 * What nobody needs may be malformed (section 8.2): a Date in a strange time zone, a `;;` in Contact, an unknown
 * header without sense, a Warning nobody reads. What decides where an answer goes, which call it belongs to or what was
 * asked for must be right.
 */
export function checkMessage(parsed: ParsedMessage): readonly Problem[] {
  const found = [...parsed.problems];
  const { message } = parsed;
  if (message.via === undefined) found.push(missingOrBad(message, 'via'));
  if (message.from === undefined) found.push(missingOrBad(message, 'from'));
  if (message.to === undefined) found.push(missingOrBad(message, 'to'));
  if (isEmpty(message.callId)) found.push(missingOrBad(message, 'call-id'));
  if (message.cseq === undefined) found.push(missingOrBad(message, 'cseq'));
  checkOnce(message, found);
  if (message.kind === 'request') checkRequest(message, found);
  return found;
}

function isEmpty(value: string | undefined): boolean {
  return value === undefined || value === '';
}

function missingOrBad(message: SipRequest | SipResponse, key: string): Problem {
  const title = headerTitle(key);
  return message.headers.has(key)
    ? problem('bad-header', title, `${title} is malformed`)
    : problem('missing-header', title, `${title} is missing`);
}

/** One pass over the lines, whatever there is to be looked for. */
function checkOnce(message: SipRequest | SipResponse, found: Problem[]): void {
  let seen = 0;
  for (const { key } of message.headers.lines) {
    const bit = ONCE.get(key);
    if (bit === undefined) continue;
    if ((seen & bit) !== 0 && !repeatsItself(message, key))
      found.push(problem('duplicate-header', headerTitle(key), 'more than one'));
    seen |= bit;
  }
}

/** Section 20.14 by leniency: a Content-Length that says the same twice misleads nobody. */
function repeatsItself(message: SipRequest | SipResponse, key: string): boolean {
  return key === 'content-length' && new Set(message.headers.all(key)).size === 1;
}

/** Methods that exist, for the choice between 400 and 501; which ones we take is the user agent's business (405). */
const METHODS = new Set([
  ...['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'REGISTER', 'PRACK'],
  ...['UPDATE', 'INFO', 'REFER', 'NOTIFY', 'SUBSCRIBE', 'MESSAGE', 'PUBLISH'],
]);

function checkRequest(message: SipRequest, found: Problem[]): void {
  const { method, cseq, headers } = message;
  checkRequestUri(message, found);
  if (cseq !== undefined && cseq.method !== method) {
    // RFC 4475 section 3.1.2.18: of an unknown method, 501 tells the peer more.
    const code = METHODS.has(method) ? 'cseq-method' : 'unknown-method';
    found.push(problem(code, 'CSeq', 'the method of CSeq is not that of the request'));
  }
  // DEVIATION: RFC 3261 section 8.1.1 wants Max-Forwards; older devices leave it out, and nothing is lost without it.
  if (!isHops(message.maxForwards) && headers.has('max-forwards'))
    found.push(problem('bad-header', 'Max-Forwards', 'Max-Forwards is malformed'));
  if (message.contact === undefined && headers.has('contact') && headers.get('contact') !== '*')
    found.push(problem('bad-header', 'Contact', 'Contact is malformed'));
  if (method === 'INVITE') checkInvite(message, found);
}

/** Section 20.22: 0 to 255. */
function isHops(value: number | undefined): boolean {
  return value !== undefined && value <= 255;
}

function checkRequestUri(message: SipRequest, found: Problem[]): void {
  const uri = message.parsedUri;
  if (uri === undefined) found.push(problem('request-uri', '', 'the Request-URI is malformed'));
  // Section 8.2.2.1: a scheme we do not speak is 416.
  else if (uri.scheme === 'other') found.push(problem('uri-scheme', '', 'the scheme of the Request-URI is unknown'));
  // Section 19.1.1, table 1.
  else if (uri.scheme !== 'tel' && uri.headers !== undefined)
    found.push(problem('request-uri', '', 'the Request-URI has headers'));
}

/** What an INVITE can be refused for before anybody looks at who sent it. */
function checkInvite(message: SipRequest, found: Problem[]): void {
  // A server may take a request that has no hops left (section 11 for OPTIONS). An INVITE may leave us again as another
  // call, and a loop through two such servers would never end: RFC 7332 wants 483 here.
  if (message.maxForwards === 0 && message.toTag === undefined)
    found.push(problem('too-many-hops', 'Max-Forwards', 'no hops left'));
  // Section 13.3.1 with 20.1: we would answer by SDP, and the caller says that it takes none.
  if (message.headers.has('accept') && !takesSdp(message.headers.all('accept')))
    found.push(problem('not-acceptable', 'Accept', 'application/sdp is not among what the caller accepts'));
}

function takesSdp(accepted: readonly string[]): boolean {
  // An empty Accept means that nothing is acceptable (section 20.1).
  return accepted.some((range) => /^(application\/(sdp|\*)|\*\/\*)\s*(;|$)/i.test(range));
}

const STATUS: Readonly<Record<ProblemCode, number | undefined>> = {
  version: 505,
  'request-line': 400,
  'request-uri': 400,
  'uri-scheme': 416,
  // Section 8.2: malformed headers that are not needed are ignored.
  'header-line': undefined,
  'header-end': 400,
  'missing-header': 400,
  'bad-header': 400,
  'duplicate-header': 400,
  'cseq-method': 400,
  'unknown-method': 501,
  'content-length': 400,
  'not-utf8': undefined,
  'too-large': 513,
  'too-many-hops': 483,
  'not-acceptable': 406,
};

/** The status to refuse a request with, and the problem it is for; undefined when it can be worked with. */
export function refusal(problems: readonly Problem[]): { status: number; problem: Problem } | undefined {
  for (const found of problems) {
    const status = STATUS[found.code];
    if (status !== undefined) return { status, problem: found };
  }
  return undefined;
}
