import { ClusterMembership } from '../cluster/membership/index.ts';
import type { Sweepable } from '../cluster/membership/index.ts';
import { NatsLeaseStore } from '../cluster/membership/lease-store.nats.ts';
import type { Bus } from '../bus/index.ts';
import type { Registration } from '../bridge/index.ts';
import type { EventSink } from '../calls/ports.ts';
import type { Platform } from './platform.ts';
import { readPredecessor } from './run-state.ts';

/** Joins the cluster. Nothing waits for a lease to run out: a new process has a new name. */
export async function openCluster(platform: Platform, bus: Bus): Promise<ClusterMembership> {
  const { config, startup, clock, log, node, metrics, health } = platform;
  const predecessor = readPredecessor(config.dataDir);
  const store = await startup.step(
    'lease store',
    () => NatsLeaseStore.open(bus),
    (opened) => {
      opened.close();
    },
  );
  const sweeps = metrics.counter(
    'hookswitch_cluster_sweeps_total',
    'Dead processes that this one tidied up after; failed ones are repeated',
    ['outcome'],
  );
  const cluster = await startup.step(
    'cluster membership',
    () =>
      ClusterMembership.join({
        store,
        node,
        roles: config.roles,
        ...(predecessor === undefined ? {} : { predecessor }),
        clock,
        log,
        onSwept: (outcome) => {
          sweeps.inc({ outcome });
        },
      }),
    (joined) => joined.leave(),
  );
  const members = (): number => cluster.members().length;
  metrics.gauge('hookswitch_cluster_members', 'Live processes of the cluster, this one included', [], members);
  metrics.gauge('hookswitch_cluster_lease_held', '1 while the lease of this process is good, else 0', [], () =>
    cluster.standing === 'held' ? 1 : 0,
  );
  health.add({
    name: 'cluster',
    problem: () => (cluster.standing === 'held' ? undefined : `the lease of this node is ${cluster.standing}`),
    show: () => ({ node, fence: cluster.fence, lease: cluster.standing, members: members() }),
  });
  return cluster;
}

/** Everything is open: tells the others, and begins to look after the dead. */
export function enterCluster(
  { config, node, startup }: Platform,
  { cluster, outbox }: { cluster: ClusterMembership; outbox: EventSink },
  { accountSid, addresses }: { accountSid: string; addresses: Readonly<Record<string, string>> },
): { readonly lost: Promise<void>; readonly sayGoodbye: () => void } {
  const lost = Promise.withResolvers<void>();
  const onStanding = (): void => {
    if (cluster.standing === 'lost') lost.resolve();
  };
  startup.scope.defer(cluster.on('standing', onStanding));
  onStanding();
  cluster.announce(addresses);
  cluster.registerSweep({
    name: 'node.left',
    sweep: (dead, fence) => {
      const data = { node: dead, fence, reason: 'expired' as const, by: node };
      outbox.emit({ accountSid, type: 'node.left', subject: dead, data });
      return Promise.resolve();
    },
  });
  cluster.startSweeping();
  // The outbox closes before the cluster is left: nothing is swept that could not be told any more.
  startup.scope.defer(() => cluster.stopSweeping());
  const { fence } = cluster;
  const joined = { node, fence, roles: [...config.roles], addresses: { ...addresses } };
  outbox.emit({ accountSid, type: 'node.joined', subject: node, data: joined });
  return {
    lost: lost.promise,
    sayGoodbye: () => {
      outbox.emit({ accountSid, type: 'node.left', subject: node, data: { node, fence, reason: 'stopped' } });
    },
  };
}

/** Devices whose gateway died: they are not registered any more, until they come back to another one. */
export function sweepRegistrations(
  registrations: { owners(): Iterable<string>; forget(node: string): Promise<readonly Registration[]> },
  events: EventSink,
): Sweepable {
  return {
    name: 'registrations',
    owners: () => registrations.owners(),
    sweep: async (node) => {
      for (const { accountSid, identity, registration } of await registrations.forget(node)) {
        const data = { identity, registration, reason: 'node-lost' };
        events.emit({ accountSid, type: 'client.unregistered', subject: identity, data });
      }
    },
  };
}
