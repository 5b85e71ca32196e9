import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Bus } from '../bus/index.ts';
import { startTestNats } from '../bus/testing/test-nats.ts';
import type { TestNats } from '../bus/testing/test-nats.ts';
import { nodeRpcConformance } from './node-rpc.conformance.ts';
import { NatsNodeRpc } from './node-rpc.nats.ts';
import type { Registration } from './ports.ts';
import { registrationsConformance } from './registrations.conformance.ts';
import { NatsRegistrations } from './registrations.nats.ts';

let nats: TestNats;
let bus: Bus;

beforeAll(async () => {
  nats = await startTestNats();
  ({ bus } = nats);
});
afterAll(async () => {
  await nats.close();
});

const open = (node: string, isAlive: (node: string) => boolean = () => true): Promise<NatsRegistrations> =>
  NatsRegistrations.open({ bus, node, isAlive });

registrationsConformance('NATS', async () => {
  // An earlier life of `gate` leaves nothing: that is part of the contract of open().
  const store = await open('gate');
  return {
    store,
    close: () => {
      store.close();
      return Promise.resolve();
    },
  };
});
nodeRpcConformance('NATS', () => {
  const [a, b] = [new NatsNodeRpc(bus, 'a'), new NatsNodeRpc(bus, 'b')];
  return Promise.resolve({
    a,
    b,
    close: () => {
      a.close();
      b.close();
      return Promise.resolve();
    },
  });
});

it('registrations of one node are seen by another, and those of a dead node by nobody', async () => {
  const alive = new Set(['gate-1', 'gate-2']);
  const [one, two] = [await open('gate-1', (node) => alive.has(node)), await open('gate-2', (node) => alive.has(node))];
  const alice: Registration = {
    accountSid: `AC${'c'.repeat(32)}`,
    identity: 'alice',
    registration: 'r1',
    node: 'gate-1',
    connection: 'c1',
    device: undefined,
    since: 1,
  };
  const seen = Promise.withResolvers<void>();
  const watch = two.watch(alice.accountSid, 'alice', () => {
    seen.resolve();
  });
  await one.put(alice);
  await seen.promise;
  expect(await two.find(alice.accountSid, 'alice')).toEqual([alice]);
  alive.delete('gate-1');
  expect(await two.find(alice.accountSid, 'alice')).toEqual([]);
  expect([...two.owners()]).toContain('gate-1');
  expect(await two.forget('gate-1')).toEqual([alice]);
  expect(await two.forget('gate-1')).toEqual([]);
  watch.close();
  one.close();
  two.close();
});

it('what has moved away from a dead node is not forgotten with it', async () => {
  const [one, two] = [await open('gate-1'), await open('gate-2')];
  const bob: Registration = {
    accountSid: `AC${'d'.repeat(32)}`,
    identity: 'bob',
    registration: 'r1',
    node: 'gate-1',
    connection: 'c1',
    device: undefined,
    since: 1,
  };
  await one.put(bob);
  const moved = { ...bob, node: 'gate-2', connection: 'c2' };
  // Not yet seen by whoever tidies up.
  const forgotten = two.forget('gate-1');
  await one.put(moved);
  const removed = await forgotten;
  expect(await two.get(bob)).toEqual(moved);
  expect(removed.length).toBeLessThanOrEqual(1);
  one.close();
  two.close();
});
