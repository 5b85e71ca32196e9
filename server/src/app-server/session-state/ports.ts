/** One cookie as it is stored. Times are epoch milliseconds. */
export interface CookieRecord {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly path: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  /** The origin that set it, for a cookie without Domain: it goes nowhere else. */
  readonly origin?: string | undefined;
  /** Undefined: it lives as long as the session. */
  readonly expiresAt?: number | undefined;
  readonly createdAt: number;
  /** Order of the request whose answer set it. */
  readonly seq: number;
  /** Deleted by the server; remembered for a while. */
  readonly removed?: boolean | undefined;
}

/** A tracking link was visited, and no request has told the application yet. */
export interface LinkVisit {
  readonly id: string;
  readonly linkSid: string;
  readonly webSession: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/**
 * Whose session: a pairing of caller and callee. A caller that does not say who it is has no pairing; its session is
 * that of the one call.
 */
export type SessionScope =
  | { readonly kind: 'pair'; readonly accountSid: string; readonly from: string; readonly to: string }
  | { readonly kind: 'call'; readonly accountSid: string; readonly callSid: string };

/** What is kept of one session. */
export interface SessionRecord {
  readonly scope: SessionScope;
  readonly createdAt: number;
  /** Last request of it, give or take an eighth of the idle time. */
  readonly usedAt: number;
  readonly cookies: readonly CookieRecord[];
  readonly visits: readonly LinkVisit[];
}

/** Where sessions are kept, for all nodes. All methods throw SessionError `unavailable` when it does not answer. */
export interface SessionStore {
  get(scope: SessionScope): Promise<{ readonly record: SessionRecord; readonly revision: number } | undefined>;
  /** Compare-and-swap. @param revision undefined: there must be none. @throws SessionError `conflict` */
  put(record: SessionRecord, revision: number | undefined): Promise<void>;
  remove(scope: SessionScope): Promise<void>;
  /** Sessions of an account, in no order. */
  scopes(accountSid: string): Promise<readonly SessionScope[]>;
}

/** An address that leads a caller's browser on and tells that it did. */
export interface TrackingLink {
  readonly sid: string;
  readonly accountSid: string;
  readonly from: string;
  readonly to: string;
  readonly callSid?: string | undefined;
  /** Where the visitor is sent. */
  readonly url: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** Tracking links by the opaque part of their address. Throws SessionError `unavailable`. */
export interface TrackingLinkStore {
  put(opaque: string, link: TrackingLink): Promise<void>;
  get(opaque: string): Promise<TrackingLink | undefined>;
}
