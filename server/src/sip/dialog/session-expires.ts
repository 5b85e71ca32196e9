/** Which side of a refresh request keeps the session alive. */
export type Refresher = 'uac' | 'uas';

/** RFC 4028 section 4. */
export interface SessionExpires {
  /** Seconds. */
  readonly interval: number;
  readonly refresher: Refresher | undefined;
}

/** Our wishes (RFC 4028). Seconds. */
export interface SessionTimerPolicy {
  /** What we ask for, and the most that we agree to. */
  readonly interval: number;
  /** The least that we agree to. At least 90. */
  readonly minimum: number;
  /** Who refreshes when the choice is ours. */
  readonly refresher: 'self' | 'peer';
}

/** What both sides agreed on. */
export interface SessionInterval {
  /** Seconds. */
  readonly interval: number;
  readonly refresher: 'self' | 'peer';
}

/** What a request says about the session timer. */
export interface TimerRequest {
  readonly expires: SessionExpires | undefined;
  /** Min-SE; undefined: none. */
  readonly minimum: number | undefined;
  /** `timer` in Supported or Require. */
  readonly supported: boolean;
}

export type ServerVerdict =
  | { readonly kind: 'off' }
  /** 422 with this Min-SE. */
  | { readonly kind: 'too-small'; readonly minimum: number }
  | {
      readonly kind: 'on';
      readonly agreed: SessionInterval;
      /** Value of Session-Expires in the 2xx. */
      readonly header: string;
      /** The 2xx says `Require: timer`: the peer is to refresh. */
      readonly required: boolean;
    };

/** RFC 4028 section 4: the default of Min-SE. */
export const LEAST_INTERVAL = 90;

/** Undefined when malformed. */
export function parseSessionExpires(text: string | undefined): SessionExpires | undefined {
  const match = /^\s*(\d{1,9})\s*(?:;(.*))?$/.exec(text ?? '');
  if (match === null) return undefined;
  const refresher = /(?:^|;)\s*refresher\s*=\s*(uac|uas)\s*(?:;|$)/i.exec(match[2] ?? '')?.[1]?.toLowerCase();
  return {
    interval: Number(match[1]),
    refresher: refresher === 'uac' || refresher === 'uas' ? refresher : undefined,
  };
}

/** Seconds of a Min-SE header. Undefined when there is none or it is malformed. */
export function parseMinSe(text: string | undefined): number | undefined {
  const match = /^\s*(\d{1,9})\s*(?:;.*)?$/.exec(text ?? '');
  return match === null ? undefined : Number(match[1]);
}

/** The server's part of the negotiation (RFC 4028 section 9), for the first INVITE and every refresh. */
export function agreeAsServer(policy: SessionTimerPolicy, request: TimerRequest): ServerVerdict {
  const { expires, supported } = request;
  if (expires === undefined && !supported) return { kind: 'off' };
  const least = Math.max(policy.minimum, LEAST_INTERVAL);
  const floor = Math.max(least, request.minimum ?? LEAST_INTERVAL);
  // A client without session timers cannot make sense of a 422: what a proxy asked for on its behalf is taken.
  if (expires !== undefined && expires.interval < least && supported) return { kind: 'too-small', minimum: least };
  const wanted = Math.max(policy.interval, floor);
  const interval = Math.max(LEAST_INTERVAL, expires === undefined ? wanted : Math.min(expires.interval, wanted));
  // Table 2 of section 9: a client that does not support timers cannot refresh, one that named the refresher decided.
  const chosen: Refresher = supported ? (expires?.refresher ?? (policy.refresher === 'self' ? 'uas' : 'uac')) : 'uas';
  return {
    kind: 'on',
    agreed: { interval, refresher: chosen === 'uas' ? 'self' : 'peer' },
    header: `${String(interval)};refresher=${chosen}`,
    required: chosen === 'uac',
  };
}

/** The client's part (section 7.2): undefined, when the 2xx names no interval and nothing expires. */
export function agreedAsClient(expires: SessionExpires | undefined): SessionInterval | undefined {
  if (expires === undefined || expires.interval === 0) return undefined;
  return {
    interval: Math.max(expires.interval, LEAST_INTERVAL),
    refresher: expires.refresher === 'uas' ? 'peer' : 'self',
  };
}
