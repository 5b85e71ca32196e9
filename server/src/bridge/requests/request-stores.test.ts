import { afterAll, beforeAll } from 'vitest';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { requestStoreConformance } from './request-store.conformance.ts';
import { MemoryBridgeRequestStore } from './request-store.memory.ts';
import { NatsBridgeRequestStore } from './request-store.nats.ts';

let nats: TestNats;

beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(async () => {
  await nats.close();
});

requestStoreConformance('memory', () =>
  Promise.resolve({ store: new MemoryBridgeRequestStore(), close: () => Promise.resolve() }),
);
requestStoreConformance('NATS', async () => {
  const store = await NatsBridgeRequestStore.open(nats.bus);
  return {
    store,
    close: async () => {
      store.close();
      await nats.bus.jsm.streams.delete('KV_bridge-requests');
    },
  };
});
