export { createGateway } from './gateway.ts';
export type { ClientFacts, Gateway, GatewayOptions } from './gateway.ts';
export { LongPolls } from './http/long-poll.ts';
export type { LongPollsOptions } from './http/long-poll.ts';
export type { PollLimits } from './http/poll-limits.ts';
export { SinkError } from './sinks/errors.ts';
export { MAX_DEAD_LETTERS } from './sinks/limits.ts';
export type { Webhook, WebhookPoster, Webhooks } from './sinks/ports.ts';
export { SINK_LIMITS } from './sinks/sink-runner.ts';
export type { SinkContext, SinkLimits } from './sinks/sink-runner.ts';
export { sinkTask } from './sinks/sink-shards.ts';
export { MAX_WEBHOOKS, WebhookService, secretOf } from './sinks/webhook-service.ts';
export type { ConnectionRules } from './machine.ts';
export { Quotas } from './quotas.ts';
export type { AccountQuotas, QuotaSource } from './quotas.ts';
export { SharedUse } from './shared-use.ts';
export type { SharedUseOptions } from './shared-use.ts';
export type { OutboxLimits } from './outbox.ts';
export type {
  ClientTransport,
  ConnectionAcceptor,
  ExtensionConnection,
  ExtensionRefusal,
  MessageExtension,
  OverQuota,
  PublishQuota,
  ReceivedFrame,
  SubscribeAllFrame,
  TransportEvents,
} from './ports.ts';
