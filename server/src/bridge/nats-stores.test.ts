import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Bus, EmbeddedNats } from '../bus/index.ts';
import { silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { nodeRpcConformance } from './node-rpc.conformance.ts';
import { NatsNodeRpc } from './node-rpc.nats.ts';
import type { Registration } from './ports.ts';
import { registrationsConformance } from './registrations.conformance.ts';
import { NatsRegistrations } from './registrations.nats.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };
let directory: string;
let nats: EmbeddedNats;
let bus: Bus;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hs-bridge-'));
  nats = await EmbeddedNats.start({ directory, ...parts });
  bus = await Bus.connect({ url: nats.url, name: 'test', ...parts });
});
afterAll(async () => {
  await bus.close();
  await nats.close();
  await rm(directory, { recursive: true, force: true });
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
  watch.close();
  one.close();
  two.close();
});
