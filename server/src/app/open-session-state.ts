import { LINK_SECONDS, StoredSessionState, TrackingLinks } from '../app-server/index.ts';
import { NatsSessionStore, NatsTrackingLinkStore } from '../app-server/session-state/session-store.nats.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** What application servers keep with callers. */
export interface SessionParts {
  readonly state: StoredSessionState;
  readonly links: TrackingLinks;
}

export async function openSessionState(
  { startup, clock, random, log, config }: Platform,
  { bus, outbox: events }: BusParts,
): Promise<SessionParts> {
  const { sessionIdleMs: idleMs } = config;
  return await startup.step('session state', async () => {
    const [store, linkStore] = await Promise.all([
      NatsSessionStore.open(bus, idleMs),
      NatsTrackingLinkStore.open(bus, LINK_SECONDS.most * 1000),
    ]);
    const state = new StoredSessionState({ store, clock, random, log, idleMs });
    const links = new TrackingLinks({ store: linkStore, sessions: state, events, clock, random });
    return { state, links };
  });
}
