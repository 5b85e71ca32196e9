export { BusError, KvError, RpcError } from './errors.ts';
export { EmbeddedNats, findNatsServer } from './embedded-nats.ts';
export type { EmbeddedNatsOptions } from './embedded-nats.ts';
export type { NatsTenant } from './nats-config.ts';
export { TenantResponder } from './tenant-accounts.nats.ts';
export type { TenantRequests } from './tenant-accounts.nats.ts';
export { Bus, natsOptions } from './connection.nats.ts';
export type { BusEvents, BusOptions } from './connection.nats.ts';
export {
  ALL_EVENTS,
  ALL_LOADS,
  ALL_USES,
  DEFAULT_SHARDS,
  eventSubject,
  ingestFilter,
  ingestSubject,
  kvKey,
  loadSubject,
  messageId,
  parseEventSubject,
  parseKvKey,
  requestSubject,
  rpcSubject,
  shardOf,
  streamName,
  tenantSubjects,
  useSubject,
} from './subjects.ts';
export type { EventAddress } from './subjects.ts';
export { DEDUP_WINDOW_MS, EventStreams } from './streams.nats.ts';
export type { Delivery, EventStreamOptions } from './streams.nats.ts';
export { nextEvent, readEventBatches, readEvents, streamRange } from './read-events.nats.ts';
export type { ReadEventsOptions, StoredBatch, StoredEvent } from './read-events.nats.ts';
export { seekBack, seekTime } from './seek-events.nats.ts';
export type { SeekBackOptions, SeekOptions } from './seek-events.nats.ts';
export { EventOutbox, OUTBOX_LIMITS } from './outbox.nats.ts';
export type { OutboxOptions } from './outbox.nats.ts';
export { KvBucket } from './kv.nats.ts';
export type { KvBucketOptions, KvValue } from './kv.nats.ts';
export { KvMirror } from './kv-mirror.nats.ts';
export type { KvChange } from './kv-mirror.nats.ts';
export { NodeReports } from './node-reports.nats.ts';
export { NodeRpc } from './rpc.nats.ts';
export type { RpcHandler } from './rpc.nats.ts';
