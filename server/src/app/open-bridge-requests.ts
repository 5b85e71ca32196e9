import { BridgeRequests, ExpiryWatch } from '../bridge/index.ts';
import { NatsBridgeRequestStore } from '../bridge/requests/request-store.nats.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** What clients may answer by a call of theirs. Processes that hold calls watch that requests expire. */
export async function openBridgeRequests(
  { startup, clock, random, log }: Platform,
  { bus, outbox: events }: BusParts,
  { watchesExpiry }: { readonly watchesExpiry: boolean },
): Promise<BridgeRequests> {
  const close = (opened: { close(): void } | undefined): void => {
    opened?.close();
  };
  const store = await startup.step('bridge requests', () => NatsBridgeRequestStore.open(bus), close);
  const requests = new BridgeRequests({ store, events, clock, random });
  if (watchesExpiry) {
    await startup.step('expiry of bridge requests', () => new ExpiryWatch({ requests, store, clock, log }), close);
  }
  return requests;
}
