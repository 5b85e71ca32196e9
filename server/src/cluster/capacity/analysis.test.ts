import { expect, it } from 'vitest';
import { silentLog } from '../../kernel/index.ts';
import { CAPACITY_POLICY, analyse } from './analysis.ts';
import { CapacityAnalyst, KEPT_DECISIONS } from './analyst.ts';
import { MemoryCapacityStore } from './capacity-store.memory.ts';
import { HISTORY_DAYS } from './load-history.ts';
import type { LoadSample } from './ports.ts';

const DAY_MS = 86_400_000;
const MONDAY = Date.UTC(2029, 11, 31);
const sample = (more: Partial<LoadSample> = {}): LoadSample => ({
  ...{ at: MONDAY, load: 20, waiting: 0, waitingPerSecond: 0, scheduled: [], nodes: 1, starting: 0 },
  ...{ channelsPerNode: 50, startupMs: 30_000, ...more },
});
const decide = (more: Partial<LoadSample> = {}, forecast?: { mean: number; error: number }) =>
  analyse({
    sample: sample(more),
    forecast: forecast === undefined ? undefined : { at: () => forecast },
    policy: CAPACITY_POLICY,
  });

it('MT-5 as many nodes as the load needs by Erlang B, and why, in words', () => {
  const enough = decide({ load: 10 });
  expect(enough).toMatchObject({ action: 'hold', nodes: 1, wanted: 1, load: 10 });
  const more = decide({ load: 200 });
  expect(more).toMatchObject({ action: 'expand', wanted: 6 });
  expect(more.reasons.join('\n')).toMatch(/at most 0\.5 % of calls refused needs \d+ channels, 6 nodes of 45/);
  expect(more.reasons.join('\n')).toMatch(/a node takes 30 s to start/);
  expect(more.wouldWait).toBe(1);
});

it('MT-5 the queue, its growth during the start of a node, and scheduled calls are part of what is expected', () => {
  const base = decide().expected;
  expect(decide({ waiting: 50 }).expected).toBeCloseTo(base + 50, 0);
  expect(decide({ waiting: 50, waitingPerSecond: 2 }).expected).toBeGreaterThan(base + 150);
  expect(decide({ waiting: 50, waitingPerSecond: -2 }).expected).toBeCloseTo(base + 50, 0);
  const scheduled = (inMs: number) => decide({ scheduled: [{ at: MONDAY + inMs, calls: 90 }] });
  expect(scheduled(30_000)).toMatchObject({ action: 'expand' });
  expect(scheduled(30_000).reasons.join()).toContain('scheduled calls that begin until then take 90 channels');
  // Not yet: a node started now would stand idle.
  expect(scheduled(3_600_000).action).toBe('hold');
});

it('MT-5 what the applications of calls that wait do counts: how many legs they have, and for how long', () => {
  const scheduled = [{ at: MONDAY - 90_000, calls: 40 }];
  const base = decide().expected;
  const needs = (legs: number, seconds: number) => ({ perCall: { legs, seconds } });
  expect(decide({ waiting: 50, ...needs(2, 60) }).expected).toBeCloseTo(base + 100, 0);
  expect(decide({ scheduled, ...needs(2, 300) }).expected).toBeCloseTo(base + 80, 0);
  // Over by now, most of them.
  expect(decide({ scheduled, ...needs(2, 20) }).expected).toBeCloseTo(base, 0);
  expect(decide({ waiting: 50, ...needs(2, 60) }).reasons.join()).toContain('expected to take 2 channels for 60 s');
});

it('MT-5 more nodes than start at a time are begun with earlier, each as late as will do', () => {
  const campaign = (inMs: number, more: Partial<LoadSample> = {}) =>
    decide({ scheduled: [{ at: MONDAY + inMs, calls: 250 }], ...more });
  const needed = campaign(10_000).wanted;
  expect(needed).toBeGreaterThan(6);
  expect(campaign(600_000).action).toBe('hold');
  const wanted = [400, 300, 240, 180, 120, 60, 30].map((seconds) => campaign(seconds * 1000).wanted);
  expect(wanted).toEqual(wanted.toSorted((a, b) => a - b));
  expect(wanted[0]).toBe(1);
  expect(wanted).toContain(3);
  expect(campaign(120_000).reasons.join()).toMatch(/more are needed in 2 min, of which 2 start at a time/);
  // With those that have come meanwhile the rest can wait.
  expect(campaign(120_000, { nodes: needed - 2 }).action).toBe('hold');
  expect(campaign(30_000, { nodes: needed - 2 }).wanted).toBe(needed);
});

it('MT-5 a slow start is looked ahead for; what falls is kept while it will be needed again', () => {
  const rising = (startupMs: number) =>
    analyse({
      sample: sample({ startupMs }),
      forecast: { at: (time) => ({ mean: time - MONDAY > 240_000 ? 120 : 20, error: 1 }) },
      policy: CAPACITY_POLICY,
    });
  expect(rising(10_000).action).toBe('hold');
  expect(rising(300_000)).toMatchObject({ action: 'expand', wanted: 4 });
  const dip = analyse({
    sample: sample({ nodes: 4 }),
    forecast: { at: (time) => ({ mean: time - MONDAY > 600_000 ? 120 : 20, error: 1 }) },
    policy: CAPACITY_POLICY,
  });
  expect(dip).toMatchObject({ action: 'hold', wanted: 4 });
  expect(dip.reasons.join()).toMatch(/1 would do now, 4 are needed later/);
  expect(decide({ nodes: 4 }, { mean: 20, error: 1 })).toMatchObject({ action: 'contract', wanted: 1 });
});

it('MT-5 after three weeks it expects Monday morning before it comes; history and decisions outlive a restart', async () => {
  const store = new MemoryCapacityStore();
  const loadAt = (at: number): number => {
    const hour = (at % DAY_MS) / 3_600_000;
    return hour >= 9 && hour < 17 ? 150 : 10;
  };
  let at = MONDAY - 21 * DAY_MS;
  let analyst = await CapacityAnalyst.open({ store, log: silentLog });
  const eve = MONDAY + 9 * 3_600_000 - 240_000;
  while (at < eve) {
    analyst.decide(sample({ at, load: loadAt(at), nodes: 5 }));
    at += 60_000;
  }
  const { decisions, seenMinutes } = analyst;
  await analyst.close(at);
  expect(decisions.length).toBeLessThanOrEqual(KEPT_DECISIONS);
  analyst = await CapacityAnalyst.open({ store, log: silentLog });
  expect(analyst.decisions).toEqual(decisions);
  expect(analyst.seenMinutes).toBe(seenMinutes);
  const before = analyst.decide(sample({ at, load: 10, nodes: 1, startupMs: 300_000 }));
  expect(before.action).toBe('expand');
  // Half hours are joined by straight lines: a step is expected as a slope around it.
  expect(before.expected).toBeGreaterThan(70);
  await analyst.close(at);
  expect((await store.days()).length).toBeLessThanOrEqual(HISTORY_DAYS + 1);
});
