import type { PublishGate } from '../cluster/membership/index.ts';
import { NodePresence } from '../hub/presence/index.ts';
import { NatsPresenceStore } from '../hub/presence/store.nats.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** Who is on which topic. Closed after the gateway, whose last leaves it tells, and before the outbox. */
export async function openPresence(platform: Platform, { bus, cluster, receipts }: BusParts): Promise<NodePresence> {
  const { startup, clock, random, log, metrics, node } = platform;
  const presence = await startup.step(
    'presence',
    async () => {
      const store = await NatsPresenceStore.open(bus);
      await store.ready;
      const gate = (): PublishGate => cluster.publishGate;
      return new NodePresence({ store, events: receipts, node, gate, clock, random, log, metrics });
    },
    (opened) => opened.close(),
  );
  cluster.registerSweep(presence);
  return presence;
}
