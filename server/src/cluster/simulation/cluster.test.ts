import { expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { simulateCluster } from './cluster.ts';
import type { ClusterPoint, ClusterTrace } from './cluster.ts';

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
  const { droppedByKill, droppedByDrain, started, waiting } = await run({ killMinutes: [12, 16, 20] });
  expect(droppedByKill).toBeGreaterThan(20);
  expect(droppedByKill).toBeLessThanOrEqual(3 * STEP.channelsPerNode);
  expect(droppedByDrain).toBe(0);
  expect(started).toBeGreaterThanOrEqual((await run()).started + 2);
  expect(waiting).toBe(0);
});

it('MT-1 limits of accounts make their calls wait, though nodes have room', async () => {
  const limits = { callsPerSecond: 1, burst: 1, concurrent: 1 };
  const free = await run({
    minNodes: 10,
    tenants: 10,
    limits: { ...limits, callsPerSecond: 100, burst: 100, concurrent: 100 },
  });
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

it('MT-5 a campaign that is known ahead has its nodes when it starts, and no more than its tenants may use', async () => {
  const points: ClusterPoint[] = [];
  const trace = {
    ...STEP,
    minutes: 90,
    limits: { callsPerSecond: 5, burst: 5, concurrent: 10 },
    phases: [{ fromMinute: 0, inboundPerSecond: 0.1, queuedPerSecond: 0.1 }],
    campaigns: [{ knownMinute: 10, startMinute: 30, calls: 5000, tenants: 20 }],
  };
  const result = await simulateCluster(trace, seededRandom(1), (point) => points.push(point));
  expect(points).toHaveLength(90);
  expect(points[9]?.nodes).toBe(1);
  // Twenty tenants of ten calls: five nodes' worth, not a hundred. Two nodes are started at a time.
  expect(points[29]?.channels).toBeGreaterThanOrEqual(150);
  expect(points[31]?.channels).toBeGreaterThanOrEqual(200);
  expect(result.mostNodes).toBeLessThanOrEqual(8);
  expect(points[31]?.live).toBeGreaterThan(180);
  expect(result).toMatchObject({ refused: 0, waiting: 0, droppedByDrain: 0 });
  expect(result.queued).toBeGreaterThan(5000);
});

it('MT-3 weeks have days and nights: the nodes follow', async () => {
  const points: ClusterPoint[] = [];
  const phases = [{ fromMinute: 0, inboundPerSecond: 2, queuedPerSecond: 0 }];
  const trace = { ...STEP, minutes: 2880, phases, week: { growth: 0, bursts: 0 } };
  await simulateCluster(trace, seededRandom(1), (point) => points.push(point));
  const [night, morning] = [points[1440 + 180], points[1440 + 630]];
  expect(morning?.live ?? 0).toBeGreaterThan(10 * (night?.live ?? 0));
  expect(night?.nodes).toBe(1);
  expect(morning?.nodes).toBeGreaterThanOrEqual(3);
});

it('is the same for the same seed', async () => {
  expect(await run({}, 3)).toEqual(await run({}, 3));
});
