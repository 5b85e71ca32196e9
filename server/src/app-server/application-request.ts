import { requestSignature } from './signature.ts';

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
}

const USER_AGENT = 'Hookswitch/0.1';

/**
 * A signed request: parameters form-encoded in the body of a POST, in the query of a GET. The signature covers the URL as
 * the server sees it, so user name and password (sent as basic authentication) are not part of it. Pure.
 */
export function outgoingRequest(facts: OutgoingFacts): OutgoingRequest {
  const { method, params, authToken, cookies, credentials } = facts;
  const bare = new URL(facts.url);
  bare.hash = '';
  bare.username = '';
  bare.password = '';
  const form = new URLSearchParams(params).toString();
  if (method === 'GET' && form !== '') bare.search = bare.search === '' ? form : `${bare.search}&${form}`;
  const url = bare.href;
  const headers: Record<string, string> = {
    'user-agent': USER_AGENT,
    accept: 'text/xml, application/xml, text/plain, audio/*, */*;q=0.5',
    'i-twilio-idempotency-token': facts.idempotencyToken,
  };
  if (method === 'POST') headers['content-type'] = 'application/x-www-form-urlencoded; charset=utf-8';
  if (authToken !== undefined) {
    headers['x-twilio-signature'] = requestSignature(authToken, url, method === 'POST' ? params : {});
  }
  if (cookies !== undefined && cookies !== '') headers['cookie'] = cookies;
  if (credentials !== undefined) headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  return { url, method, headers, body: method === 'POST' ? form : null };
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
