import { afterAll, beforeAll } from 'vitest';
import { startTestNats } from '../bus/testing/test-nats.ts';
import type { TestNats } from '../bus/testing/test-nats.ts';
import { silentLog, systemClock } from '../kernel/index.ts';
import { revocationStoreConformance } from './revocation-store.conformance.ts';
import { NatsRevocationStore } from './revocation-store.nats.ts';

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.close());

revocationStoreConformance('NATS', async () => {
  const parts = { bus: nats.bus, clock: systemClock, log: silentLog };
  const store = await NatsRevocationStore.open(parts);
  const other = await NatsRevocationStore.open(parts);
  return {
    store,
    other,
    close: async () => {
      for (const { accountSid, sid } of store.list(`AC${'a'.repeat(32)}`)) await store.remove(accountSid, sid);
      store.close();
      other.close();
    },
  };
});
