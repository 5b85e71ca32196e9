import { afterAll, beforeAll } from 'vitest';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { randomHex, systemRandom } from '../../kernel/index.ts';
import { bindingsConformance } from './bindings.conformance.ts';
import { MemoryBindings } from './bindings.memory.ts';
import { NatsBindings } from './bindings.nats.ts';
import type { BindingStore } from './ports.ts';

let nats: TestNats;

beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(async () => {
  await nats.close();
});

const closing = (store: BindingStore): { store: BindingStore; close(): Promise<void> } => ({
  store,
  close: () => {
    store.close();
    return Promise.resolve();
  },
});

bindingsConformance('memory', () => {
  const store = new MemoryBindings();
  return Promise.resolve(closing(store));
});

bindingsConformance('NATS', async () => {
  const store = await NatsBindings.open(nats.bus, { bucket: `phones-${randomHex(systemRandom, 4)}` });
  return closing(store);
});
