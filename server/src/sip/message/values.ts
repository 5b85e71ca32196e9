import { NO_PARAMS, endOfQuoted, formatParams, isToken, parseParams, quote, unquote } from './lexical.ts';
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

/** `"Alice" <sip:a@b>;tag=1` or `sip:a@b;tag=1`. Undefined when malformed. */
export function parseNameAddr(text: string): NameAddr | undefined {
  let display = '';
  let open = 0;
  if (text.startsWith('"')) {
    const close = endOfQuoted(text, 0);
    if (close < 0) return undefined;
    display = unquote(text.slice(0, close + 1));
    open = text.indexOf('<', close);
    if (open < 0 || text.slice(close + 1, open).trim() !== '') return undefined;
  } else {
    open = text.indexOf('<');
    if (open >= 0) display = text.slice(0, open).trim();
  }
  if (open < 0) return parseAddrSpec(text);
  const close = text.indexOf('>', open);
  if (close < 0) return undefined;
  const uri = parseUri(text.slice(open + 1, close).trim());
  const params = parseParams(text, close + 1);
  return uri === undefined || params === undefined ? undefined : { displayName: display, uri, params };
}

/** Without brackets, parameters belong to the header and not to the URI (RFC 3261 section 20). */
function parseAddrSpec(text: string): NameAddr | undefined {
  const semicolon = text.indexOf(';');
  const uri = parseUri((semicolon < 0 ? text : text.slice(0, semicolon)).trim());
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

const VIA_START = /^SIP\s*\/\s*2\.0\s*\/\s*([A-Za-z0-9-]+)\s+/i;

/** One Via value (section 20.42). Undefined when malformed or of another version. */
export function parseVia(text: string): Via | undefined {
  const start = VIA_START.exec(text);
  if (start?.[1] === undefined) return undefined;
  const semicolon = text.indexOf(';', start[0].length);
  const hostPort = parseHostPort(text.slice(start[0].length, semicolon < 0 ? undefined : semicolon).trim());
  const params = semicolon < 0 ? NO_PARAMS : parseParams(text, semicolon);
  if (hostPort === undefined || params === undefined) return undefined;
  return { transport: start[1].toUpperCase(), ...hostPort, params };
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
  const match = /^(\d{1,10})\s+(\S+)$/.exec(text);
  const method = match?.[2];
  if (match === null || method === undefined || !isToken(method)) return undefined;
  const number = Number(match[1]);
  return number < 2 ** 31 ? { number, method } : undefined;
}

/** Digits only; undefined for anything else or beyond 2^32 - 1. */
export function parseNumber(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const number = Number(text);
  return number < 2 ** 32 ? number : undefined;
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
