import { expect, it, vi } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import type { Member } from '../membership/ports.ts';
import { STALE_MS } from './load-board.ts';
import { LoadReporter, REPORT_MS } from './load-reporter.ts';
import { MemoryLoadReports } from './load-reports.memory.ts';
import { NodePlacement } from './node-placement.ts';
import type { NodeLoad } from './ports.ts';

const member = (node: string, more: Partial<Member> = {}): Member => ({
  ...{ kind: 'node', node, fence: 1, roles: ['call'], addresses: {}, startedAt: 1, renewals: 0, tasks: [] },
  ...more,
});
const load = (node: string, more: Partial<NodeLoad> = {}): NodeLoad => ({
  ...{ node, channels: 0, capacity: 10, cpu: 0, loopLagMs: 0, packetsPerSecond: 0, draining: false, startupMs: 900 },
  ...more,
});

function clusterOf(...members: Member[]) {
  const clock = new FakeClock();
  const all = [...members];
  return { clock, all, placement: new NodePlacement({ cluster: { members: () => all }, clock }) };
}

it('MT-2 a burst between two reports is counted, and a report takes its place', () => {
  const { clock, placement } = clusterOf(member('a'), member('b', { startedAt: 2 }));
  placement.heard(load('a'));
  placement.heard(load('b'));
  expect(placement.room).toBe(18);
  placement.heard(load('b', { cpu: 1 }));
  expect(placement.room).toBe(9);
  placement.heard(load('b'));
  const picked = Array.from({ length: 18 }, () => placement.pick());
  expect(picked).toEqual([...Array<string>(9).fill('a'), ...Array<string>(9).fill('b')]);
  expect(placement.pick()).toBeUndefined();
  placement.returned('a');
  expect(placement.pick()).toBe('a');
  // Some have not got through to the first report after them.
  clock.advance(900);
  placement.heard(load('a', { channels: 3 }));
  expect(placement.room).toBe(0);
  clock.advance(200);
  placement.heard(load('a', { channels: 3 }));
  expect(placement.room).toBe(6);
});

it('while every node is busy calls go on, to the fullest that is not full; a drained one gets none', () => {
  const { placement } = clusterOf(member('a'), member('b'), member('c'));
  placement.heard(load('a', { cpu: 1, channels: 2 }));
  placement.heard(load('b', { loopLagMs: 900, channels: 8 }));
  placement.heard(load('c', { draining: true }));
  expect(placement.room).toBe(0);
  expect([placement.pick(), placement.pick()]).toEqual(['b', 'a']);
  placement.heard(load('a', { channels: 3 }));
  expect(placement.pick()).toBe('a');
});

it('a node that says nothing for 5 s, is gone, or has no calls to do gets none', () => {
  const { clock, all, placement } = clusterOf(member('a'), member('g', { roles: ['gateway'] }));
  expect(placement.pick()).toBeUndefined();
  for (const each of ['a', 'g', 'stranger']) placement.heard(load(each));
  expect(placement.pick()).toBe('a');
  clock.advance(STALE_MS);
  expect(placement.pick()).toBeUndefined();
  expect(placement.board.nodes().map((seen) => [seen.member.node, seen.load])).toEqual([['a', undefined]]);
  placement.heard(load('a'));
  expect(placement.pick()).toBe('a');
  all.shift();
  expect(placement.pick()).toBeUndefined();
});

it('who waits for room hears of it', () => {
  const { placement } = clusterOf(member('a'));
  const told = vi.fn();
  const stop = placement.onRoom(told);
  placement.heard(load('a', { draining: true }));
  expect(told).not.toHaveBeenCalled();
  placement.heard(load('a'));
  expect(told).toHaveBeenCalledTimes(1);
  placement.heard(load('a'));
  expect(told).toHaveBeenCalledTimes(1);
  while (placement.pick() !== undefined);
  placement.heard(load('a'));
  expect(told).toHaveBeenCalledTimes(1);
  placement.heard(load('a', { capacity: 20 }));
  expect(told).toHaveBeenCalledTimes(2);
  stop();
  placement.heard(load('a', { capacity: 90 }));
  expect(told).toHaveBeenCalledTimes(2);
});

it('MT-4 a node says how it is once it has started, once a second, and at once when it begins to drain', () => {
  const clock = new FakeClock();
  const reports = new MemoryLoadReports();
  const seen: NodeLoad[] = [];
  reports.onReport((each) => seen.push(each));
  let draining = false;
  let starting = true;
  let reads = 0;
  const close = vi.fn();
  const reporter = new LoadReporter({
    ...{ node: 'a', reports, capacity: 10, clock, startupMs: () => 5, channels: () => seen.length },
    meter: { read: () => ({ cpu: reads++ / 10, loopLagMs: 1, packetsPerSecond: 2 }), close },
    draining: () => draining,
    silent: () => starting,
  });
  expect(seen).toEqual([]);
  starting = false;
  reporter.sayNow();
  clock.advance(2 * REPORT_MS);
  expect(seen.map(({ channels, cpu }) => [channels, cpu])).toEqual([
    [0, 0],
    [1, 0.1],
    [2, 0.2],
  ]);
  draining = true;
  reporter.sayNow();
  expect(seen.at(-1)).toMatchObject({ node: 'a', draining: true, capacity: 10, startupMs: 5 });
  reporter.close();
  expect(close).toHaveBeenCalledTimes(1);
  expect(clock.pendingTimers).toBe(0);
});

it('MT-2 the end of a call leaves room at once, whether a report showed the call or not, until a report shows the end', () => {
  const { clock, placement } = clusterOf(member('a'));
  placement.heard(load('a', { channels: 8 }));
  expect(placement.pick()).toBe('a');
  const pickedAt = clock.monotonic();
  expect(placement.pick()).toBeUndefined();
  placement.ended('a', pickedAt);
  expect(placement.room).toBe(1);
  // One that another process dealt out, and one that the report shows long since.
  placement.ended('a', undefined);
  placement.ended('a', pickedAt - 60_000);
  expect(placement.room).toBe(3);
  placement.heard(load('a', { channels: 6 }));
  expect(placement.room).toBe(3);
  for (let n = 0; n < 20; n++) placement.ended('a', undefined);
  expect(placement.room).toBe(9);
});
