import { expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { Emitter, silentLog } from '../../kernel/index.ts';
import type { LoadSample } from '../capacity/index.ts';
import type { Member, MembershipEvents } from '../membership/ports.ts';
import type { NodeLoad, SeenNode } from '../placement/index.ts';
import { Allocator } from './allocator.ts';
import { ALLOCATOR_POLICY } from './machine.ts';
import { RoleAnalyst, roleLoad } from './role-analyst.ts';

const EVERY_MS = 5000;
const quiet: NodeLoad = {
  ...{
    node: 'g',
    channels: 0,
    capacity: 100,
    cpu: 0,
    loopLagMs: 0,
    packetsPerSecond: 0,
    draining: false,
    startupMs: 0,
  },
};
const analyst = (): RoleAnalyst =>
  new RoleAnalyst({ role: 'gateway', unit: 'connections', everyMs: EVERY_MS, log: silentLog });

function sample(at: number, load: number, nodes = 1): LoadSample {
  const rest = { waiting: 0, waitingPerSecond: 0, scheduled: [], starting: 0, channelsPerNode: 100 };
  return { at, load, nodes, ...rest, startupMs: 10_000 };
}

it('MT-8 a node is as loaded as the most used of its connections, its processor and its event loop', () => {
  expect(roleLoad({ ...quiet, channels: 40, cpu: 0.2 })).toBe(40);
  expect(roleLoad({ ...quiet, channels: 4, cpu: 0.9 })).toBe(90);
  expect(roleLoad({ ...quiet, channels: 4, loopLagMs: 120 })).toBe(80);
  expect(roleLoad({ ...quiet, loopLagMs: 4000 })).toBe(100);
  // Conversions that wait for their turn.
  expect(roleLoad({ ...quiet, channels: 7, capacity: 2 })).toBe(7);
  expect(roleLoad({ ...quiet, capacity: 0 })).toBe(0);
});

it('MT-8 what lasts counts and one busy second does not; what rises is provided for until a node could be there', () => {
  const spiky = analyst();
  expect([0, 90, 0, 90, 0].map((load, n) => spiky.decide(sample(n * EVERY_MS, load)).wanted)).toEqual([0, 0, 0, 0, 0]);
  const steady = analyst();
  expect([71, 71].map((load, n) => steady.decide(sample(n * EVERY_MS, load)).wanted)).toEqual([2, 2]);
  const rising = analyst();
  const wanted = [10, 20, 30, 40, 50, 60].map((load, n) => rising.decide(sample(n * EVERY_MS, load)).wanted);
  // 50 lasted for two looks, which one node carries; at 1.6 a second it will be 74 when a node is ready.
  expect(wanted.at(-1)).toBe(2);
});

it('MT-8 gateways are made from none to the minimum, with their load, and go again down to the minimum', async () => {
  const clock = new FakeClock();
  const events = new Emitter<MembershipEvents>(() => undefined);
  let nodes: SeenNode[] = [];
  let connections = 0;
  let serial = 0;
  const most: number[] = [];
  const join = (): void => {
    const node = `g${serial++}`;
    const member: Member = {
      ...{ kind: 'node', node, fence: 1, roles: ['gateway'], addresses: { provisioner: 'test' } },
      ...{ startedAt: clock.now(), renewals: 0, tasks: [] },
    };
    nodes.push({ member, load: { ...quiet, node }, heardAt: 0 });
    most.push(nodes.length);
    events.emit('joined', member);
  };
  const allocator = new Allocator({
    role: 'gateway',
    policy: { ...ALLOCATOR_POLICY, min: 1, max: 3, coolDownMs: 60_000 },
    cluster: { members: () => [], on: (event, listener) => events.on(event, listener) },
    nodes: () =>
      nodes.map((seen) => ({ ...seen, load: { ...quiet, ...seen.load, channels: connections / nodes.length } })),
    queue: () => ({ waiting: 0, scheduled: [] }),
    openAnalyst: () => Promise.resolve(analyst()),
    loadOf: roleLoad,
    fromNone: true,
    provisioner: {
      name: 'test',
      start: () => {
        clock.setTimer(10_000, join);
        return Promise.resolve();
      },
      stop: ({ node }) => {
        nodes = nodes.filter(({ member }) => member.node !== node);
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    },
    ...{ clock, log: silentLog },
  });
  const duty = new AbortController();
  const running = allocator.task.run({ shard: 0, fence: 1, signal: duty.signal });
  await clock.advanceAsync(30_000);
  expect(nodes.length).toBe(1);
  connections = 200;
  await clock.advanceAsync(60_000);
  expect(nodes.length).toBe(3);
  connections = 0;
  await clock.advanceAsync(40_000);
  expect(nodes.length).toBe(3);
  await clock.advanceAsync(300_000);
  expect(nodes.length).toBe(1);
  expect(Math.max(...most)).toBe(3);
  duty.abort();
  await running;
  expect(clock.pendingTimers).toBe(0);
});
