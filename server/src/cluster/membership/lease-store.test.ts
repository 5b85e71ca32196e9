import { afterAll, beforeAll } from 'vitest';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { leaseStoreConformance } from './lease-store.conformance.ts';
import { MemoryLeases } from './lease-store.memory.ts';
import { NatsLeaseStore } from './lease-store.nats.ts';

let server: TestNats;
beforeAll(async () => {
  server = await startTestNats();
});
afterAll(() => server.close());

leaseStoreConformance('memory', () => {
  const leases = new MemoryLeases();
  return Promise.resolve([leases.open(), leases.open()]);
});
leaseStoreConformance('NATS', async () => {
  await server.bus.jsm.streams.delete('KV_cluster').catch(() => false);
  return [await NatsLeaseStore.open(server.bus), await NatsLeaseStore.open(server.bus)];
});
