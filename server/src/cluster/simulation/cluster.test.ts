import { expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { simulateCluster } from './cluster.ts';
import type { ClusterTrace } from './cluster.ts';

const STEP: ClusterTrace = {
  minutes: 60,
  tenants: 500,
  limits: { callsPerSecond: 5, burst: 5, concurrent: 20 },
  holdSeconds: 60,
  phases: [
    { fromMinute: 0, inboundPerSecond: 0.1, queuedPerSecond: 0.1 },
    { fromMinute: 5, inboundPerSecond: 0.3, queuedPerSecond: 3 },
    { fromMinute: 25, inboundPerSecond: 0.1, queuedPerSecond: 0.1 },
  ],
  channelsPerNode: 50,
  startupSeconds: 20,
  drainSeconds: 3600,
  minNodes: 1,
  maxNodes: 10,
  killMinutes: [],
};

const run = (changes: Partial<ClusterTrace> = {}, seed = 1) =>
  simulateCluster({ ...STEP, ...changes }, seededRandom(seed));

it('MT-3 MT-4 a step up and back: nodes start and drain, no call is dropped, none is forgotten', async () => {
  const result = await run();
  expect(result.mostNodes).toBeGreaterThanOrEqual(5);
  expect(result.started).toBeGreaterThanOrEqual(4);
  expect(result.drained).toBe(result.started);
  expect(result).toMatchObject({ droppedByDrain: 0, droppedByKill: 0, refused: 0, waiting: 0 });
  expect(result.queued).toBeGreaterThan(3000);
  expect(result.nodeHours).toBeLessThan(result.mostNodes * 0.9);
});

it('MT-4 a node that is not given the time to drain drops calls, and they are counted', async () => {
  const { droppedByDrain } = await run({ drainSeconds: 1, holdSeconds: 120 });
  expect(droppedByDrain).toBeGreaterThan(0);
});

it('MT-3 MT-9 a node that dies takes its calls with it, and is replaced', async () => {
  const { droppedByKill, droppedByDrain, started, waiting } = await run({ killMinutes: [20] });
  expect(droppedByKill).toBeGreaterThan(20);
  expect(droppedByKill).toBeLessThanOrEqual(STEP.channelsPerNode);
  expect(droppedByDrain).toBe(0);
  expect(started).toBeGreaterThan((await run()).drained);
  expect(waiting).toBe(0);
});

it('MT-1 limits of accounts make their calls wait, though nodes have room', async () => {
  const limits = { callsPerSecond: 1, burst: 1, concurrent: 1 };
  const free = await run({ minNodes: 10, tenants: 10 });
  const held = await run({ minNodes: 10, tenants: 10, limits });
  expect(free.waitP95Seconds).toBe(0);
  expect(held.waitP95Seconds).toBeGreaterThan(60);
  expect(held.underProvisioned).toBe(0);
});

it('MT-3 without room for more nodes callers are refused and tenants wait', async () => {
  const result = await run({ maxNodes: 1, phases: [{ fromMinute: 0, inboundPerSecond: 2, queuedPerSecond: 1 }] });
  expect(result.refused).toBeGreaterThan(1000);
  expect(result.waiting).toBeGreaterThan(1000);
  expect(result.underProvisioned).toBeGreaterThan(0.9);
});

it('is the same for the same seed', async () => {
  expect(await run({}, 3)).toEqual(await run({}, 3));
});
