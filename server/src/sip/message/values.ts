import { DIGIT, TOKEN, digitsAt, endOf, isBlank, skipBlank, sliceTrimmed } from './chars.ts';
import {
  NO_PARAMS,
  endOfQuoted,
  formatParams,
  isToken,
  parseParams,
  quote,
  unescapeQuoted,
  unquote,
} from './lexical.ts';
import type { Params } from './lexical.ts';
import { formatHost, formatUri, parseHostPort, parseUri } from './uri.ts';
import type { Uri } from './uri.ts';

/** A From, To, Contact, Route or Record-Route value. */
export interface NameAddr {
  /** Quotes and escapes undone; empty when there is none. */
  readonly displayName: string;
  readonly uri: Uri;
  readonly params: Params;
}

/**
 * `"Alice" <sip:a@b>;tag=1` or `sip:a@b;tag=1`. Undefined when malformed. Lenient where nothing can be mistaken: blanks
 * inside the brackets, a display name that is neither quoted nor made of tokens (RFC 4475 sections 3.1.2.14 and 15).
 */
export function parseNameAddr(text: string): NameAddr | undefined {
  let displayName = '';
  let open: number;
  if (text.startsWith('"')) {
    const close = endOfQuoted(text, 0);
    if (close < 0) return undefined;
    open = skipBlank(text, close + 1);
    if (text.charCodeAt(open) !== 60) return undefined;
    displayName = unescapeQuoted(text.slice(1, close));
  } else {
    open = text.indexOf('<');
    if (open < 0) return parseAddrSpec(text);
    if (open > 0) displayName = sliceTrimmed(text, 0, open);
  }
  const close = text.indexOf('>', open);
  if (close < 0) return undefined;
  const uri = parseUri(sliceTrimmed(text, open + 1, close));
  if (uri === undefined) return undefined;
  const params = parseParams(text, close + 1);
  return params === undefined ? undefined : { displayName, uri, params };
}

/**
 * Without brackets, parameters belong to the header and not to the URI; a URI with a question mark needs the brackets
 * (RFC 3261 section 20).
 */
function parseAddrSpec(text: string): NameAddr | undefined {
  if (text.includes('?')) return undefined;
  const semicolon = text.indexOf(';');
  const uri = parseUri(semicolon < 0 ? text : sliceTrimmed(text, 0, semicolon));
  const params = semicolon < 0 ? NO_PARAMS : parseParams(text, semicolon);
  return uri === undefined || params === undefined ? undefined : { displayName: '', uri, params };
}

export function formatNameAddr(value: NameAddr): string {
  const display = value.displayName === '' ? '' : `${quote(value.displayName)} `;
  return `${display}<${formatUri(value.uri)}>${formatParams(value.params)}`;
}

export interface Via {
  /** Upper case: UDP, TCP, TLS, WS... */
  readonly transport: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly params: Params;
}

/** Nearly every Via starts so; other spacing and case is for {@link VIA_START}. */
const VIA_USUAL = 'SIP/2.0/';
const VIA_START = /^SIP[ \t]*\/[ \t]*2\.0[ \t]*\/[ \t]*(?=[^ \t])/i;

/**
 * One Via value (section 20.42). Undefined when malformed or of another version. Strict about empty parameters: an
 * answer finds its way by this value (RFC 4475 section 3.1.2.1).
 */
export function parseVia(text: string): Via | undefined {
  const name = text.startsWith(VIA_USUAL) ? VIA_USUAL.length : (VIA_START.exec(text)?.[0].length ?? 0);
  const nameEnd = endOf(text, TOKEN, name);
  if (name === 0 || nameEnd === name || !isBlank(text.charCodeAt(nameEnd))) return undefined;
  const semicolon = text.indexOf(';', nameEnd);
  const hostPort = parseHostPort(sliceTrimmed(text, nameEnd, semicolon < 0 ? text.length : semicolon));
  const params = semicolon < 0 ? NO_PARAMS : parseParams(text, semicolon, true);
  if (hostPort === undefined || params === undefined) return undefined;
  const { host, port } = hostPort;
  return { transport: upperTransport(text.slice(name, nameEnd)), host, port, params };
}

function upperTransport(name: string): string {
  return name === 'UDP' || name === 'TCP' || name === 'TLS' ? name : name.toUpperCase();
}

export function formatVia(via: Via): string {
  const port = via.port === undefined ? '' : `:${String(via.port)}`;
  return `SIP/2.0/${via.transport} ${formatHost(via.host)}${port}${formatParams(via.params)}`;
}

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

/** Section 20.16: the number is below 2^31. */
export function parseCSeq(text: string): CSeq | undefined {
  const end = endOf(text, DIGIT, 0);
  const start = skipBlank(text, end);
  const number = digitsAt(text, 0, end, 10);
  if (number < 0 || number >= 2 ** 31 || start === end || start === text.length) return undefined;
  return endOf(text, TOKEN, start) === text.length ? { number, method: text.slice(start) } : undefined;
}

/** Digits only; undefined for anything else or beyond 2^32 - 1. */
export function parseNumber(text: string): number | undefined {
  const number = digitsAt(text, 0, text.length, 10);
  return number < 0 || number >= 2 ** 32 ? undefined : number;
}

/** A Reason header value (RFC 3326). */
export interface Reason {
  readonly protocol: string;
  readonly cause?: number;
  readonly text?: string;
}

export function parseReason(value: string): Reason | undefined {
  const semicolon = value.indexOf(';');
  const protocol = (semicolon < 0 ? value : value.slice(0, semicolon)).trim();
  const params = semicolon < 0 ? NO_PARAMS : parseParams(value, semicolon);
  if (!isToken(protocol) || params === undefined) return undefined;
  const cause = parseNumber(params.get('cause') ?? '');
  const text = params.get('text');
  return {
    protocol,
    ...(cause === undefined ? {} : { cause }),
    ...(text === undefined ? {} : { text: unquote(text) }),
  };
}

export function formatReason(reason: Reason): string {
  const cause = reason.cause === undefined ? '' : `;cause=${String(reason.cause)}`;
  const text = reason.text === undefined ? '' : `;text=${quote(reason.text)}`;
  return `${reason.protocol}${cause}${text}`;
}

/** A challenge or credentials: WWW-Authenticate, Proxy-Authenticate, Authorization... (RFC 7235 section 2.1). */
export interface AuthValue {
  /** Lower case, `digest` for example. */
  readonly scheme: string;
  /** Names in lower case, values unquoted. */
  readonly params: ReadonlyMap<string, string>;
}

const AUTH_PARAM = /\s*([A-Za-z0-9\-.!%*_+`'~]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*)\s*(,|$)/y;

/** Undefined when malformed. */
export function parseAuth(text: string): AuthValue | undefined {
  const match = /^([A-Za-z0-9-]+)\s+/.exec(text);
  if (match?.[1] === undefined) return undefined;
  const params = new Map<string, string>();
  AUTH_PARAM.lastIndex = match[0].length;
  while (AUTH_PARAM.lastIndex < text.length) {
    const param = AUTH_PARAM.exec(text);
    if (param?.[1] === undefined || param[2] === undefined || params.size >= 64) return undefined;
    params.set(param[1].toLowerCase(), unquote(param[2]));
  }
  return { scheme: match[1].toLowerCase(), params };
}
