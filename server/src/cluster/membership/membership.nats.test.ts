import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Bus } from '../../bus/index.ts';
import { eventually } from '../../bus/testing/eventually.ts';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { delay, silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { NatsLeaseStore } from './lease-store.nats.ts';
import { ClusterMembership } from './membership.ts';
import { PausableClock } from './testing/pausable-clock.ts';
import { RecordedTask } from './testing/recorded-task.ts';

const TIMING = { leaseMs: 1500, renewMs: 300 };

let server: TestNats;
let close: (() => Promise<void>)[];
beforeAll(async () => {
  server = await startTestNats();
});
afterAll(() => server.close());
beforeEach(async () => {
  close = [];
  await server.bus.jsm.streams.delete('KV_cluster').catch(() => false);
});
afterEach(async () => {
  for (const end of close.reverse()) await end();
});

async function join(node: string, predecessor?: string) {
  const clock = new PausableClock(systemClock);
  const parts = { clock, random: systemRandom, log: silentLog };
  const bus = await Bus.connect({ url: server.nats.url, name: node, ...parts });
  const swept: string[] = [];
  const member = await ClusterMembership.join({
    store: await NatsLeaseStore.open(bus),
    node,
    roles: ['call'],
    timing: TIMING,
    ...(predecessor === undefined ? {} : { predecessor }),
    ...parts,
  });
  member.registerSweep({
    name: 'things',
    sweep: (dead) => {
      swept.push(dead);
      return Promise.resolve();
    },
  });
  member.startSweeping();
  const task = new RecordedTask('work', 6);
  member.singleDoer.offer(task);
  close.push(async () => {
    await member.leave();
    await bus.close();
  });
  const names = (): string[] => member.members().map((other) => other.node);
  return { member, clock, bus, swept, task, names };
}

it('nats-server killed and restarted: nobody expires, and the work goes on', async () => {
  const nodes = [await join('a'), await join('b'), await join('c')] as const;
  for (const node of nodes) {
    await eventually(() => {
      expect([node.names().length, node.task.doing.size]).toEqual([3, 2]);
    });
  }
  const fences = nodes.map(({ member }) => member.fence);
  for (let round = 0; round < 2; round++) {
    const back = Promise.all(
      nodes.map(
        ({ bus }) =>
          new Promise<void>((resolve) => {
            bus.on('reconnected', () => {
              resolve();
            });
          }),
      ),
    );
    process.kill(server.nats.pid ?? 0, 'SIGKILL');
    await back;
    await delay(systemClock, TIMING.leaseMs + 2 * TIMING.renewMs);
    for (const { member, names, swept } of nodes) {
      expect([member.standing, names().length, swept.length]).toEqual(['held', 3, 0]);
    }
  }
  expect(nodes.map(({ member }) => member.fence)).toEqual(fences);
  await eventually(() => {
    expect(nodes.map(({ task }) => task.doing.size)).toEqual([2, 2, 2]);
  });
}, 30_000);

it('a node that dies is swept once by one of the others, which share its work', async () => {
  const [a, b, c] = [await join('a'), await join('b'), await join('c')];
  await eventually(() => {
    expect([a, b, c].map(({ task }) => task.doing.size)).toEqual([2, 2, 2]);
  });
  c.member.abandon();
  await eventually(() => {
    expect([...a.swept, ...b.swept]).toEqual(['c']);
    expect([a, b].map(({ task }) => task.doing.size)).toEqual([3, 3]);
  });
  await delay(systemClock, TIMING.leaseMs);
  expect([...a.swept, ...b.swept]).toEqual(['c']);
}, 30_000);

it('a member that was paused wakes up and finds itself fenced', async () => {
  const [a, b] = [await join('a'), await join('b')];
  const { fence } = b.member;
  b.clock.pause();
  await eventually(() => {
    expect(a.swept).toEqual(['b']);
  });
  expect(a.member.isFenced('b', fence)).toBe(true);
  expect(b.member.publishGate).not.toBe('open');
  b.clock.resume();
  await eventually(() => {
    expect(b.member.publishGate).toBe('shut');
    expect(b.task.doing.size).toBe(0);
  });
  expect(a.names()).toEqual(['a']);
}, 30_000);

it('the lease of an earlier life is taken at once', async () => {
  const before = await join('a1');
  before.member.abandon();
  const begin = systemClock.monotonic();
  const now = await join('a2', 'a1');
  expect(systemClock.monotonic() - begin).toBeLessThan(TIMING.leaseMs);
  expect(now.names()).toEqual(['a2']);
  await eventually(() => {
    expect(now.swept).toEqual(['a1']);
  });
}, 30_000);

it('a bucket that was deleted while NATS restarted is made again, fences kept', async () => {
  const nodes = [await join('a'), await join('b'), await join('c')] as const;
  await eventually(() => {
    for (const node of nodes) expect([node.names().length, node.task.doing.size]).toEqual([3, 2]);
  });
  const fences = nodes.map(({ member }) => member.fence);
  await server.bus.jsm.streams.delete('KV_cluster');
  process.kill(server.nats.pid ?? 0, 'SIGKILL');
  await eventually(async () => {
    const store = await server.bus.jsm.streams.info('KV_cluster', { subjects_filter: '>' });
    expect(Object.keys(store.state.subjects ?? {}).length).toBeGreaterThanOrEqual(3);
  });
  await delay(systemClock, TIMING.leaseMs + 2 * TIMING.renewMs);
  await eventually(() => {
    for (const { member, names, swept } of nodes) {
      expect([member.standing, names().length, swept.length]).toEqual(['held', 3, 0]);
    }
  });
  expect(nodes.map(({ member }) => member.fence)).toEqual(fences);
  await eventually(() => {
    expect(nodes.map(({ task }) => task.doing.size)).toEqual([2, 2, 2]);
  });
}, 60_000);
