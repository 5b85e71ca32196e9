import { Cookie, CookieJar, MemoryCookieStore } from 'tough-cookie';
import type { CookieRecord } from './ports.ts';

/** Time that a deletion is remembered, so that an older request's answer does not bring the cookie back. Milliseconds. */
export const TOMBSTONE_MS = 60_000;
/** Name and value together, characters (RFC 6265 section 6.1). */
const MAX_COOKIE = 4096;

/** One answer's cookies. */
export interface CookieAnswer {
  readonly url: string;
  readonly setCookies: readonly string[];
  /** Epoch milliseconds. */
  readonly now: number;
  /** Order of the request that it answers. */
  readonly seq: number;
}

/**
 * What a server may keep with a caller, as RFC 6265 section 5.3 reads its Set-Cookie headers: domain, path, Secure,
 * HttpOnly, Expires, Max-Age, the `__Secure-` and `__Host-` prefixes, no cookies for public suffixes. SameSite has no
 * meaning here. What is not acceptable is left out.
 *
 * DEVIATION: a cookie without Domain belongs to the origin that set it, scheme and port included (RFC 6265 section 8.5
 * lets it go to every port of the host): two applications on one host do not see each other's.
 */
export function acceptCookies({ url, setCookies, now, seq }: CookieAnswer): CookieRecord[] {
  const address = httpAddress(url);
  if (address === undefined) return [];
  const accepted: CookieRecord[] = [];
  for (const header of setCookies) {
    const cookie = accept(header, address, now);
    if (cookie === undefined || cookie.key.length + cookie.value.length > MAX_COOKIE) continue;
    const expiresAt = expiryOf(cookie, now);
    const removed = expiresAt !== undefined && expiresAt <= now;
    accepted.push({
      name: cookie.key,
      value: removed ? '' : cookie.value,
      domain: cookie.domain ?? address.hostname,
      path: cookie.path ?? '/',
      secure: cookie.secure,
      httpOnly: cookie.httpOnly,
      ...(cookie.hostOnly === false ? {} : { origin: address.origin }),
      ...(removed ? { removed, expiresAt: now + TOMBSTONE_MS } : expiresAt === undefined ? {} : { expiresAt }),
      createdAt: now,
      seq,
    });
  }
  return accepted;
}

function accept(header: string, address: URL, now: number): Cookie | undefined {
  const store = new MemoryCookieStore();
  const jar = new CookieJar(store, { rejectPublicSuffixes: true, prefixSecurity: 'strict' });
  try {
    return jar.setCookieSync(header, address.href, { http: true, now: new Date(now) });
  } catch {
    return undefined;
  }
}

/** Max-Age goes before Expires (section 5.3 step 3). Undefined: it lives as long as the session. */
function expiryOf({ maxAge, expires }: Cookie, now: number): number | undefined {
  if (typeof maxAge === 'number') return now + maxAge * 1000;
  if (maxAge === '-Infinity') return 0;
  return expires instanceof Date ? expires.getTime() : undefined;
}

/** The Cookie header of a request, as section 5.4 says; undefined for none. */
export function cookieHeader(records: readonly CookieRecord[], url: string, now: number): string | undefined {
  const address = httpAddress(url);
  if (address === undefined) return undefined;
  const store = new MemoryCookieStore();
  const inOrder = [...records].sort((a, b) => a.createdAt - b.createdAt || a.seq - b.seq);
  for (const record of inOrder) {
    if (record.removed === true || (record.expiresAt !== undefined && record.expiresAt <= now)) continue;
    if (record.origin !== undefined && record.origin !== address.origin) continue;
    const { name: key, value, domain, path, secure, httpOnly, origin, createdAt } = record;
    const hostOnly = origin !== undefined;
    void store.putCookie(
      new Cookie({ key, value, domain, path, secure, httpOnly, hostOnly, creation: new Date(createdAt) }),
    );
  }
  const jar = new CookieJar(store, { rejectPublicSuffixes: true, prefixSecurity: 'strict' });
  const header = jar.getCookieStringSync(address.href, { http: true, expire: false });
  return header === '' ? undefined : header;
}

/** WebSocket addresses as the HTTP ones that their upgrade requests go to. */
function httpAddress(url: string): URL | undefined {
  const parsed = URL.parse(url.replace(/^ws(s?):/i, 'http$1:'));
  return parsed !== null && (parsed.protocol === 'http:' || parsed.protocol === 'https:') ? parsed : undefined;
}
