import type { Clock, Log, Metrics, Random } from '../../kernel/index.ts';
import type { SipRequest } from '../message/index.ts';
import type { Endpoint, Transport, TransportProtocol } from '../transport/index.ts';
import type { ServerTransaction } from './server.ts';
import type { TransactionTimers } from './timers.ts';

/** The transaction user above the layer. */
export interface LayerUser {
  /** A new request that is well-formed, not merged, no ACK and no CANCEL. It must be answered. */
  onRequest(transaction: ServerTransaction): void;
  /** An ACK of a 2xx. */
  onAck(ack: SipRequest): void;
}

/** Whether there is room for new calls; a gate of sip/overload. */
export interface CallGate {
  /** @param key the same when the INVITE comes again */
  admits(key: string): boolean;
  /** A call waits for its first answer, until the function that this returns is called; more than once does no harm. */
  waits(): () => void;
}

/** A SIP message as it was on the wire. */
export interface TappedMessage {
  readonly direction: 'in' | 'out';
  readonly protocol: TransportProtocol;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Not a copy: keep it as long as you like, change nothing in it. */
  readonly bytes: Buffer;
  /** Undefined where the message has none that can be read. */
  readonly callId: string | undefined;
}

export interface LayerOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly timers?: Partial<TransactionTimers>;
  /** Most transactions at work at once (default 100 000). Above it new requests get 503, at twice that all of them. */
  readonly maxTransactions?: number;
  /**
   * Most completed transactions, of each side, kept for peers that repeat themselves (default 250 000, half a kilobyte
   * each). Above it those nearest to their end are forgotten.
   */
  readonly maxCompleted?: number;
  /** Asked for every new call (default: there is room). Those that it refuses get 503, and nothing is kept of them. */
  readonly gate?: CallGate | undefined;
  /** Hears of every message sent and received, retransmissions included. What it throws is logged. */
  readonly tap?: ((message: TappedMessage) => void) | undefined;
  /** Where messages, retransmissions and transactions are counted. */
  readonly metrics?: Metrics | undefined;
}
