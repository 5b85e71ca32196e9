import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { HookswitchEvent } from '@hookswitch/shared';
import { Bus, EventOutbox, EventStreams, ingestFilter, readEvents } from '../../bus/index.ts';
import { eventually } from '../../bus/testing/eventually.ts';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { ClusterMembership } from '../../cluster/membership/index.ts';
import { NatsLeaseStore } from '../../cluster/membership/lease-store.nats.ts';
import { createMetrics, delay, silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { NodePresence } from './index.ts';
import { NatsPresenceStore } from './store.nats.ts';
import { ACCOUNT } from './testing/presence-world.ts';

const LEASE = 1500;
const TOPIC = 'app.room';
const parts = { clock: systemClock, random: systemRandom, log: silentLog };

let server: TestNats;
let streams: EventStreams;
let close: (() => Promise<void>)[];
beforeAll(async () => {
  server = await startTestNats();
  streams = await EventStreams.open(server.bus);
});
afterAll(async () => {
  streams.close();
  await server.close();
});
beforeEach(async () => {
  close = [];
  for (const name of ['KV_cluster', 'KV_presence']) await server.bus.jsm.streams.delete(name).catch(() => false);
  await server.bus.jsm.streams.purge(streams.streamOf(ACCOUNT));
});
afterEach(async () => {
  for (const end of close.reverse()) await end();
});

async function start(node: string): Promise<NodePresence> {
  const bus = await Bus.connect({ url: server.nats.url, name: node, ...parts });
  const cluster = await ClusterMembership.join({
    store: await NatsLeaseStore.open(bus),
    node,
    roles: ['gateway'],
    timing: { leaseMs: LEASE, renewMs: LEASE / 5 },
    ...parts,
  });
  const gate = (): 'open' | 'held' | 'shut' => cluster.publishGate;
  const common = { node, gate, metrics: createMetrics(), ...parts };
  const events = new EventOutbox({ url: server.nats.url, fence: () => cluster.fence, ...common });
  const store = await NatsPresenceStore.open(bus);
  await store.ready;
  const presence = new NodePresence({ store, events, ...common });
  cluster.registerSweep(presence);
  cluster.startSweeping();
  close.push(async () => {
    await cluster.stopSweeping();
    await presence.close();
    await events.close();
    await cluster.leave();
    await bus.close();
  });
  return presence;
}

interface Child {
  readonly process: ChildProcess;
  kill(): Promise<void>;
}

async function startChild(node: string, members: number): Promise<Child> {
  const program = fileURLToPath(new URL('testing/node.ts', import.meta.url));
  const args = [program, server.nats.url, node, String(members), String(LEASE)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  close.push(kill);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  expect(line.toString()).toBe('ready\n');
  return { process: child, kill };
}

const listed = (presence: NodePresence): string[] =>
  presence.members(ACCOUNT, TOPIC, { limit: 10_000 }).members.map(({ connection }) => connection);
const joinOne = (presence: NodePresence, connection: string, identity = 'alice') =>
  presence.join({ accountSid: ACCOUNT, topic: TOPIC, connection, identity, info: undefined });

interface Told {
  readonly type: string;
  readonly connection: string;
  readonly identity: string;
  readonly identityCount: number;
}

async function told(): Promise<Told[]> {
  const found: Told[] = [];
  const filter = ingestFilter(ACCOUNT, 'presence.>');
  for await (const { data } of readEvents(server.bus, { stream: streams.streamOf(ACCOUNT), fromSeq: 1, filter })) {
    const event = JSON.parse(Buffer.from(data).toString()) as HookswitchEvent;
    found.push({ ...(event.data as Told), type: event.type });
  }
  return found;
}
const counted = (events: readonly Told[], type: string, node: string): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const event of events) {
    if (event.type !== type || !event.connection.startsWith(`${node}-`)) continue;
    counts.set(event.connection, (counts.get(event.connection) ?? 0) + 1);
  }
  return counts;
};

it('BR-7 a process killed with SIGKILL: one leave for each member, the rest stay, no ghosts', async () => {
  const [a, b] = [await start('a'), await start('b')];
  await joinOne(a, 'a-0').ready;
  const child = await startChild('c', 300);
  await eventually(() => {
    expect([listed(a).length, listed(b).length]).toEqual([301, 301]);
  });
  // Some are on their way out, told or not, when it dies.
  for (let at = 0; at < 20; at++) child.process.stdin?.write('leave\n');
  await once(child.process.stdout ?? child.process, 'data');
  await child.kill();
  await eventually(() => {
    expect([listed(a), listed(b)]).toEqual([['a-0'], ['a-0']]);
  });
  await eventually(async () => {
    expect(counted(await told(), 'presence.left', 'c').size).toBe(300);
  });
  await delay(systemClock, LEASE);
  const events = await told();
  const once300 = new Array<number>(300).fill(1);
  expect([...counted(events, 'presence.joined', 'c').values()]).toEqual(once300);
  expect([...counted(events, 'presence.left', 'c').values()]).toEqual(once300);
  expect(counted(events, 'presence.left', 'a').size).toBe(0);
  const last = events.filter(({ type, identityCount }) => type === 'presence.left' && identityCount === 0);
  expect(last.map(({ identity }) => identity).sort()).toEqual(Array.from({ length: 10 }, (_, at) => `user${at}`));
}, 60_000);

it('BR-7 an outage of NATS ends nobody; what happened meanwhile is told after it', async () => {
  const [a, b] = [await start('a'), await start('b')];
  const alice = joinOne(a, 'a-0');
  await Promise.all([alice.ready, joinOne(b, 'b-0', 'bob').ready]);
  process.kill(server.nats.pid ?? 0, 'SIGKILL');
  alice.leave('disconnected');
  const carol = joinOne(b, 'b-1', 'carol');
  await carol.ready;
  await eventually(() => {
    expect([listed(a), listed(b)]).toEqual([
      ['b-0', 'b-1'],
      ['b-0', 'b-1'],
    ]);
  });
  await delay(systemClock, 2 * LEASE);
  await eventually(async () => {
    const events = await told();
    expect(events.map(({ type, connection }) => `${type} ${connection}`).sort()).toEqual([
      'presence.joined a-0',
      'presence.joined b-0',
      'presence.joined b-1',
      'presence.left a-0',
    ]);
  });
}, 60_000);

it('BR-7 a bucket that was deleted is written anew by those who are there, without a word', async () => {
  const [a, b] = [await start('a'), await start('b')];
  await Promise.all([joinOne(a, 'a-0').ready, joinOne(b, 'b-0', 'bob').ready]);
  await server.bus.jsm.streams.delete('KV_presence');
  process.kill(server.nats.pid ?? 0, 'SIGKILL');
  await delay(systemClock, LEASE);
  await eventually(async () => {
    expect([listed(a), listed(b)]).toEqual([
      ['a-0', 'b-0'],
      ['a-0', 'b-0'],
    ]);
    expect((await told()).length).toBe(2);
  });
}, 60_000);
