import { createMetrics } from '../../kernel/index.ts';
import type { MetricCounter, MetricGauge, Metrics } from '../../kernel/index.ts';

/** What is counted of trunks. A trunk is configuration: there are few, so that it may be a label. */
export interface TrunkMetrics {
  readonly calls: MetricCounter<'trunk' | 'direction'>;
  readonly failures: MetricCounter<'trunk' | 'status'>;
  readonly channels: MetricGauge<'trunk' | 'direction'>;
  readonly registered: MetricGauge<'trunk'>;
  readonly gatewayUp: MetricGauge<'trunk' | 'gateway'>;
  readonly refused: MetricCounter<'reason'>;
}

/** @param metrics default: a registry that nobody reads */
export function trunkMetrics(metrics: Metrics = createMetrics()): TrunkMetrics {
  return {
    calls: metrics.counter('hookswitch_trunk_calls_total', 'Calls taken from, and attempts sent to, a trunk', [
      'trunk',
      'direction',
    ]),
    failures: metrics.counter('hookswitch_trunk_failures_total', 'Attempts that failed at a trunk, by SIP status', [
      'trunk',
      'status',
    ]),
    channels: metrics.gauge('hookswitch_trunk_channels', 'Channels of a trunk in use on this node', [
      'trunk',
      'direction',
    ]),
    registered: metrics.gauge('hookswitch_trunk_registered', '1 while we are registered at a carrier', ['trunk']),
    gatewayUp: metrics.gauge('hookswitch_trunk_gateway_up', '1 while a gateway takes calls, 0 while it is down', [
      'trunk',
      'gateway',
    ]),
    refused: metrics.counter('hookswitch_calls_refused_total', 'Incoming calls refused or left unanswered, by reason', [
      'reason',
    ]),
  };
}
