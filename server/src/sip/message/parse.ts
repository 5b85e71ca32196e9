import { isUtf8 } from 'node:buffer';
import { HeaderList } from './header-list.ts';
import type { HeaderLine } from './header-list.ts';
import { isToken } from './lexical.ts';
import { NO_BODY, SipRequest, SipResponse } from './message.ts';
import { headerKey } from './names.ts';
import { parseNumber } from './values.ts';

/** What is wrong with a received message. {@link problemStatus} says which ones a request is refused for. */
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
  | 'content-length'
  | 'not-utf8'
  | 'too-large';

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
  readonly bodyAt: number;
}

/** Cheap test for a datagram: is its first line that of a SIP message? */
export function startsLikeSip(bytes: Buffer): boolean {
  return readFirstLine(bytes, 0) !== undefined;
}

/** The first line and what it announces; undefined when it is neither a request line nor a status line. */
function readFirstLine(bytes: Buffer, start: number): 'request' | 'response' | undefined {
  const lineEnd = bytes.indexOf(10, start);
  const end = Math.min(lineEnd < 0 ? bytes.length : lineEnd, start + PARSE_LIMITS.headBytes);
  const line = bytes.toString('latin1', start, end);
  if (/^SIP\/\d/i.test(line)) return 'response';
  return / SIP\/\d+\.\d+\s*$/i.test(line) ? 'request' : undefined;
}

/**
 * Reads one message out of a datagram (or a framed piece of a stream). Never throws. Undefined only for bytes that do
 * not start like SIP; everything else yields a typed partial result with its problems, so that a server can answer it.
 * Header values are not looked into: that happens on demand, and {@link checkMessage} finds what is wrong in them.
 */
export function parseMessage(bytes: Buffer): ParsedMessage | undefined {
  let start = 0;
  // Section 7.5: ignore any CRLF before the start line.
  while (start < bytes.length && (bytes[start] === 13 || bytes[start] === 10)) start++;
  const kind = readFirstLine(bytes, start);
  if (kind === undefined) return undefined;
  const head = readHead(bytes, start);
  const headers = new HeaderList(head.lines);
  const body = readBody(bytes, head, headers);
  return kind === 'response' ? finishResponse(head, headers, body) : finishRequest(head, headers, body);
}

function readHead(bytes: Buffer, start: number): Head {
  const problems: Problem[] = [];
  let end = bytes.indexOf('\r\n\r\n', start, 'latin1');
  let bodyAt = end + 4;
  const bare = end < 0 ? bytes.indexOf('\n\n', start, 'latin1') : -1;
  if (end < 0 && bare >= 0) {
    end = bare; // Lenient: bare LF line ends.
    bodyAt = bare + 2;
  } else if (end < 0) {
    problems.push(problem('header-end', '', 'no empty line after the headers'));
    end = bodyAt = bytes.length;
  }
  if (end - start > PARSE_LIMITS.headBytes) {
    problems.push(problem('too-large', '', `headers of more than ${PARSE_LIMITS.headBytes} bytes`));
    end = start + PARSE_LIMITS.headBytes;
  }
  const slice = bytes.subarray(start, end);
  const utf8 = isUtf8(slice);
  if (!utf8) problems.push(problem('not-utf8', '', 'the headers are not UTF-8; read as Latin-1'));
  const text = utf8 ? slice.toString('utf8') : slice.toString('latin1');
  const lineEnd = text.indexOf('\n');
  const startLine = (lineEnd < 0 ? text : text.slice(0, lineEnd)).replace(/\r$/, '');
  const lines = lineEnd < 0 ? [] : readLines(text, lineEnd + 1, problems);
  return { startLine, lines, problems, bodyAt };
}

function readLines(text: string, from: number, problems: Problem[]): HeaderLine[] {
  const lines: HeaderLine[] = [];
  let at = from;
  while (at < text.length) {
    let end = text.indexOf('\n', at);
    if (end < 0) end = text.length;
    let line = text.slice(at, text.charCodeAt(end - 1) === 13 ? end - 1 : end);
    at = end + 1;
    // Section 7.3.1: a line that starts with white space goes on with the one before.
    while (at < text.length && isBlank(text.charCodeAt(at))) {
      end = text.indexOf('\n', at);
      if (end < 0) end = text.length;
      if (line.length <= PARSE_LIMITS.lineLength) line = `${line.trimEnd()} ${text.slice(at, end).trim()}`;
      at = end + 1;
    }
    if (lines.length >= PARSE_LIMITS.headerLines) {
      problems.push(problem('too-large', '', `more than ${PARSE_LIMITS.headerLines} header lines`));
      break;
    }
    readLine(line, lines, problems);
  }
  return lines;
}

function readLine(line: string, lines: HeaderLine[], problems: Problem[]): void {
  const colon = line.indexOf(':');
  const name = colon < 0 ? '' : line.slice(0, colon).trimEnd();
  if (!isToken(name)) {
    if (line.trim() !== '')
      problems.push(problem('header-line', line.slice(0, 40), 'a line that is not `name: value`'));
    return;
  }
  if (line.length > PARSE_LIMITS.lineLength) {
    problems.push(problem('too-large', name, `a header line of more than ${PARSE_LIMITS.lineLength} characters`));
    return;
  }
  let value = line.slice(colon + 1).trim();
  // A lone CR or a NUL must not survive into what we write back.

  if (/[\r\u0000]/.test(value)) {
    problems.push(problem('header-line', name, 'control characters in the value'));

    value = value.replace(/[\r\u0000]/g, ' ').trim();
  }
  lines.push({ key: headerKey(name), name, value });
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** Section 18.3: Content-Length bounds the body; on datagrams what is beyond is dropped and what lacks is an error. */
function readBody(bytes: Buffer, head: Head, headers: HeaderList): Buffer {
  const available = bytes.length - head.bodyAt;
  const stated = headers.get('content-length');
  let length = available;
  if (stated !== undefined) {
    const number = parseNumber(stated);
    if (number === undefined) head.problems.push(problem('content-length', 'Content-Length', 'not a number'));
    else if (number > available)
      head.problems.push(problem('content-length', 'Content-Length', `${number} stated, ${available} received`));
    else length = number;
  }
  if (length > PARSE_LIMITS.bodyBytes) {
    head.problems.push(problem('too-large', '', `a body of more than ${PARSE_LIMITS.bodyBytes} bytes`));
    return NO_BODY;
  }
  return length <= 0 ? NO_BODY : bytes.subarray(head.bodyAt, head.bodyAt + length);
}

function finishRequest(head: Head, headers: HeaderList, body: Buffer): ParsedMessage {
  const { startLine, problems } = head;
  const firstSpace = startLine.indexOf(' ');
  const trimmed = startLine.trimEnd();
  const lastSpace = trimmed.lastIndexOf(' ');
  const method = startLine.slice(0, firstSpace);
  const uri = startLine.slice(firstSpace + 1, lastSpace);
  const version = trimmed.slice(lastSpace + 1).toUpperCase();
  if (!isToken(method) || trimmed !== startLine)
    problems.push(problem('request-line', '', 'the request line is not `METHOD URI SIP/2.0`'));
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

export function problem(code: ProblemCode, header: string, message: string): Problem {
  return { code, header, message };
}
