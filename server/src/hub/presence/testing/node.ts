/**
 * A member of the cluster with presence as a program, to be killed: joins as many connections to `app.room` as it is told.
 * Arguments: URL of NATS, name of the node, number of members, milliseconds of a lease. Prints `ready` when all of them
 * are listed; a line on its input has one of them leave, which is answered when it is told; it lives until it is killed.
 */
import { createInterface } from 'node:readline';
import { Bus, EventOutbox } from '../../../bus/index.ts';
import { NatsLeaseStore } from '../../../cluster/membership/lease-store.nats.ts';
import { ClusterMembership } from '../../../cluster/membership/index.ts';
import { createMetrics, silentLog, systemClock, systemRandom } from '../../../kernel/index.ts';
import { NodePresence } from '../index.ts';
import { NatsPresenceStore } from '../store.nats.ts';

const [url = '', node = '', count = '1', lease = '10000'] = process.argv.slice(2);
const accountSid = `AC${'a'.repeat(32)}`;
const parts = { clock: systemClock, random: systemRandom, log: silentLog };
const bus = await Bus.connect({ url, name: node, ...parts });
const cluster = await ClusterMembership.join({
  store: await NatsLeaseStore.open(bus),
  node,
  roles: ['gateway'],
  timing: { leaseMs: Number(lease), renewMs: Number(lease) / 5 },
  ...parts,
});
const gate = (): 'open' | 'held' | 'shut' => cluster.publishGate;
const events = new EventOutbox({ url, node, fence: () => cluster.fence, gate, metrics: createMetrics(), ...parts });
const store = await NatsPresenceStore.open(bus);
await store.ready;
const presence = new NodePresence({ store, events, node, gate, metrics: createMetrics(), ...parts });
cluster.registerSweep(presence);
cluster.startSweeping();
const members = Array.from({ length: Number(count) }, (_, at) =>
  presence.join({
    accountSid,
    topic: 'app.room',
    connection: `${node}-${at}`,
    identity: `user${at % 10}`,
    info: undefined,
  }),
);
await Promise.all(members.map(({ ready }) => ready));
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  members.pop()?.leave('disconnected');
  process.stdout.write(`${line}\n`);
}
