import { bodyDigestUrl, requestSignature } from './signature.ts';

/** One HTTP request as it goes out. */
export interface OutgoingRequest {
  /** Without fragment, user name and password. */
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Record<string, string>;
  readonly body: string | null;
}

export interface OutgoingFacts {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly params: Readonly<Record<string, string>>;
  /** Undefined: unsigned. */
  readonly authToken: string | undefined;
  /** The same for every attempt at one request. */
  readonly idempotencyToken: string;
  readonly cookies: string | undefined;
  /** User name and password, `user:password`; undefined for none. */
  readonly credentials: string | undefined;
  /** How the parameters of a POST are sent (default form). */
  readonly format?: 'form' | 'json';
}

const USER_AGENT = 'Hookswitch/0.1';

/**
 * A signed request: parameters form-encoded or as a JSON object in the body of a POST, in the query of a GET. The signature
 * covers the URL as the server sees it, so user name and password (sent as basic authentication) are not part of it; a JSON
 * body is covered by its digest in the query. Pure.
 */
export function outgoingRequest(facts: OutgoingFacts): OutgoingRequest {
  const { method, params, authToken, cookies, credentials } = facts;
  const json = method === 'POST' && facts.format === 'json' ? JSON.stringify(params) : undefined;
  const bare = bareUrl(facts.url);
  const form = new URLSearchParams(params).toString();
  if (method === 'GET' && form !== '') bare.search = bare.search === '' ? form : `${bare.search}&${form}`;
  const url = json === undefined ? bare.href : bodyDigestUrl(bare, json);
  const headers: Record<string, string> = {
    'user-agent': USER_AGENT,
    accept: 'text/xml, application/xml, application/json, text/plain, audio/*, */*;q=0.5',
    'i-twilio-idempotency-token': facts.idempotencyToken,
  };
  if (json !== undefined) headers['content-type'] = 'application/json; charset=utf-8';
  else if (method === 'POST') headers['content-type'] = 'application/x-www-form-urlencoded; charset=utf-8';
  if (authToken !== undefined) {
    const signed = method === 'POST' && json === undefined ? params : {};
    headers['x-twilio-signature'] = requestSignature(authToken, url, signed);
  }
  if (cookies !== undefined && cookies !== '') headers['cookie'] = cookies;
  if (credentials !== undefined) headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  return { url, method, headers, body: method === 'POST' ? (json ?? form) : null };
}

/** Without fragment, user name and password. */
function bareUrl(url: URL): URL {
  const bare = new URL(url);
  bare.hash = '';
  bare.username = '';
  bare.password = '';
  return bare;
}

/** What signs and authenticates an upgrade request; `url` is `ws:` or `wss:`, and is signed as it is. Pure. */
export function upgradeHeaders(
  facts: Pick<OutgoingFacts, 'url' | 'authToken' | 'cookies' | 'credentials'>,
): Record<string, string> {
  const { url, authToken, cookies, credentials } = facts;
  const headers: Record<string, string> = { 'user-agent': USER_AGENT };
  if (authToken !== undefined) headers['x-twilio-signature'] = requestSignature(authToken, bareUrl(url).href);
  if (cookies !== undefined) headers['cookie'] = cookies;
  if (credentials !== undefined) headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  return headers;
}

/** `user:password` of an address; undefined for none. */
export function credentialsOf(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return `${decode(url.username)}:${decode(url.password)}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An http(s) address, absolute or relative to `base`; undefined for anything else. */
export function parseHttpUrl(text: string, base?: URL): URL | undefined {
  const url = URL.parse(text, base?.href);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') ? url : undefined;
}

/** A ws(s) address; undefined for anything else. */
export function parseUpgradeUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'ws:' || url.protocol === 'wss:') ? url : undefined;
}

/** Without user name and password, for messages. */
export function publicUrl(url: URL): string {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare.href;
}
