import { sidFromHex } from '@hookswitch/shared';
import { randomHex } from '../../kernel/index.ts';
import type { Clock, Random } from '../../kernel/index.ts';
import type { EventSink } from '../../calls/ports.ts';
import type { TrackingLink, TrackingLinkStore } from './ports.ts';
import type { StoredSessionState } from './stored-session-state.ts';

export interface TrackingLinksOptions {
  readonly store: TrackingLinkStore;
  readonly sessions: StoredSessionState;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly random: Random;
}

/** Seconds that a link lives. */
export const LINK_SECONDS = { default: 7 * 86_400, most: 30 * 86_400 } as const;

export interface NewTrackingLink {
  readonly accountSid: string;
  readonly from: string;
  readonly to: string;
  readonly callSid?: string | undefined;
  readonly url: string;
  readonly seconds: number;
}

/** What came of a visit. */
export interface Visit {
  readonly link: TrackingLink;
  /** Of the browser: the same for all its visits. */
  readonly webSession: string;
}

/** Addresses that tie a web session to the session of a caller (SS-4). */
export class TrackingLinks {
  readonly #options: TrackingLinksOptions;

  constructor(options: TrackingLinksOptions) {
    this.#options = options;
  }

  /** @returns `opaque`: 128 random bits, the last part of the link's address. @throws SessionError `unavailable` */
  async create({ seconds, ...facts }: NewTrackingLink): Promise<{ link: TrackingLink; opaque: string }> {
    const { random, clock, store } = this.#options;
    const createdAt = clock.now();
    const sid = sidFromHex('trackingLink', randomHex(random, 16));
    const link = { ...facts, sid, createdAt, expiresAt: createdAt + seconds * 1000 };
    const opaque = randomHex(random, 16);
    await store.put(opaque, link);
    return { link, opaque };
  }

  /**
   * Somebody follows a link: `link.visited` is published, and the next request of the caller's session tells of it.
   * Undefined: there is no such link, or it has expired. @throws SessionError `unavailable`
   */
  async visit(opaque: string, known: string | undefined): Promise<Visit | undefined> {
    const { store, clock, random, sessions, events } = this.#options;
    const link = /^[0-9a-f]{32}$/.test(opaque) ? await store.get(opaque) : undefined;
    const at = clock.now();
    if (link === undefined || link.expiresAt <= at) return undefined;
    const webSession = known !== undefined && /^[0-9a-f]{32}$/.test(known) ? known : randomHex(random, 16);
    const { sid: linkSid, accountSid, from, to, callSid, url } = link;
    const visit = { id: randomHex(random, 8), linkSid, webSession, at };
    await sessions.visited({ accountSid, from, to, callSid: callSid ?? '' }, visit);
    const call = callSid === undefined ? {} : { callSid };
    const data = { linkSid, from, to, ...call, url, webSession, at: new Date(at).toISOString() };
    events.emit({ accountSid, type: 'link.visited', subject: linkSid, data });
    return { link, webSession };
  }
}
