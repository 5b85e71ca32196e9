import { isAscii, isUtf8 } from 'node:buffer';
import { isBlank } from './chars.ts';
import { HeaderList, ReceivedLine } from './header-list.ts';
import type { HeaderLine } from './header-list.ts';
import { isToken } from './lexical.ts';
import { NO_BODY, SipRequest, SipResponse } from './message.ts';
import { knownHeaderAt } from './names.ts';
import { parseNumber } from './values.ts';

/** What is wrong with a received message. {@link refusal} says which ones a request is refused for. */
export type ProblemCode =
  | 'version'
  | 'request-line'
  | 'request-uri'
  | 'uri-scheme'
  | 'header-line'
  | 'header-end'
  | 'missing-header'
  | 'bad-header'
  | 'duplicate-header'
  | 'cseq-method'
  | 'unknown-method'
  | 'content-length'
  | 'not-utf8'
  | 'too-large'
  | 'too-many-hops'
  | 'not-acceptable';

export interface Problem {
  readonly code: ProblemCode;
  /** The header it is about; empty for the start line and the message as a whole. */
  readonly header: string;
  readonly message: string;
}

export type ParsedMessage =
  | { readonly kind: 'request'; readonly message: SipRequest; readonly problems: readonly Problem[] }
  | { readonly kind: 'response'; readonly message: SipResponse; readonly problems: readonly Problem[] };

export const PARSE_LIMITS = {
  /** Bytes of start line and headers together. */
  headBytes: 32_768,
  headerLines: 256,
  /** Characters of one header line, folding undone. */
  lineLength: 8_192,
  bodyBytes: 65_535,
} as const;

/** A message cut out of its bytes: what the head says is read, what the headers mean is not yet. */
interface Head {
  readonly startLine: string;
  readonly lines: HeaderLine[];
  readonly problems: Problem[];
  /** Where the body starts, counted from the start of the message. */
  readonly bodyAt: number;
}

/** How nearly every request line ends. */
const VERSION = ' SIP/2.0';
const CR = 13;
const LF = 10;

/** Cheap test for a datagram: is its first line that of a SIP message? */
export function startsLikeSip(bytes: Buffer): boolean {
  const start = skipLineEnds(bytes);
  const lineEnd = bytes.indexOf(LF, start);
  const end = Math.min(lineEnd < 0 ? bytes.length : lineEnd, start + PARSE_LIMITS.headBytes);
  return kindOf(bytes.toString('latin1', start, end)) !== undefined;
}

/** Section 7.5: any CRLF before the start line is ignored. */
function skipLineEnds(bytes: Buffer): number {
  let start = 0;
  while (bytes[start] === CR || bytes[start] === LF) start++;
  return start;
}

/** What a first line announces; undefined when it is neither a request line nor a status line. */
function kindOf(line: string): 'request' | 'response' | undefined {
  if (line.endsWith(VERSION) || line.endsWith(' SIP/2.0\r')) return 'request';
  if (/^SIP\/\d/i.test(line)) return 'response';
  return / SIP\/\d+\.\d+[ \t\r]*$/i.test(line.slice(-64)) ? 'request' : undefined;
}

/**
 * Reads one message out of a datagram (or a framed piece of a stream). Never throws. Undefined only for bytes that do
 * not start like SIP; everything else yields a typed partial result with its problems, so that a server can answer it.
 *
 * Its speed comes from leaving things undone: the bytes become one string at once, whose lines are found and whose
 * header names are recognised in place (see `chars.ts`); values are cut out and read on demand, and
 * {@link checkMessage} finds what is wrong in those that matter.
 */
export function parseMessage(bytes: Buffer): ParsedMessage | undefined {
  const start = skipLineEnds(bytes);
  const head = readHead(bytes, start);
  if (head === undefined) return undefined;
  const headers = new HeaderList(head.lines);
  const body = readBody(bytes, start + head.bodyAt, head.problems, headers);
  return head.kind === 'response' ? finishResponse(head, headers, body) : finishRequest(head, headers, body);
}

