import type { MetricCounter, Metrics } from '../../kernel/index.ts';
import type { AnyMessage } from '../message/index.ts';
import type { TransportProtocol } from '../transport/index.ts';

/** Counters only grow. */
export interface LayerStats {
  /** Requests, responses and ACKs of ours that went out again. */
  readonly retransmissions: number;
}

/** Methods with a name of their own in the metrics; whatever else peers think of is `other`. */
const METHODS: ReadonlySet<string> = new Set([
  'INVITE',
  'ACK',
  'CANCEL',
  'BYE',
  'OPTIONS',
  'REGISTER',
  'INFO',
  'PRACK',
  'UPDATE',
  'REFER',
  'NOTIFY',
  'SUBSCRIBE',
  'MESSAGE',
  'PUBLISH',
]);

/** Counts messages by direction, transport, method and status. */
export class MessageCounters {
  readonly #messages: MetricCounter<'direction' | 'transport' | 'method' | 'status'> | undefined;
  readonly #repeated: MetricCounter | undefined;
  readonly #forgotten: MetricCounter | undefined;
  #retransmissions = 0;

  constructor(
    metrics: Metrics | undefined,
    transactions: { readonly kept: () => number; readonly completed: () => number },
  ) {
    if (metrics === undefined) return;
    this.#messages = metrics.counter('hookswitch_sip_messages_total', 'SIP messages, retransmissions included', [
      'direction',
      'transport',
      'method',
      'status',
    ]);
    this.#repeated = metrics.counter('hookswitch_sip_retransmissions_total', 'SIP messages that were sent again');
    this.#forgotten = metrics.counter(
      'hookswitch_sip_transactions_forgotten_total',
      'completed SIP transactions that were forgotten before their time, for want of room',
    );
    metrics.gauge('hookswitch_sip_transactions', 'SIP transactions that are kept', [], transactions.kept);
    metrics.gauge(
      'hookswitch_sip_transactions_completed',
      'those of them that only wait to be forgotten',
      [],
      transactions.completed,
    );
  }

  get stats(): LayerStats {
    return { retransmissions: this.#retransmissions };
  }

  retransmitted(): void {
    this.#retransmissions++;
    this.#repeated?.inc();
  }

  forgotten(): void {
    this.#forgotten?.inc();
  }

  count(direction: 'in' | 'out', transport: TransportProtocol, message: AnyMessage | undefined): void {
    if (this.#messages === undefined || message === undefined) return;
    const method = message.kind === 'request' ? message.method : (message.cseq?.method ?? '');
    this.#messages.inc({
      direction,
      transport,
      method: METHODS.has(method) ? method : 'other',
      status: message.kind === 'request' ? '' : String(message.status),
    });
  }
}
