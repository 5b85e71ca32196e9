import { afterAll, beforeAll } from 'vitest';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { NatsSinkStore } from './sink-store.nats.ts';
import { sinkStoreConformance } from './sink-store.conformance.ts';

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.close());

sinkStoreConformance('sinks in NATS', () => NatsSinkStore.open(nats.bus));
