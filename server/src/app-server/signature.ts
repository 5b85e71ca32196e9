import { createHash, createHmac } from 'node:crypto';

/** Parameters of one request; a name may occur several times. */
export type SignedParams = Readonly<Record<string, string | readonly string[]>>;

/**
 * The value of `X-Twilio-Signature`: base64(HMAC-SHA1(auth token, URL followed by every parameter's name and value,
 * sorted by name)). The unique values of a repeated parameter are sorted and each follows the name. For GET and for JSON
 * bodies `params` is empty: the query string is part of the URL. Pure.
 *
 * @param url as requested: query included; fragment, user name and password left out
 */
export function requestSignature(authToken: string, url: string, params: SignedParams = {}): string {
  let text = url;
  for (const name of Object.keys(params).sort()) {
    const value = params[name] ?? '';
    const values = typeof value === 'string' ? [value] : [...new Set(value)].sort();
    for (const each of values) text += name + each;
  }
  return createHmac('sha1', authToken).update(text, 'utf8').digest('base64');
}

/** The address of a JSON request, which names the digest of its body: `bodySHA256`, hexadecimal. Pure. */
export function bodyDigestUrl(url: URL, body: string): string {
  const digest = createHash('sha256').update(body, 'utf8').digest('hex');
  const named = new URL(url);
  named.search = `${named.search === '' ? '' : `${named.search}&`}bodySHA256=${digest}`;
  return named.href;
}