function readHead(bytes: Buffer, start: number): (Head & { readonly kind: 'request' | 'response' }) | undefined {
  const limit = Math.min(bytes.length, start + PARSE_LIMITS.headBytes);
  // Latin-1 costs no decoding, and an index into it is an index into the bytes.
  const text = bytes.toString('latin1', start, limit);
  const startLine = firstLine(text);
  const kind = kindOf(startLine);
  if (kind === undefined) return undefined;
  const problems: Problem[] = [];
  const read = readLines(text, problems);
  const bodyAt = read.bodyAt ?? bytes.length - start;
  if (read.bodyAt === undefined && read.lines.length < PARSE_LIMITS.headerLines) {
    if (limit < bytes.length)
      problems.push(problem('too-large', '', `headers of more than ${PARSE_LIMITS.headBytes} bytes`));
    else problems.push(problem('header-end', '', 'no empty line after the headers'));
  }
  if (isAscii(bytes)) return { kind, startLine, lines: read.lines, problems, bodyAt };
  const head = bytes.subarray(start, Math.min(start + bodyAt, limit));
  if (isAscii(head)) return { kind, startLine, lines: read.lines, problems, bodyAt };
  if (!isUtf8(head)) {
    problems.push(problem('not-utf8', '', 'the headers are not UTF-8; read as Latin-1'));
    return { kind, startLine, lines: read.lines, problems, bodyAt };
  }
  // The same lines once more, with their characters this time.
  const decoded = head.toString('utf8');
  return { kind, startLine: firstLine(decoded), lines: readLines(decoded, []).lines, problems, bodyAt };
}

/** The first line without its line end. */
function firstLine(text: string): string {
  const end = text.indexOf('\n');
  if (end < 0) return text;
  return text.slice(0, text.charCodeAt(end - 1) === CR ? end - 1 : end);
}

interface Lines {
  readonly lines: HeaderLine[];
  /** Index behind the empty line; undefined when there is none. */
  readonly bodyAt: number | undefined;
}

/** Reads the header lines up to the empty one. Lenient: a bare LF ends a line too. */
function readLines(text: string, problems: Problem[]): Lines {
  const lines: HeaderLine[] = [];
  let at = text.indexOf('\n') + 1;
  if (at === 0) return { lines, bodyAt: undefined };
  // The next colon at or behind `at`: looked for once, however many lines have none.
  let colon = -1;
  while (at < text.length) {
    const lineEnd = text.indexOf('\n', at);
    const next = lineEnd < 0 ? text.length : lineEnd;
    const end = lineEnd > at && text.charCodeAt(lineEnd - 1) === CR ? lineEnd - 1 : next;
    if (end === at) return { lines, bodyAt: next + 1 };
    if (lines.length >= PARSE_LIMITS.headerLines) {
      problems.push(problem('too-large', '', `more than ${PARSE_LIMITS.headerLines} header lines`));
      return { lines, bodyAt: undefined };
    }
    if (colon < at) colon = text.indexOf(':', at);
    if (colon < 0) colon = text.length;
    if (isBlank(text.charCodeAt(next + 1))) at = readFolded(text, at, { lines, problems });
    else {
      // Names are read in the whole text: V8 looks into a string that was cut out of another more slowly.
      const key = colon < end ? keyAt(text, at, colon) : undefined;
      addLine(key, { line: text.slice(at, end), colon: colon - at }, { lines, problems });
      at = next + 1;
    }
  }
  return { lines, bodyAt: undefined };
}

interface Found {
  readonly lines: HeaderLine[];
  readonly problems: Problem[];
}

/** A line that goes on in the next one (section 7.3.1). Returns the index behind it. */
function readFolded(text: string, from: number, found: Found): number {
  const pieces: string[] = [];
  let at = from;
  do {
    const lineEnd = text.indexOf('\n', at);
    const next = lineEnd < 0 ? text.length : lineEnd;
    pieces.push(text.slice(at, next).trim());
    at = next + 1;
  } while (at < text.length && isBlank(text.charCodeAt(at)));
  const line = pieces.join(' ');
  const colon = line.indexOf(':');
  addLine(colon < 0 ? undefined : keyAt(line, 0, colon), { line, colon }, found);
  return at;
}

