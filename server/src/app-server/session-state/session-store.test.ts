import { expect, it } from 'vitest';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import { emptySession } from './session.ts';
import { sessionStoreConformance } from './session-store.conformance.ts';
import { NatsSessionStore } from './session-store.nats.ts';

sessionStoreConformance('NATS KV', async () => {
  const nats = await startTestNats();
  return { open: () => NatsSessionStore.open(nats.bus, 60_000), close: () => nats.close() };
});

it('another idle time is taken by the bucket that there is', async () => {
  const nats = await startTestNats();
  const store = await NatsSessionStore.open(nats.bus, 60_000);
  const scope = { kind: 'pair', accountSid: 'AC1', from: 'a', to: 'b' } as const;
  await store.put(emptySession(scope, 1), undefined);
  const again = await NatsSessionStore.open(nats.bus, 120_000);
  expect((await again.get(scope))?.record.createdAt).toBe(1);
  await nats.close();
}, 30_000);
