import { headerTitle } from './names.ts';
import { problem } from './parse.ts';
import type { ParsedMessage, Problem, ProblemCode } from './parse.ts';
import type { SipRequest, SipResponse } from './message.ts';

/** Headers that may come only once (section 7.3.1: no comma list) and that decisions hang on. */
const ONCE = ['from', 'to', 'call-id', 'cseq', 'max-forwards', 'content-type'] as const;

/**
 * All problems of a message: those of its framing and those in the headers that every transaction needs (section
 * 8.1.1). Reads those headers, which the message then keeps.
 */
export function checkMessage(parsed: ParsedMessage): readonly Problem[] {
  const found = [...parsed.problems];
  const { message } = parsed;
  const required = [
    ['via', message.via],
    ['from', message.from],
    ['to', message.to],
    ['call-id', message.callId === '' ? undefined : message.callId],
    ['cseq', message.cseq],
  ] as const;
  for (const [key, value] of required) if (value === undefined) found.push(missingOrBad(message, key));
  for (const key of ONCE) {
    if (message.headers.count(key) > 1) found.push(problem('duplicate-header', headerTitle(key), 'more than one'));
  }
  checkContentLength(message, found);
  if (message.kind === 'request') checkRequest(message, found);
  return found;
}

function missingOrBad(message: SipRequest | SipResponse, key: string): Problem {
  const title = headerTitle(key);
  return message.headers.has(key)
    ? problem('bad-header', title, `${title} is malformed`)
    : problem('missing-header', title, `${title} is missing`);
}

function checkContentLength(message: SipRequest | SipResponse, found: Problem[]): void {
  if (message.headers.count('content-length') < 2) return;
  if (new Set(message.headers.all('content-length')).size > 1)
    found.push(problem('duplicate-header', 'Content-Length', 'several that differ'));
}

function checkRequest(message: SipRequest, found: Problem[]): void {
  const uri = message.parsedUri;
  if (uri === undefined) found.push(problem('request-uri', '', 'the Request-URI is malformed'));
  // Section 8.2.2.1: a scheme we do not speak is 416.
  else if (uri.scheme === 'other') found.push(problem('uri-scheme', '', 'the scheme of the Request-URI is unknown'));
  if (message.cseq !== undefined && message.cseq.method !== message.method)
    found.push(problem('cseq-method', 'CSeq', 'the method of CSeq is not that of the request'));
  // DEVIATION: RFC 3261 section 8.1.1 wants Max-Forwards; older devices leave it out, and nothing is lost without it.
  if (message.headers.has('max-forwards') && message.maxForwards === undefined)
    found.push(problem('bad-header', 'Max-Forwards', 'Max-Forwards is malformed'));
  if (message.method === 'INVITE' && message.headers.has('contact') && message.contact === undefined)
    found.push(problem('bad-header', 'Contact', 'Contact is malformed'));
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
  'content-length': 400,
  'not-utf8': undefined,
  'too-large': 513,
};

/** The status to refuse a request with, and the problem it is for; undefined when it can be worked with. */
export function refusal(problems: readonly Problem[]): { status: number; problem: Problem } | undefined {
  for (const found of problems) {
    const status = STATUS[found.code];
    if (status !== undefined) return { status, problem: found };
  }
  return undefined;
}
