import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The signature a webhook must carry in `X-Twilio-Signature`: HMAC-SHA1, with the account's auth token, of the URL
 * followed by the form parameters, sorted by name, each as name and value. A repeated parameter counts once per
 * different value, in order.
 *
 * @param url as the call router requested it, query included
 * @returns base64
 */
export function webhookSignature(authToken: string, url: string, form: URLSearchParams): string {
  const names = [...new Set(form.keys())].sort();
  const pairs = names.flatMap((name) => [...new Set(form.getAll(name))].sort().map((value) => name + value));
  return createHmac('sha1', authToken)
    .update(url + pairs.join(''), 'utf8')
    .digest('base64');
}

/** Compares in constant time. */
export function signatureMatches(expected: string, given: string | undefined): boolean {
  const wanted = Buffer.from(expected);
  const got = Buffer.from(given ?? '');
  return wanted.length === got.length && timingSafeEqual(wanted, got);
}
