import type { CookieRecord, LinkVisit, SessionRecord, SessionScope } from './ports.ts';

/** Bounds of one session. */
export const SESSION_LIMITS = {
  cookies: 50,
  /** Names, values and where they belong together. */
  bytes: 32_768,
  visits: 20,
} as const;

export function emptySession(scope: SessionScope, now: number): SessionRecord {
  return { scope, createdAt: now, usedAt: now, cookies: [], visits: [] };
}

/**
 * A session with one answer's cookies in it. Of two answers that set the same cookie the one to the later request counts,
 * whichever comes last; all others stay. Beyond the limits the cookie set longest ago goes. Pure.
 */
export function withCookies(session: SessionRecord, set: readonly CookieRecord[], now: number): SessionRecord {
  const held = new Map<string, CookieRecord>();
  for (const cookie of session.cookies) {
    if (cookie.expiresAt === undefined || cookie.expiresAt > now) held.set(identity(cookie), cookie);
  }
  for (const cookie of set) {
    const before = held.get(identity(cookie));
    if (before !== undefined && before.seq > cookie.seq) continue;
    const createdAt = before === undefined || before.removed === true ? cookie.createdAt : before.createdAt;
    held.set(identity(cookie), { ...cookie, createdAt });
  }
  return { ...session, usedAt: now, cookies: bounded([...held.values()]) };
}

export function withVisit(session: SessionRecord, visit: LinkVisit, now: number): SessionRecord {
  return { ...session, usedAt: now, visits: [...session.visits, visit].slice(-SESSION_LIMITS.visits) };
}

/** Without the visits that an application knows of. */
export function withoutVisits(session: SessionRecord, told: readonly string[]): SessionRecord {
  return told.length === 0 ? session : { ...session, visits: session.visits.filter(({ id }) => !told.includes(id)) };
}

/** RFC 6265 section 5.3 step 11, within the origin for cookies that belong to one. */
function identity({ origin = '', domain, path, name }: CookieRecord): string {
  return JSON.stringify([origin, domain, path, name]);
}

function bounded(cookies: readonly CookieRecord[]): CookieRecord[] {
  const kept = new Set<CookieRecord>();
  let bytes = 0;
  for (const cookie of [...cookies].reverse().sort((a, b) => b.seq - a.seq)) {
    bytes += sizeOf(cookie);
    if (kept.size >= SESSION_LIMITS.cookies || bytes > SESSION_LIMITS.bytes) break;
    kept.add(cookie);
  }
  return cookies.filter((cookie) => kept.has(cookie));
}

function sizeOf({ name, value, domain, path, origin = '' }: CookieRecord): number {
  return Buffer.byteLength(name + value + domain + path + origin) + 64;
}
