import type { MetricCounter, MetricGauge, MetricHistogram, Metrics } from '../kernel/index.ts';

export interface OutboxMeters {
  readonly queued: MetricGauge;
  readonly published: MetricCounter<'duplicate'>;
  readonly refused: MetricCounter<'reason'>;
  readonly retries: MetricCounter;
  readonly reordered: MetricCounter;
  readonly latency: MetricHistogram;
}

export function outboxMeters(metrics: Metrics): OutboxMeters {
  return {
    queued: metrics.gauge('hookswitch_outbox_messages', 'Messages in the outbox, not yet stored by NATS'),
    published: metrics.counter('hookswitch_outbox_stored_total', 'Messages stored by NATS', ['duplicate']),
    refused: metrics.counter('hookswitch_outbox_refused_total', 'Events that were not published: lost', ['reason']),
    retries: metrics.counter(
      'hookswitch_outbox_interruptions_total',
      'Connections given up, their messages sent again',
    ),
    reordered: metrics.counter('hookswitch_outbox_reordered_total', 'Messages stored before an earlier one'),
    latency: metrics.histogram('hookswitch_outbox_seconds', 'Time from emit until NATS has stored the message', {
      buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30],
    }),
  };
}
