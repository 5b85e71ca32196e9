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

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/;
const HOST_NAME = /^[A-Za-z0-9_.-]+$/;
const IPV6 = /^[0-9A-Fa-f:.]+$/;

const FORBIDDEN = /[\u0000-\u0020\u007f<>"]/;

/** Reads a URI (RFC 3261 section 19.1, RFC 3966). Undefined when it is malformed. */
export function parseUri(text: string): Uri | undefined {
  if (FORBIDDEN.test(text)) return undefined;
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return undefined;
  const rest = text.slice(scheme.length + 1);
  if (rest === '') return undefined;
  if (scheme === 'sip' || scheme === 'sips') return parseSipUri(scheme, rest);
  if (scheme === 'tel') return parseTelUri(rest);
  return { scheme: 'other', text };
}

function parseSipUri(scheme: 'sip' | 'sips', rest: string): SipUri | undefined {
  const at = rest.indexOf('@');
  let user: string | undefined;
  let password: string | undefined;
  if (at === 0) return undefined;
  if (at > 0) {
    const colon = rest.indexOf(':');
    user = colon >= 0 && colon < at ? rest.slice(0, colon) : rest.slice(0, at);
    password = colon >= 0 && colon < at ? rest.slice(colon + 1, at) : undefined;
  }
  const tail = rest.slice(at + 1);
  const question = tail.indexOf('?');
  const headers = question < 0 ? undefined : tail.slice(question + 1);
  const address = question < 0 ? tail : tail.slice(0, question);
  const semicolon = address.indexOf(';');
  const hostPort = parseHostPort(semicolon < 0 ? address : address.slice(0, semicolon));
  const params = semicolon < 0 ? NO_PARAMS : parseUriParams(address.slice(semicolon));
  if (hostPort === undefined || params === undefined) return undefined;
  return { scheme, user, password, ...hostPort, params, headers };
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

/** `host`, `host:port`, `[v6]` or `[v6]:port`. */
export function parseHostPort(text: string): { host: string; port: number | undefined } | undefined {
  let host: string;
  let portText: string | undefined;
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    host = text.slice(1, close < 0 ? 0 : close);
    const after = text.slice(close + 1).trim();
    if (close < 0 || !IPV6.test(host) || !host.includes(':') || (after !== '' && !after.startsWith(':')))
      return undefined;
    portText = after === '' ? undefined : after.slice(1).trim();
  } else {
    const colon = text.indexOf(':');
    host = (colon < 0 ? text : text.slice(0, colon)).trim();
    portText = colon < 0 ? undefined : text.slice(colon + 1).trim();
    if (!HOST_NAME.test(host)) return undefined;
  }
  if (portText === undefined) return { host, port: undefined };
  if (!/^\d{1,5}$/.test(portText) || Number(portText) > 65_535) return undefined;
  return { host, port: Number(portText) };
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
