import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { MemoryCapacityStore } from './capacity-store.memory.ts';
import { NatsCapacityStore } from './capacity-store.nats.ts';
import type { CapacityDecision, CapacityStore } from './ports.ts';

let server: TestNats;
beforeAll(async () => {
  server = await startTestNats();
});
afterAll(() => server.close());

const decision: CapacityDecision = {
  ...{ at: 5, action: 'expand', nodes: 1, wanted: 2, load: 3.5, expected: 40, error: 6, expectedAt: 9 },
  ...{ channels: 50, wouldWait: 0.1, reasons: ['because'] },
};

it.each([
  ['memory', () => Promise.resolve<CapacityStore>(new MemoryCapacityStore())],
  ['NATS', (): Promise<CapacityStore> => NatsCapacityStore.open(server.bus)],
])('MT-5 history of the analysis in %s: days and decisions, replaced and removed', async (_name, open) => {
  const store = await open();
  expect([await store.days(), await store.decisions()]).toEqual([[], []]);
  await store.saveDay({ day: 86_400_000, everyMs: 60_000, loads: [1] });
  await store.saveDay({ day: 86_400_000, everyMs: 60_000, loads: [1, null, 2.5] });
  await store.saveDay({ day: 0, everyMs: 60_000, loads: [7] });
  await store.removeDay(0);
  await store.saveDecision(0, { ...decision, at: 1 });
  await store.saveDecision(0, decision);
  expect(await store.days()).toMatchObject([{ day: 86_400_000, everyMs: 60_000, loads: [1, null, 2.5] }]);
  expect(await store.decisions()).toMatchObject([decision]);
});
