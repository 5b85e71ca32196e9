import { HOST, digitsAt, endOf, isBlank, skipBlank } from './chars.ts';
import { NO_PARAMS, formatParams, parseParams } from './lexical.ts';
import type { Params } from './lexical.ts';

export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  /** As written, escapes included; undefined: no user part. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Name or address as written; IPv6 without brackets. */
  readonly host: string;
  readonly port: number | undefined;
  readonly params: Params;
  /** What follows `?`, as written. */
  readonly headers: string | undefined;
}

export interface TelUri {
  readonly scheme: 'tel';
  readonly number: string;
  readonly params: Params;
}

/** A well-formed URI of a scheme that we do not speak (416). */
export interface OtherUri {
  readonly scheme: 'other';
  readonly text: string;
}

export type Uri = SipUri | TelUri | OtherUri;

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;
/** Characters that no URI holds as they are: controls, space, angle brackets, quotes. */
const FORBIDDEN = /[\u0000-\u0020\u007f<>"]/;
const IPV6 = /^[0-9A-Fa-f:.]+$/;

/** Reads a URI (RFC 3261 section 19.1, RFC 3966). Undefined when it is malformed. */
export function parseUri(text: string): Uri | undefined {
  if (FORBIDDEN.test(text)) return undefined;
  if (text.startsWith('sip:') && text.length > 4) return parseSipUri('sip', text.slice(4));
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1) return undefined;
  const scheme = text.slice(0, colon).toLowerCase();
  const rest = text.slice(colon + 1);
  if (scheme === 'sip' || scheme === 'sips') return parseSipUri(scheme, rest);
  if (scheme === 'tel') return parseTelUri(rest);
  return SCHEME.test(scheme) ? { scheme: 'other', text } : undefined;
}

function parseSipUri(scheme: 'sip' | 'sips', rest: string): SipUri | undefined {
  const at = rest.indexOf('@');
  if (at === 0) return undefined;
  let user: string | undefined;
  let password: string | undefined;
  if (at > 0) {
    const colon = rest.indexOf(':');
    user = rest.slice(0, colon >= 0 && colon < at ? colon : at);
    password = colon >= 0 && colon < at ? rest.slice(colon + 1, at) : undefined;
  }
  const question = rest.indexOf('?', at + 1);
  const headers = question < 0 ? undefined : rest.slice(question + 1);
  const addressEnd = question < 0 ? rest.length : question;
  let semicolon = rest.indexOf(';', at + 1);
  if (semicolon < 0 || semicolon > addressEnd) semicolon = addressEnd;
  const hostPort = parseHostPort(rest.slice(at + 1, semicolon));
  const params = semicolon === addressEnd ? NO_PARAMS : parseUriParams(rest.slice(semicolon, addressEnd));
  if (hostPort === undefined || params === undefined) return undefined;
  const { host, port } = hostPort;
  return { scheme, user, password, host, port, params, headers };
}

/** URI parameters may hold characters that header parameters may not, in names too; quotes mean nothing here. */
function parseUriParams(text: string): Params | undefined {
  const params = new Map<string, string | undefined>();
  for (const piece of text.split(';')) {
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    const name = (equals < 0 ? piece : piece.slice(0, equals)).toLowerCase();
    if (name === '' || params.size >= 64) return undefined;
    if (!params.has(name)) params.set(name, equals < 0 ? undefined : piece.slice(equals + 1));
  }
  return params;
}

export interface HostPort {
  readonly host: string;
  readonly port: number | undefined;
}

/** `host`, `host:port`, `[v6]` or `[v6]:port`; blanks around the colon are passed over (as in Via, RFC 4475 3.1.1.1). */
export function parseHostPort(text: string): HostPort | undefined {
  if (text.startsWith('[')) return parseIpv6Port(text);
  let end = endOf(text, HOST, 0);
  const host = text.slice(0, end);
  if (host === '') return undefined;
  while (isBlank(text.charCodeAt(end))) end++;
  return parsePort(host, text, end);
}

function parseIpv6Port(text: string): HostPort | undefined {
  const close = text.indexOf(']');
  const host = text.slice(1, close < 0 ? 0 : close);
  if (!host.includes(':') || !IPV6.test(host)) return undefined;
  let end = close + 1;
  while (isBlank(text.charCodeAt(end))) end++;
  return parsePort(host, text, end);
}

/** What follows the host: nothing, or a colon and a port. */
function parsePort(host: string, text: string, at: number): HostPort | undefined {
  if (at === text.length) return { host, port: undefined };
  if (text.charCodeAt(at) !== 58) return undefined;
  let end = text.length;
  while (isBlank(text.charCodeAt(end - 1))) end--;
  const port = digitsAt(text, skipBlank(text, at + 1), end, 5);
  return port < 0 || port > 65_535 ? undefined : { host, port };
}

function parseTelUri(rest: string): TelUri | undefined {
  const semicolon = rest.indexOf(';');
  const number = semicolon < 0 ? rest : rest.slice(0, semicolon);
  const params = semicolon < 0 ? NO_PARAMS : parseParams(rest, semicolon);
  if (params === undefined || !/^\+?[0-9A-Fa-f*#\-.()]+$/.test(number)) return undefined;
  return { scheme: 'tel', number, params };
}

/** The host with brackets where it is IPv6. */
export function formatHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

export function formatUri(uri: Uri): string {
  if (uri.scheme === 'other') return uri.text;
  if (uri.scheme === 'tel') return `tel:${uri.number}${formatParams(uri.params)}`;
  const password = uri.password === undefined ? '' : `:${uri.password}`;
  const user = uri.user === undefined ? '' : `${uri.user}${password}@`;
  const port = uri.port === undefined ? '' : `:${String(uri.port)}`;
  const headers = uri.headers === undefined ? '' : `?${uri.headers}`;
  return `${uri.scheme}:${user}${formatHost(uri.host)}${port}${formatParams(uri.params)}${headers}`;
}

/** Percent escapes undone; text with broken escapes as it is. */
export function unescapeUser(user: string): string {
  if (!user.includes('%')) return user;
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}

/** `text` as the user part of a SIP URI. */
export function escapeUser(text: string): string {
  return encodeURIComponent(text).replace(/%(2B|3B|3D|2C|24|26|3F|2F)/g, (escape) => decodeURIComponent(escape));
}