/** The key of the header name before a colon; undefined when what stands there is no token. */
function keyAt(text: string, from: number, colon: number): string | undefined {
  let end = colon;
  while (end > from && isBlank(text.charCodeAt(end - 1))) end--;
  const known = knownHeaderAt(text, from, end);
  if (known !== undefined) return known;
  const name = text.slice(from, end);
  return isToken(name) ? name.toLowerCase() : undefined;
}

function addLine(key: string | undefined, { line, colon }: { line: string; colon: number }, found: Found): void {
  const { lines, problems } = found;
  if (key === undefined) {
    if (line.trim() !== '')
      problems.push(problem('header-line', line.slice(0, 40), 'a line that is not `name: value`'));
  } else if (line.length > PARSE_LIMITS.lineLength)
    problems.push(problem('too-large', key, `a header line of more than ${PARSE_LIMITS.lineLength} characters`));
  else lines.push(new ReceivedLine(key, line, colon));
}

/** Section 18.3: Content-Length bounds the body; on datagrams what is beyond is dropped and what lacks is an error. */
function readBody(bytes: Buffer, bodyAt: number, problems: Problem[], headers: HeaderList): Buffer {
  const available = bytes.length - bodyAt;
  const stated = headers.get('content-length');
  let length = available;
  if (stated !== undefined) {
    const number = parseNumber(stated);
    if (number === undefined) problems.push(problem('content-length', 'Content-Length', 'not a number'));
    else if (number > available)
      problems.push(problem('content-length', 'Content-Length', `${number} stated, ${available} received`));
    else length = number;
  }
  if (length > PARSE_LIMITS.bodyBytes) {
    problems.push(problem('too-large', '', `a body of more than ${PARSE_LIMITS.bodyBytes} bytes`));
    return NO_BODY;
  }
  return length <= 0 ? NO_BODY : bytes.subarray(bodyAt, bodyAt + length);
}

function finishRequest(head: Head, headers: HeaderList, body: Buffer): ParsedMessage {
  const { startLine, problems } = head;
  const firstSpace = startLine.indexOf(' ');
  if (startLine.endsWith(VERSION)) {
    const method = startLine.slice(0, firstSpace);
    const uri = startLine.slice(firstSpace + 1, -VERSION.length);
    if (!isToken(method)) problems.push(BAD_REQUEST_LINE);
    return { kind: 'request', message: new SipRequest({ method, uri }, headers, body), problems };
  }
  const trimmed = startLine.trimEnd();
  const lastSpace = trimmed.lastIndexOf(' ');
  const method = startLine.slice(0, firstSpace);
  const uri = startLine.slice(firstSpace + 1, lastSpace);
  const version = trimmed.slice(lastSpace + 1).toUpperCase();
  if (!isToken(method) || trimmed !== startLine) problems.push(BAD_REQUEST_LINE);
  if (version !== 'SIP/2.0') problems.push(problem('version', '', `version ${version}`));
  return { kind: 'request', message: new SipRequest({ method, uri }, headers, body), problems };
}

function finishResponse(head: Head, headers: HeaderList, body: Buffer): ParsedMessage {
  const match = /^SIP\/(\d+\.\d+) +(\d{3})(?: (.*))?$/i.exec(head.startLine);
  const status = match === null ? 0 : Number(match[2]);
  if (match === null || status < 100 || status > 699)
    head.problems.push(problem('request-line', '', 'the status line is not `SIP/2.0 nnn reason`'));
  else if (match[1] !== '2.0') head.problems.push(problem('version', '', `version ${match[1] ?? ''}`));
  const reason = match?.[3] ?? '';
  return { kind: 'response', message: new SipResponse({ status, reason }, headers, body), problems: head.problems };
}

const BAD_REQUEST_LINE = problem('request-line', '', 'the request line is not `METHOD URI SIP/2.0`');

export function problem(code: ProblemCode, header: string, message: string): Problem {
  return { code, header, message };
}
