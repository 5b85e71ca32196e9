import { expect, it } from 'vitest';
import { event } from '../../hub/testing/fixtures.ts';
import { MAX_DEAD_LETTERS } from './limits.ts';
import { MemorySinkStore } from './sink-store.memory.ts';
import { sinkStoreConformance } from './sink-store.conformance.ts';

sinkStoreConformance('sinks in memory', () => Promise.resolve(new MemorySinkStore()));

it('keeps the newest dead letters of a sink', async () => {
  const store = new MemorySinkStore();
  for (let n = 0; n < MAX_DEAD_LETTERS + 3; n++) {
    const id = String(n).padStart(6, '0');
    const position = { epoch: 'e', seq: n };
    await store.addDeadLetter('WH1', { id, topic: 'app.a', position, event: event(), at: 1, attempts: 1, problem: '' });
  }
  const kept = await store.deadLetters('WH1');
  expect([kept.length, kept[0]?.id]).toEqual([MAX_DEAD_LETTERS, '000003']);
});
