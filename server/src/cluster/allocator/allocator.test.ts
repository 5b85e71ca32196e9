import { expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { Emitter, silentLog } from '../../kernel/index.ts';
import { CapacityAnalyst } from '../capacity/index.ts';
import type { CapacityDecision } from '../capacity/index.ts';
import { MemoryCapacityStore } from '../capacity/capacity-store.memory.ts';
import type { Member, MembershipEvents } from '../membership/ports.ts';
import type { SeenNode } from '../placement/index.ts';
import type { Provisioner } from '../provisioners/index.ts';
import { Allocator } from './allocator.ts';
import { ALLOCATOR_POLICY } from './machine.ts';

const STARTUP_MS = 20_000;
const CAPACITY = 50;

/** A cluster whose nodes take time to start and to drain, with calls dealt to them as placement does. */
class World implements Provisioner {
  readonly name = 'test';
  readonly clock = new FakeClock();
  readonly events = new Emitter<MembershipEvents>(() => undefined);
  readonly store = new MemoryCapacityStore();
  readonly decisions: CapacityDecision[] = [];
  readonly stopped: string[] = [];
  nodes: SeenNode[] = [];
  load = 0;
  waiting = 0;
  starts = 0;
  broken = false;
  #serial = 0;

  constructor() {
    this.#join(false);
  }

  start(): Promise<void> {
    this.starts++;
    if (this.broken) return Promise.reject(new Error('no machine is free'));
    this.clock.setTimer(STARTUP_MS, () => {
      this.events.emit('joined', this.#join(true));
    });
    return Promise.resolve();
  }

  stop({ node }: { node: string }): Promise<void> {
    this.stopped.push(node);
    this.nodes = this.nodes.filter(({ member }) => member.node !== node);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  allocator(): Allocator {
    return new Allocator({
      role: 'call',
      policy: { ...ALLOCATOR_POLICY, min: 1, max: 6, coolDownMs: 120_000 },
      cluster: { members: () => [], on: (event, listener) => this.events.on(event, listener) },
      nodes: () => this.#dealt(),
      queue: () => ({ waiting: this.waiting, scheduled: [] }),
      openAnalyst: () => CapacityAnalyst.open({ store: this.store, policy: { keepMs: 300_000 }, log: silentLog }),
      provisioner: this,
      onDecision: (decision) => this.decisions.push(decision),
      ...{ clock: this.clock, log: silentLog },
    });
  }

  #dealt(): SeenNode[] {
    let left = this.load;
    return this.nodes.map((seen) => {
      const channels = Math.min(left, CAPACITY);
      left -= channels;
      return { ...seen, load: seen.load === undefined ? undefined : { ...seen.load, channels } };
    });
  }

  #join(made: boolean): Member {
    const node = `n${this.#serial++}`;
    const addresses: Record<string, string> = made ? { provisioner: 'test' } : {};
    const member: Member = {
      ...{
        kind: 'node',
        node,
        fence: 1,
        roles: ['call'],
        addresses,
        startedAt: this.clock.now(),
        renewals: 0,
        tasks: [],
      },
    };
    const rest = { cpu: 0, loopLagMs: 0, packetsPerSecond: 0, draining: false, startupMs: STARTUP_MS };
    this.nodes.push({ member, load: { node, channels: 0, capacity: CAPACITY, ...rest }, heardAt: 0 });
    return member;
  }
}

it('MT-3 step load 10, 200, 10: nodes are there within the start-up time and two looks, and go again; none flaps', async () => {
  const world = new World();
  const duty = new AbortController();
  world.load = 10;
  const running = world.allocator().task.run({ shard: 0, fence: 1, signal: duty.signal });
  await world.clock.advanceAsync(60_000);
  expect(world.nodes.length).toBe(1);
  world.load = 200;
  await world.clock.advanceAsync(4 * (STARTUP_MS + 30_000));
  expect(world.nodes.length).toBe(6);
  expect(world.decisions.some(({ action, reasons }) => action === 'expand' && reasons[0]?.includes('Erlangs'))).toBe(
    true,
  );
  const { starts } = world;
  expect(starts).toBe(5);
  world.load = 10;
  await world.clock.advanceAsync(90_000);
  expect(world.stopped).toEqual([]);
  await world.clock.advanceAsync(7_200_000);
  expect(world.nodes.map(({ member }) => member.node)).toEqual(['n0']);
  expect(world.starts).toBe(starts);
  duty.abort();
  await running;
  expect(world.clock.pendingTimers).toBe(0);
  expect((await world.store.decisions()).length).toBeGreaterThan(3);
});

it('MT-3 a queue that grows is a reason, before a channel is taken; a provisioner that fails is asked again, later', async () => {
  const world = new World();
  const duty = new AbortController();
  world.load = 5;
  world.broken = true;
  const running = world.allocator().task.run({ shard: 0, fence: 1, signal: duty.signal });
  world.waiting = 100;
  await world.clock.advanceAsync(31_000);
  expect(world.decisions.at(-1)?.reasons.join()).toContain('100 calls wait for channels');
  const early = world.starts;
  expect(early).toBeGreaterThan(0);
  await world.clock.advanceAsync(600_000);
  expect(world.starts).toBeGreaterThan(early);
  expect(world.starts).toBeLessThan(20);
  world.broken = false;
  await world.clock.advanceAsync(400_000);
  expect(world.nodes.length).toBeGreaterThan(2);
  duty.abort();
  await running;
});
