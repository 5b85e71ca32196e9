import { RecordingRetention } from '../media-layer/index.ts';
import type { RecordingStore } from '../media-layer/index.ts';
import type { PgRecords } from '../records/store.pg.ts';
import { effectiveLimits } from '../tenants/index.ts';
import type { BusParts, TenantParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** Most transcriptions of a recording that are removed with it: there is one, as a rule. */
const MAX_TRANSCRIPTIONS = 100;

/** Old recordings are removed once a day, by one process of the cluster. */
export async function keepRecordings(
  { startup, clock, log, metrics }: Platform,
  parts: {
    readonly bus: BusParts;
    readonly tenants: TenantParts;
    readonly records: PgRecords;
    readonly files: RecordingStore;
  },
): Promise<void> {
  const { bus, tenants, records, files } = parts;
  const removed = metrics.counter(
    'hookswitch_recordings_removed_total',
    'Recordings older than their account keeps them',
  );
  const retention = new RecordingRetention({
    facts: {
      due: async (accountSid, until, limit) => {
        const found = await records.recordings.list({ accountSid, created: { until }, limit });
        return found.filter(({ status }) => status !== 'in-progress' && status !== 'paused').map(({ sid }) => sid);
      },
      remove: async (accountSid, recordingSid) => {
        const texts = await records.recordings.transcriptions({ accountSid, recordingSid, limit: MAX_TRANSCRIPTIONS });
        for (const { sid } of texts) await records.recordings.removeTranscription(accountSid, sid);
        await records.recordings.remove(accountSid, recordingSid, new Date(clock.now()).toISOString());
      },
    },
    files,
    accounts: async () => {
      return (await tenants.store.accounts()).map(({ sid, limits }) => {
        return { accountSid: sid, keepMs: effectiveLimits(limits).recordingRetentionSeconds * 1000 };
      });
    },
    onRemoved: (count) => {
      removed.inc({}, count);
    },
    clock,
    log,
  });
  await startup.step(
    'retention of recordings',
    () =>
      bus.cluster.singleDoer.offer({
        name: 'recording-retention',
        shards: 1,
        run: ({ signal }) => retention.run(signal),
      }),
    (stop) => stop(),
  );
}
