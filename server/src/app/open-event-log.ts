import { NatsEventLog } from '../hub/event-log.nats.ts';
import { NatsFenceMarks } from '../hub/fence-marks.nats.ts';
import { Retention } from '../hub/retention.nats.ts';
import { NatsRetentionStore } from '../hub/retention-store.nats.ts';
import type { Directory } from '../tenants/index.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** The log that the hub stands on, with what keeps it honest: low-water marks, and marks of the dead. */
export async function openEventLog(
  { startup, metrics }: Platform,
  { bus, streams, cluster }: BusParts,
  directory: Directory,
): Promise<NatsEventLog> {
  const { shards } = streams;
  const close = (opened: { close(): void }): void => {
    opened.close();
  };
  const store = await startup.step(
    'retention',
    () => NatsRetentionStore.open(bus, (sid) => directory.accountBySid(sid)?.limits),
    close,
  );
  const fences = await startup.step(
    'fences of events',
    () => NatsFenceMarks.open({ bus, shards, isFenced: (node, fence) => cluster.isFenced(node, fence) }),
    close,
  );
  cluster.registerSweep(fences.sweepable);
  const purged = metrics.counter('hookswitch_hub_purged_total', 'Events that the retention of their account dropped');
  const retention = new Retention({
    bus,
    shards,
    store,
    onLimits: (listener) =>
      directory.onChange(({ kind }) => {
        if (kind === 'account') listener();
      }),
    onPurged: (events) => {
      purged.inc({}, events);
    },
  });
  startup.scope.defer(cluster.singleDoer.offer(retention.task));
  return await startup.step(
    'event log',
    () => new NatsEventLog({ bus, streams, lowWater: store, isRefused: (event, how) => fences.isRefused(event, how) }),
    (opened) => opened.close(),
  );
}
