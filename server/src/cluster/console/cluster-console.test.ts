import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import type { DirectoryTrunk } from '../../tenants/index.ts';
import { MemoryCapacityStore } from '../capacity/capacity-store.memory.ts';
import type { Member } from '../membership/ports.ts';
import { NodePlacement } from '../placement/index.ts';
import { NodeClusterConsole } from './cluster-console.ts';
import type { NodeFacts, TenantCaps } from './ports.ts';

const NO_CAPS: TenantCaps = { caps: () => [], nearCap: () => [] };

const member = (node: string): Member => ({
  ...{ kind: 'node', node, fence: 1, roles: ['call'], addresses: { sip: 'x' }, startedAt: 0, renewals: 0, tasks: [] },
});
const gateway = (host: string) => ({ host, port: null, transport: 'udp' as const, priority: 1, weight: 100 });
const trunk = (sid: string, name: string, rest: Partial<DirectoryTrunk> = {}): DirectoryTrunk =>
  ({ sid, accountSid: 'AC1', name, gateways: [gateway('a'), gateway('b')], channels: { total: 30 }, ...rest }) as never;

function world(answers: Record<string, NodeFacts | Error>, guards: TenantCaps = NO_CAPS) {
  const clock = new FakeClock();
  const cluster = { members: () => Object.keys(answers).map(member) };
  const placement = new NodePlacement({ cluster, clock });
  const names: Record<string, { name: string; status: 'active' | 'suspended' }> = {
    AC1: { name: 'One', status: 'active' },
    AC2: { name: 'Two', status: 'suspended' },
  };
  const console = new NodeClusterConsole({
    ...{ cluster, placement, clock, guards, log: silentLog, store: new MemoryCapacityStore() },
    directory: {
      accountBySid: (sid) => {
        const account = names[sid];
        return account === undefined
          ? undefined
          : { sid, ownerSid: undefined, limits: { connections: 10 }, ...account };
      },
      trunks: () => [trunk('TK1', 'idle'), trunk('TK2', 'busy'), trunk('TK3', 'broken')],
    },
    gatewayName: ({ host }) => host,
    ask: (node) => {
      const answer = answers[node];
      return answer instanceof Error || answer === undefined
        ? Promise.reject(new Error('none'))
        : Promise.resolve(answer);
    },
    drainNode: (node) =>
      Promise.resolve(
        node === 'a' ? { calls: 3 } : { refused: 'no-such-node', message: `no live call node is ${node}` },
      ),
  });
  return { console, placement, clock };
}

const facts = (rest: Partial<NodeFacts>): NodeFacts => ({ accounts: [], trunks: [], queue: null, ...rest });
const account = (accountSid: string, calls: number, connections: number) => ({
  accountSid,
  calls,
  connections,
  subscriptions: 0,
});

describe('the operator sees', () => {
  it('nodes as they say they are; one that is silent is shown as that', () => {
    const { console, placement } = world({ a: facts({}), b: facts({}) });
    const load = { capacity: 200, cpu: 0.5, loopLagMs: 2, packetsPerSecond: 10, startupMs: 900 };
    placement.heard({ node: 'a', channels: 7, draining: true, ...load });
    expect(console.nodes()).toMatchObject({
      nodes: [
        { node: 'a', state: 'draining', channels: 7, capacity: 200, addresses: { sip: 'x' } },
        { node: 'b', state: 'silent', channels: null, cpu: null },
      ],
      room: 0,
    });
  });

  it('tenants over all nodes, with what waits, the busiest first; what a node did not say is not hidden', async () => {
    const queue = {
      ...{ waiting: 4, scheduled: 1, running: 2, startedLastMinute: 9, moreAccounts: 0, nextStartAt: null },
      oldestQueuedAt: new FakeClock().now() - 5000,
      accounts: [
        { accountSid: 'AC2', waiting: 4, scheduled: 1, running: 2, oldestQueuedAt: new FakeClock().now() - 5000 },
      ],
    };
    const { console } = world({
      a: facts({ accounts: [account('AC1', 1, 8)], queue }),
      b: facts({ accounts: [account('AC1', 2, 1), account('AC2', 1, 0)] }),
      c: new Error('silent'),
    });
    const { tenants, missing } = await console.tenants(['AC2', 'AC9'], 10);
    expect(missing).toEqual(['c']);
    expect(tenants).toMatchObject([
      { accountSid: 'AC1', name: 'One', calls: 3, queued: 0, connections: 9 },
      { accountSid: 'AC2', name: 'Two', status: 'suspended', calls: 1, queued: 4, scheduled: 1 },
      { accountSid: 'AC9', name: '', calls: 0 },
    ]);
    expect(tenants[0]?.uses).toContainEqual({ limit: 'connections', used: 9, of: 10 });
    expect(await console.queue(0)).toMatchObject({
      node: 'a',
      waiting: 4,
      oldestWaitMs: 5000,
      accounts: [],
      moreAccounts: 1,
    });
    expect((await console.queue(5)).accounts).toMatchObject([{ accountSid: 'AC2', name: 'Two', oldestWaitMs: 5000 }]);
  });

  it('MT-10 who is near a cap of its guards, before who is busy', async () => {
    const cap = { limit: 'spendPerDay', used: 90, of: 100 };
    const { console } = world(
      { a: facts({ accounts: [account('AC1', 9, 9)] }) },
      { caps: (sid) => (sid === 'AC2' ? [cap] : []), nearCap: (most) => ['AC2'].slice(0, most) },
    );
    const { tenants } = await console.tenants([], 10);
    expect(tenants.map(({ accountSid }) => accountSid)).toEqual(['AC2', 'AC1']);
    expect(tenants[0]?.uses.at(-1)).toEqual(cap);
  });

  it('that nobody schedules', async () => {
    const { console } = world({ a: facts({}) });
    expect(await console.queue(5)).toMatchObject({ node: null, waiting: 0, oldestWaitMs: null, accounts: [] });
  });

  it('MT-6 channels of a trunk added up over the nodes, and which node does not reach which gateway', async () => {
    const { console } = world({
      a: facts({ trunks: [{ trunkSid: 'TK2', in: 1, out: 4, down: [] }] }),
      b: facts({
        trunks: [
          { trunkSid: 'TK2', in: 2, out: 0, down: [] },
          { trunkSid: 'TK3', in: 0, out: 0, down: ['b'] },
        ],
      }),
    });
    const { trunks, more } = await console.trunks(2);
    expect(more).toBe(1);
    expect(trunks).toMatchObject([
      {
        name: 'broken',
        gateways: [
          { name: 'a', up: true, downOn: [] },
          { name: 'b', up: false, downOn: ['b'] },
        ],
      },
      { name: 'busy', accountName: 'One', in: 3, out: 4, limits: { total: 30, in: null } },
    ]);
  });

  it('what is refused to be drained, with the reason; the load of now at the end of an empty forecast', async () => {
    const { console, placement } = world({ a: facts({}) });
    expect(await console.drain('a', 60)).toEqual({ node: 'a', state: 'draining', calls: 3, deadlineSeconds: 60 });
    expect(await console.drain('z', 60)).toMatchObject({ refused: 'no-such-node' });
    const load = { capacity: 200, cpu: 0, loopLagMs: 0, packetsPerSecond: 0, startupMs: 0, draining: false };
    placement.heard({ node: 'a', channels: 7, ...load });
    const view = await console.forecast(24, 6);
    expect(view).toMatchObject({ load: 7, trusted: false, actual: [] });
    expect(view.capacity.map(({ channels }) => channels)).toEqual([200]);
    expect(await console.decisions(5)).toEqual({ decisions: [] });
  });
});
