export { BusError, KvError, RpcError } from './errors.ts';
export { EmbeddedNats, findNatsServer } from './embedded-nats.ts';
export type { EmbeddedNatsOptions } from './embedded-nats.ts';
export { Bus, natsOptions } from './connection.nats.ts';
export type { BusEvents, BusOptions } from './connection.nats.ts';
export {
  ALL_EVENTS,
  DEFAULT_SHARDS,
  eventSubject,
  ingestFilter,
  ingestSubject,
  kvKey,
  messageId,
  parseEventSubject,
  parseKvKey,
  requestSubject,
  rpcSubject,
  shardOf,
  streamName,
} from './subjects.ts';
export type { EventAddress } from './subjects.ts';
export { DEDUP_WINDOW_MS, EventStreams } from './streams.nats.ts';
export type { Delivery, EventStreamOptions } from './streams.nats.ts';
export { readEvents, streamRange } from './read-events.nats.ts';
export type { ReadEventsOptions, StoredEvent } from './read-events.nats.ts';
export { EventOutbox, OUTBOX_LIMITS } from './outbox.nats.ts';
export type { OutboxOptions } from './outbox.nats.ts';
export { KvBucket } from './kv.nats.ts';
export type { KvBucketOptions, KvValue } from './kv.nats.ts';
export { KvMirror } from './kv-mirror.nats.ts';
export type { KvChange } from './kv-mirror.nats.ts';
export { NodeRpc } from './rpc.nats.ts';
export type { RpcHandler } from './rpc.nats.ts';
